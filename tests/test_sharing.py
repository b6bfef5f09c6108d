"""Several gateways on one database keep their files in one folder, and do not take each other's away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.daemon import Daemon
from gateway.db.postgres import Postgres
from gateway.errors import StorageDown
from gateway.files.store import FileStore, Named
from gateway.housekeeping import Housekeeping
from gateway.settings import load
from tests.postgres import server

YAML = """
server: {{listen: "127.0.0.1:0", lease: 1s}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: '{url}', files: '{files}', local: '{home}'}}
bots: {{b: {{kind: echo}}}}
channels: {{site: {{platform: web, bot: b}}}}
"""


def gateway(place: Path, name: str, files: Path) -> Daemon:
    file = place / f"{name}.yaml"
    file.write_text(YAML.format(url=server().database(place), files=files, home=place / name), "utf-8")
    return Daemon(load(file, {}), root=place)


@asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[None]:
    await daemon.start()
    try:
        yield
    finally:
        await daemon.stop(0)


@pytest.mark.feature("STO-05")
async def test_another_folder_than_the_others_is_refused(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    (tmp_path / "another name").symlink_to(theirs)
    async with running(gateway(tmp_path, "a", theirs)):
        with pytest.raises(StorageDown, match="in another folder"):
            await gateway(tmp_path, "b", ours).start()
        async with running(gateway(tmp_path, "c", tmp_path / "another name")):
            pass
    async with running(gateway(tmp_path, "d", ours)):  # nobody is there any more
        with pytest.raises(StorageDown, match="theirs"):
            await gateway(tmp_path, "e", theirs).start()


@pytest.mark.feature("STO-05", "OBS-02")
async def test_a_store_that_is_away_is_told_and_ends_nobodys_housekeeping(tmp_path: Path) -> None:
    """The first keeps house, so the second only measures; without a store neither knows whose it is."""
    files = tmp_path / "files"
    async with AsyncExitStack() as stack:
        daemons = [gateway(tmp_path, name, files) for name in ("a", "b")]
        for daemon in daemons:
            await stack.enter_async_context(running(daemon))
        for daemon in daemons:
            house = Housekeeping(daemon.corridor, daemon.router.erasure)
            await house.attend()
            assert b"gateway_storage_up 1.0" in daemon.corridor.metrics.text()
            await daemon.corridor.db.close()
            await house.attend()
            assert b"gateway_storage_up 0.0" in daemon.corridor.metrics.text()


@pytest.mark.feature("STO-05", "MED-02")
async def test_a_content_that_one_removes_while_another_keeps_it_stays(tmp_path: Path) -> None:
    root = tmp_path / "files"
    dbs = [await _opened(tmp_path) for _ in range(2)]
    stores = [FileStore(db, Clock(), root, several=True) for db in dbs]
    for store in stores:
        await store.open()

    async def comes_and_goes(store: FileStore, name: str) -> None:
        for number in range(30):
            named = await _named(store, f"{name}-{number}")
            await store.hold("s", [named])
            named.draft.drop()
            if number < 29:
                await store.drop("s", [named.id])

    await asyncio.gather(*(comes_and_goes(store, str(number)) for number, store in enumerate(stores)))
    for store in stores:
        records = await store.known("s", ["0-29", "1-29"])
        assert len(records) == 2
        assert all(store.place(record).read_bytes() == b"the same" for record in records.values())
    for db in dbs:
        await db.close()


SESSION = """INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread, session)
    VALUES (1, 'k', 'c', '', 'b', 'dm', 'dm', '1', '', 's') ON CONFLICT DO NOTHING;
    INSERT INTO session (id, lane, key, channel, bot, epoch, created_at, first_activity, last_activity,
    last_user_activity, quiet_from) VALUES ('s', 1, 'k', 'c', 'b', 0, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING"""


async def _opened(place: Path) -> Postgres:
    """The database, with a session in it."""
    url = server().database(place)
    server().ask(SESSION, place)
    return await Postgres.open(url, 4)


async def _named(store: FileStore, id: str) -> Named:
    draft = await store.draft()
    await asyncio.to_thread(draft.write, b"the same")
    return Named(id, "x.txt", "text/plain", draft)


@pytest.mark.feature("STO-05", "MED-02")
async def test_a_start_leaves_what_another_process_is_writing(tmp_path: Path) -> None:
    db = await _opened(tmp_path)
    one, other = (FileStore(db, Clock(), tmp_path / "files", several=True) for _ in range(2))
    named = await _named(one, "kept")
    await other.open()
    await one.hold("s", [named])
    named.draft.drop()
    assert set(await other.known("s", ["kept"])) == {"kept"}
    await db.close()


@pytest.mark.feature("STO-05")
async def test_who_stops_waits_for_nothing_that_never_ends(tmp_path: Path) -> None:
    daemon = gateway(tmp_path, "one", tmp_path / "files")
    await daemon.start()
    real, ended = daemon._tasks.wait, list[bool]()

    async def wait(seconds: float | None = None) -> bool:
        ended.append(await real(seconds))
        return ended[-1]

    daemon._tasks.wait = wait  # type: ignore[method-assign]
    await daemon.stop(0)
    assert ended == [True]
