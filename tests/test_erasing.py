"""Erasing a person: nothing of them stays in any table, nothing of anybody else goes, and no crash leaves it half."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.bot import Change, Piece, Say
from gateway.errors import BotBroken
from gateway.message import Button, File, Outbound, Turn
from tests.groups import chat, hear
from tests.keeping import DAY, Kept, kept
from tests.kit import said
from tests.operators import desk
from tests.postgres import CHOSEN, TABLES
from tests.uploads import kept as contents

pytestmark = [pytest.mark.feature("SEC-08"), pytest.mark.store]

YAML = """
bots: {b: {kind: echo, retries: 0}, sales: {kind: echo}}
channels:
  p:
    platform: tests.diary
    bot: b
    limits: {send: off, messages: off}
    group: {context: 10, mode: mention}
    groups: {"own": {scope: user}}
    routes: [{chat: "g2", bot: sales}]
    access: {block: ["666"]}
"""

WAS, IS = "700100200", "700100201"  # one person's id, before and today
NEEDLES = (WAS, IS, "xyzzy")
"""Ada's ids, and the word that is in everything she says, in her name, and in the names of her files."""

OF_NOBODY = {
    "tenure": "which process does what",
    "meta": "the store's own words",
    "dedupe": "hashes of events, without which a platform's repeats would come in again",
    "api_key": "keys of operators and programs",
    "erased": "hashes of people",
    **({"writer": "connections, by ids of ours"} if CHOSEN else {}),
}
"""Tables that say nothing of people, and why. In any other one `life` must leave traces, and erasing none."""


async def answers(turn: Turn) -> AsyncIterator[Piece]:
    if "break" in turn.message.text:
        raise BotBroken(f"cannot answer {turn.message.text}")
    if turn.message.address.place == "group" and turn.message.address.chat != "own":
        yield Change(participant_set={"likes": turn.message.text})
        yield Say(Outbound(text="well", buttons=(Button(text="More"),)))
        return
    yield Change(participant_set={"likes": turn.message.text}, variables={"last": turn.message.text})
    yield Say(Outbound(text=f"you said {turn.message.text}"))


def notes(name: str) -> File:
    return File(ref=f"what {name} wrote", name=f"{name}.txt", mime="text/plain")


async def react(kit: Kept, user: str, ref: str, chat: str) -> None:
    thumb = said(kit.here, "", user=user, chat=chat, place="group", ref=ref)
    reaction = {"reaction": {"emoji": "+1", "removed": False}}
    assert (await kit.receive(replace(thumb, kind="reaction", extra=reaction))).outcome == "stored"


async def life(kit: Kept, user: str, word: str) -> str:
    """Somebody leaves traces wherever traces can be left. Returns their participant with bot `b`."""
    await kit.say(f"{word} hello", user=user, files=(notes(word),))
    await kit.quiet()
    await hear(kit, f"{word} buys", user, "g2")
    await kit.quiet()
    session = await kit.rows("SELECT id FROM session WHERE key LIKE $1", f"%user={user}%")
    await kit.token(session[0][0], None)
    await hear(kit, f"{word} in company", user, files=(notes(f"{word} group"),))
    await kit.quiet()
    await react(kit, user, f"ref-{len(kit.paper.sent)}", "g1")
    await hear(kit, f"{word} alone in company", user, "own")
    await hear(kit, f"break {word}", user)
    await kit.quiet()
    await chat(kit, f"{word} whispered", user)
    await kit.say("", user=user, files=(), kind="service")
    rows = await kit.rows("SELECT id FROM participant WHERE person = $1 AND bot = 'b'", user)
    return str(rows[0][0])


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[tuple[Kept, str]]:
    """Ada and Bob have lived here, and Ada goes by another id today."""
    async with kept(folder, YAML) as kit:
        kit.bot(answers)
        kit.bot(answers, "sales")
        await life(kit, "800300400", "bobbing")
        ada = await life(kit, WAS, "xyzzy")
        moves = said(kit.here, "", user=WAS)
        await kit.receive(replace(moves, kind="migrate", extra={"from": WAS, "to": IS}))
        await kit.say("xyzzy again", user=IS)
        await kit.quiet()
        yield kit, ada


async def tables(kit: Kept) -> list[str]:
    rows = await kit.rows(TABLES)
    return [name for (name,) in rows]


async def traces(kit: Kept, needles: tuple[str, ...]) -> dict[str, int]:
    """By table the rows that name somebody: in their own cells, or by a session, lane or participant that is theirs."""
    theirs: set[Any] = set(needles)
    found: dict[str, int] = {}
    for _ in range(2):  # what points to them is known after one look at what names them
        for table in await tables(kit):
            cursor = await kit.rows(f"SELECT * FROM {table}")
            rows = [row for row in cursor if any(_names(cell, theirs) for cell in row)]
            found[table] = len(rows)
            if table in ("session", "participant"):
                theirs |= {row[0] for row in rows if table == "participant" or _alone(row, needles)}
    return found


def _names(cell: Any, theirs: set[Any]) -> bool:
    text = cell.decode("latin-1") if isinstance(cell, bytes) else cell
    return isinstance(text, str) and any(one in text for one in theirs)


def _alone(session: tuple[Any, ...], needles: tuple[str, ...]) -> bool:
    return any(f"user={needle}" in str(session[3]) for needle in needles)


async def test_the_test_knows_of_every_table(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, _):
        found = await traces(kit, NEEDLES)
        unfilled = [table for table, rows in found.items() if not rows and table not in OF_NOBODY]
        assert unfilled == [], "a table that may hold something of people: let `life` leave a trace in it"
        assert set(OF_NOBODY) <= set(found)


@pytest.mark.feature("GRP-07", "KEY-09")
async def test_every_conversation_that_a_group_has_had_is_looked_through(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML.replace("mode: mention", "mode: mention, reset_by: anyone")) as kit:
        kit.bot(answers)
        for count in range(1, 4):
            await hear(kit, f"xyzzy {count}", WAS)
            await kit.quiet()
            await hear(kit, "/reset", "800300400")
            await kit.quiet()
        assert await kit.rows("SELECT COUNT(*) FROM session") == [(4,)]
        ((ada,),) = await kit.rows("SELECT id FROM participant WHERE person = $1", WAS)
        counts = await kit.router.erasure.erase(ada)
        assert counts is not None
        assert counts["messages"] >= 3
        assert await kit.rows("SELECT text FROM message WHERE text LIKE '%xyzzy%'") == []


@pytest.mark.feature("GRP-07", "OUT-08", "KEY-09", "ID-04")
async def test_nothing_of_them_stays_in_any_table(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        counts = await kit.router.erasure.erase(ada)
        assert {table: rows for table, rows in (await traces(kit, NEEDLES)).items() if rows} == {}
        assert counts is not None
        assert set(counts) == {
            *("messages", "files", "ratings", "inbox", "outbox", "dropped", "tokens", "sessions", "overheard"),
            "participants",
        }
        assert counts["participants"] == 2, "with both bots"
        assert counts["files"] == 2
        assert kit.corridor.aliases == {}


async def test_nothing_of_others_goes(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        needles = ("800300400", "bobbing")
        before, paths = await traces(kit, needles), contents(tmp_path / "files")
        lines = await kit.rows("SELECT text FROM message WHERE text LIKE '%bobbing%' ORDER BY session, seq")
        await kit.router.erasure.erase(ada)
        assert await traces(kit, needles) == before
        assert await kit.rows("SELECT text FROM message WHERE text LIKE '%bobbing%' ORDER BY session, seq") == lines
        assert len(paths) == 4
        assert len(contents(tmp_path / "files")) == 2, "the contents of their files are gone from the disk"


async def test_in_company_only_their_own_words_are_blanked(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        group = """SELECT m.role, m.name, m.text FROM message m JOIN session s ON s.id = m.session
                     JOIN lane l ON l.id = s.lane WHERE l.chat = 'g1' AND m.role = 'user' ORDER BY m.seq"""
        assert [row[2] for row in await kit.rows(group)] == [
            *("bobbing in company", "break bobbing", "xyzzy in company", "break xyzzy"),
        ]
        await kit.router.erasure.erase(ada)
        assert await kit.rows(group) == [
            ("user", "800300400", "bobbing in company"),
            ("user", "800300400", "break bobbing"),
            ("user", "", "[erased]"),
            ("user", "", "[erased]"),
        ]


async def test_whoever_comes_again_is_a_stranger(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        await kit.router.erasure.erase(ada)
        assert await kit.router.erasure.erase(ada) is None
        bot = kit.bot(answers)
        await kit.say("hello", user=IS)
        await kit.quiet()
        turn = bot.turns[-1]
        assert (turn.participant.id != ada, turn.participant.data, turn.history) == (True, {}, ())
        again = await kit.router.erasure.erase(turn.participant.id)
        assert again is not None
        assert (again["participants"], again["messages"]) == (1, 2), "it counts anew"


async def test_what_was_begun_is_finished_after_a_crash(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        job = asyncio.create_task(kit.router.erasure.erase(ada))
        await kit.stored("SELECT COUNT(*) FROM erased WHERE participant IS NOT NULL", (1,))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
    async with kept(tmp_path, YAML) as kit:
        assert await kit.rows("SELECT COUNT(*) FROM erased WHERE participant IS NOT NULL") == [(1,)]
        await kit.later(60)
        assert {table: rows for table, rows in (await traces(kit, NEEDLES)).items() if rows} == {}
        assert await kit.rows("SELECT participant, done_at > 0 FROM erased") == [(None, 1)]


async def test_operators_erase_by_the_admin_api_and_the_tombstone_names_nobody(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.say("hello", user="ada")
        await here.say("hello", user="bob")
        await here.quiet()
        listed = (await here.get("participants?user=ada"))["participants"]
        assert [(one["channel"], one["bot"], one["user"], one["name"]) for one in listed] == [("p", "b", "ada", "Ada")]
        path = f"participants/{listed[0]['id']}/erase"
        weak = await here.key("operator")
        assert (await here.admin("POST", path, key=weak)).status == 403
        answer = await here.admin("POST", path, key=await here.key("admin"))
        assert answer.status == 200
        assert answer.json["erased"]["messages"] == 2
        assert (await here.ask("POST", path)).code == "participant_unknown"
        assert [one["user"] for one in (await here.get("participants?channel=p"))["participants"]] == ["bob"]
        ((person, participant, counts),) = await here.rows("SELECT person, participant, counts FROM erased")
        assert (len(person), participant, "ada" in counts) == (32, None, False)


@pytest.mark.feature("SEC-10", "OUT-08")
async def test_when_somebody_last_wrote_is_forgotten_once_no_window_needs_it(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await kit.say("hello", user="ada")
        await kit.quiet()
        await kit.later(6 * DAY)
        await kit.say("hello", user="bob")
        await kit.quiet()
        heard = "SELECT chat FROM heard ORDER BY chat"
        assert await kit.rows(heard) == [("ada",), ("bob",)]
        for _ in range(60):
            await kit.later(DAY / 30)
        assert await kit.rows(heard) == [("bob",)]
