"""A backup holds one moment of a store that goes on working, and fills an empty store of either kind with it."""

import asyncio
from pathlib import Path

import apsw
import pytest

from gateway.backup.file import BackupFile
from gateway.backup.restoring import Wanted, tombstones
from gateway.clock import Clock
from gateway.db import migrations
from gateway.db.opening import open_database
from gateway.db.sqlite_file import connect, migrate
from gateway.errors import BackupError, StorageDown
from gateway.files import folder as contents
from gateway.foundation import lay
from gateway.tasks import Tasks
from tests.carried import KINDS, backup, change, held, restored, rows, settings
from tests.keeping import kept
from tests.kit import configure, corridor
from tests.patience import PATIENCE
from tests.store import AUDIT, faults
from tests.test_erasing import NEEDLES, YAML, answers, town, traces

pytestmark = pytest.mark.feature("STO-08")


async def test_one_moment_of_a_store_that_is_written_to(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        stop = asyncio.Event()

        async def talk(user: str) -> None:
            while not stop.is_set():
                await kit.say("hello", user=user)

        talking = [asyncio.create_task(talk(f"user{number}")) for number in range(5)]
        await kit.until(lambda: len(kit.paper.sent) > 100)
        before = (await kit.rows("SELECT COUNT(*) FROM inbox"))[0][0]
        async with asyncio.timeout(PATIENCE):
            while True:
                sent = len(kit.paper.sent)
                facts = await backup(tmp_path, tmp_path / "one.backup")
                if len(kit.paper.sent) > sent + 5:  # which five users can only have if it works on meanwhile
                    break
                (tmp_path / "one.backup").unlink()
        stop.set()
        await asyncio.gather(*talking)
        await kit.quiet()
    assert before <= facts.rows["inbox"]
    assert facts.served
    assert faults(lambda sql: rows(tmp_path / "one.backup", sql), AUDIT) == []
    assert {name: len(found) for name, found in held(tmp_path / "one.backup").items()} == facts.rows


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
async def test_every_row_and_file_goes_from_either_kind_to_either(tmp_path: Path, source: str, target: str) -> None:
    async with town(tmp_path) as (kit, _):
        await kit.rows("SELECT 1")
    await backup(tmp_path, tmp_path / "first")
    here, there = tmp_path / "here", tmp_path / "there"
    await restored(here, tmp_path / "first", kind=source)
    facts = await backup(here, tmp_path / "second", kind=source)
    done = await restored(there, tmp_path / "second", kind=target)
    assert done.rows == facts.rows
    await backup(there, tmp_path / "third", kind=target)
    assert held(tmp_path / "third") == held(tmp_path / "second")
    assert all(held(tmp_path / "third")[table] for table in ("lane", "message", "dedupe", "file", "token"))
    assert (done.files, done.missing) == (4, 0)
    assert _files(there / "files") == _files(tmp_path / "files")


def _files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


async def test_sessions_go_on_where_they_were(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    async with kept(here, YAML) as kit:
        kit.bot(answers)
        accepted = await kit.say("remember this", user="ada", event="e1")
        await kit.quiet()
        token = await kit.token(accepted.session, None)
        key = kit.corridor.files._key
        kit.corridor.desk.draining = True
        await kit.say("are you there?", user="bob", event="e2")
    assert not (await backup(here, tmp_path / "b")).served
    await restored(there, tmp_path / "b")
    async with kept(there, YAML) as kit:
        bot = kit.bot(answers)
        assert await kit.tokens() == {token}
        assert kit.corridor.files._key == key, "links to files are good still"
        assert (await kit.say("remember this", user="ada", event="e1")).outcome == "duplicate"
        await kit.say("and now?", user="ada")
        await kit.quiet()
        asked = {turn.message.text: turn for turn in bot.turns}
        assert [line.text for line in asked["and now?"].history] == ["remember this", "you said remember this"]
        assert asked["and now?"].session.id == accepted.session
        assert asked["and now?"].session.variables == {"last": "remember this"}
        assert asked["and now?"].participant.data == {"likes": "remember this"}
        assert "are you there?" in asked, "what waited when the gateway was stopped is answered by the next one"
        assert len(bot.turns) == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_on_the_wire_is_in_doubt(tmp_path: Path, kind: str) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    await change(
        here,
        kind,
        """INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread, pending, out_due_at,
               out_holder) VALUES (7, 'k', 'p', 'acct', 'b', 'dm', 'dm', 'ada', '', 2, 99, 'somebody')""",
        """INSERT INTO outbox (lane, seq, session, channel, epoch, body, created_at, state)
             VALUES (7, 1, 's', 'p', 0, '{}', 1, 'sending'), (7, 2, 's', 'p', 0, '{}', 1, 'ready')""",
    )
    await backup(here, tmp_path / "b", kind=kind)
    await restored(there, tmp_path / "b", kind=kind)
    await backup(there, tmp_path / "after", kind=kind)
    states = rows(tmp_path / "after", "SELECT state, unknowns FROM outbox ORDER BY id")
    assert states == [("unknown", 1), ("ready", 0)]
    assert rows(tmp_path / "after", "SELECT pending, out_due_at, out_holder FROM lane") == [(2, 0, None)]


@pytest.mark.parametrize("kind", KINDS)
async def test_new_rows_get_new_numbers(tmp_path: Path, kind: str) -> None:
    async with town(tmp_path):
        pass
    facts = await backup(tmp_path, tmp_path / "b")
    await restored(tmp_path / "there", tmp_path / "b", kind=kind)
    another = "INSERT INTO dropped (channel, account, event, chat, reason, at) VALUES ('p', '', 'e', 'c', 'loop', 1)"
    await change(tmp_path / "there", kind, another)
    assert (await backup(tmp_path / "there", tmp_path / "after", kind=kind)).rows["dropped"] == facts.rows[
        "dropped"
    ] + 1


class _Cut(Exception):
    pass


@pytest.mark.parametrize("kind", KINDS)
async def test_a_restore_that_was_cut_off_is_gone_on_with(tmp_path: Path, kind: str) -> None:
    async with town(tmp_path):
        pass
    whole = (await backup(tmp_path, tmp_path / "b")).rows
    await backup(tmp_path, tmp_path / "other")
    there, steps = tmp_path / "there", 0

    def cut(what: str, done: int, of: int) -> None:
        nonlocal steps
        steps += 1
        if what == "store" and steps % 3 == 0:
            raise _Cut

    cuts, done = 0, None
    while done is None:
        try:
            done = await restored(there, tmp_path / "b", kind=kind, progress=cut)
        except _Cut:
            cuts += 1
            db = await open_database(settings(there, kind).url, there)
            with pytest.raises(StorageDown, match="run `gateway restore` once more"):
                await lay(configure(tmp_path), db, Clock(), Tasks())
            await db.close()
            with pytest.raises(BackupError, match="another restore"):
                await restored(there, tmp_path / "other", kind=kind)
    assert cuts > 2
    assert done.rows == whole
    await backup(there, tmp_path / "after", kind=kind)
    assert held(tmp_path / "after") == held(tmp_path / "b")


async def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    async with town(tmp_path):
        pass
    await backup(tmp_path, tmp_path / "b")
    before = (tmp_path / "b").read_bytes()
    with pytest.raises(BackupError, match="nothing is overwritten"):
        await backup(tmp_path, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == before
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600
    with pytest.raises(BackupError, match="not empty"):
        await restored(tmp_path, tmp_path / "b")


async def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async with town(tmp_path):
        pass
    before = set(tmp_path.iterdir())
    for path in contents.place(tmp_path / "files", "x").parent.parent.glob("??/*"):
        path.unlink()
        path.mkdir()
    with pytest.raises(BackupError, match="directory"):
        await backup(tmp_path, tmp_path / "b")
    assert set(tmp_path.iterdir()) == before


async def test_what_is_no_whole_backup_is_refused(tmp_path: Path) -> None:
    async with town(tmp_path):
        pass
    await backup(tmp_path, tmp_path / "b")
    whole = (tmp_path / "b").read_bytes()
    for name, content in (("text", b"hello"), ("half", whole[: len(whole) // 2]), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BackupError):
            await restored(tmp_path / "there", tmp_path / name)
    apsw.Connection(str(tmp_path / "b")).pragma("user_version", 999)
    with pytest.raises(StorageDown, match="schema is version 999"):
        await restored(tmp_path / "elsewhere", tmp_path / "b")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_backup_of_an_older_program_is_brought_up_to_date(tmp_path: Path, kind: str) -> None:
    older = connect(tmp_path / "gateway.db")
    migrate(older, tmp_path / "gateway.db", 6)
    older.execute(
        """INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread)
             VALUES (7, 'k', 'p', 'acct', 'b', 'dm', 'dm', 'ada', '');
           INSERT INTO session (id, lane, key, channel, bot, epoch, created_at, first_activity, last_activity,
             last_user_activity, quiet_from) VALUES ('s', 7, 'k', 'p', 'b', 0, 1, 1, 1, 1, 1);
           INSERT INTO message (session, seq, role, text, at) VALUES ('s', 1, 'user', 'long ago', 1)"""
    )
    older.close()
    facts = await backup(tmp_path, tmp_path / "b", kind="sqlite")
    assert facts.schema == 6
    await restored(tmp_path / "there", tmp_path / "b", kind=kind)
    await backup(tmp_path / "there", tmp_path / "after", kind=kind)
    assert rows(tmp_path / "after", "SELECT text FROM message") == [("long ago",)]
    assert rows(tmp_path / "after", "SELECT id, resolved_by FROM session") == [("s", None)]
    assert BackupFile.open(tmp_path / "after").schema == migrations()[-1][0]


async def test_files_may_be_left_out_and_are_told_when_they_are_nowhere(tmp_path: Path) -> None:
    async with town(tmp_path):
        pass
    facts = await backup(tmp_path, tmp_path / "b", files=False)
    assert (facts.files, facts.with_files) == (0, False)
    done = await restored(tmp_path / "there", tmp_path / "b")
    assert (done.files, done.missing) == (0, 4)
    gone = next((tmp_path / "files").glob("??/*"))
    gone.unlink()
    facts = await backup(tmp_path, tmp_path / "c")
    assert (facts.files, facts.missing) == (3, 1)


@pytest.mark.feature("SEC-08")
async def test_who_was_erased_since_is_erased_again(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        await backup(tmp_path, tmp_path / "before")
        await kit.router.erasure.erase(ada)
        await backup(tmp_path, tmp_path / "after")
    there = tmp_path / "there"
    done = await restored(there, tmp_path / "before", Wanted(erased=tombstones(tmp_path / "after")))
    assert done.erased == 1
    async with kept(there, YAML) as kit:
        assert (await traces(kit, NEEDLES))["message"] > 0
        await kit.later(60)
        assert {table: found for table, found in (await traces(kit, NEEDLES)).items() if found} == {}


async def test_a_store_in_use_is_not_restored_into(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        await backup(tmp_path, tmp_path / "b")
        with pytest.raises((BackupError, StorageDown), match="another gateway"):
            await restored(tmp_path, tmp_path / "b", Wanted())
    with pytest.raises(BackupError, match="omit --moved"):
        await restored(tmp_path / "there", tmp_path / "b")
