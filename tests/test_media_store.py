"""The file store: what it keeps can be read through the gate, by links that lapse, and goes when nothing needs it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import FetchRefused, Refused, Retry
from gateway.files import records
from gateway.files.records import Record
from gateway.files.store import FileStore, Named
from gateway.message import File
from tests.full import shut
from tests.kit import Kit, corridor
from tests.uploads import kept

pytestmark = pytest.mark.feature("MED-01")


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    async with corridor(tmp_path) as one:
        await one.say("hello")
        await one.quiet()
        yield one


async def session(kit: Kit) -> str:
    return str((await kit.rows("SELECT id FROM session"))[0][0])


async def put(kit: Kit, id: str, content: bytes, name: str = "a.txt") -> Record:
    store = kit.corridor.files
    draft = await store.read(pieces(content), 1_000_000)
    [record] = await store.keep(await session(kit), [Named(id, name, "text/plain", draft)])
    return record


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for piece in content:
        yield piece


async def read(kit: Kit, file: File) -> bytes:
    return b"".join([piece async for piece in kit.here.adapter.gate.content(file)])


@pytest.mark.feature("MED-04")
async def test_the_gate_gives_the_content(kit: Kit) -> None:
    content = bytes(range(256)) * 2000
    file = kit.corridor.files.file(await put(kit, "one", content))
    assert await read(kit, file) == content
    assert len([piece async for piece in kit.here.adapter.gate.content(file)]) > 1


@pytest.mark.feature("MED-04")
async def test_what_is_not_there_is_refused_and_what_cannot_be_read_is_for_later(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(Refused):
        await read(kit, File(id="never"))
    record = await put(kit, "one", b"x")
    place = kit.corridor.files.place(record)
    place.rename(place.with_name("moved"))
    with pytest.raises(Refused):
        await read(kit, File(id="one"))
    place.mkdir()
    with pytest.raises(Retry):
        await read(kit, File(id="one"))


@pytest.mark.feature("MED-02")
async def test_more_than_allowed_leaves_nothing(kit: Kit, tmp_path: Path) -> None:
    store = kit.corridor.files
    (await store.read(pieces(b"12", b"34"), 4)).drop()
    with pytest.raises(FetchRefused) as refused:
        await store.read(pieces(b"12", b"34", b"5"), 4)
    assert refused.value.reason == "too_large"
    assert kept(tmp_path / "files") == set()


class Interrupting(ThreadPoolExecutor):
    """Does what it is asked at once, and interrupts who asked over the result of the last one counted."""

    def __init__(self) -> None:
        super().__init__()
        self.counted, self.victim = 0, asyncio.Future[None]()

    def submit(self, do: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(do(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        self.counted -= 1
        if self.counted == 0:
            self.victim.cancel()
        return done


@pytest.mark.feature("LIF-10")
async def test_who_is_interrupted_at_a_file_leaves_nothing_open_and_nothing_behind(kit: Kit, tmp_path: Path) -> None:
    threads = Interrupting()
    asyncio.get_running_loop().set_default_executor(threads)
    await put(kit, "old", b"x" * 600_000)
    session_id, before = await session(kit), kept(tmp_path / "files")

    async def use() -> None:
        content = kit.corridor.files.content(File(id="old"))
        draft = await kit.corridor.files.read(content, 1_000_000)
        try:
            await kit.corridor.files.keep(session_id, [Named("new", "a.txt", "text/plain", draft)])
        finally:
            draft.drop()

    interrupted = 0
    for threads.counted in range(1, 100):
        threads.victim = asyncio.create_task(use())
        await asyncio.wait([threads.victim])
        assert kept(tmp_path / "files") == before
        if not threads.victim.cancelled():
            threads.victim.result()
            break
        interrupted += 1
    assert interrupted >= 8, "at the draft, at every piece that is read or written, and when it is kept"
    threads.victim = asyncio.Future()
    gc.collect()  # what is still open is a warning now, and a warning is an error


async def test_the_same_id_again_takes_its_place(kit: Kit, tmp_path: Path) -> None:
    first, other = await put(kit, "one", b"first"), await put(kit, "two", b"first")
    assert first.sha256 == other.sha256
    await put(kit, "one", b"second")
    assert await read(kit, File(id="one")) == b"second"
    assert await read(kit, File(id="two")) == b"first"
    await put(kit, "two", b"second")
    assert kept(tmp_path / "files") == {(await put(kit, "one", b"second")).sha256}


async def test_drafts_of_a_killed_process_are_cleared(kit: Kit, tmp_path: Path) -> None:
    left = tmp_path / "files" / "incoming" / "half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    again = FileStore(kit.corridor.db, kit.clock, tmp_path / "files")
    await again.open()
    assert kept(tmp_path / "files") == set()


async def test_links_are_the_same_stores_after_a_restart(kit: Kit, tmp_path: Path) -> None:
    store, record = kit.corridor.files, await put(kit, "one", b"x")
    again = FileStore(kit.corridor.db, kit.clock, tmp_path / "files")
    await again.open()
    assert store.file(record).url.rpartition("=")[2] == again.file(record).url.rpartition("=")[2]


async def test_what_is_forsaken_cannot_be_had_and_goes_with_its_content(kit: Kit, tmp_path: Path) -> None:
    store, record = kit.corridor.files, await put(kit, "one", b"x")
    kept_too = await put(kit, "two", b"y")
    await put(kit, "three", b"y")
    for id in ("one", "three"):
        assert await kit.corridor.db.write(records.forsake, [id]) == 1
    with pytest.raises(Refused):
        await read(kit, File(id="one"))
    assert await store.known(record.session, ["one", "two"]) == {"two": kept_too}
    # Not before its content is gone does its row go: a crash between the two leaves somebody who knows of it.
    assert kept(tmp_path / "files") == {record.sha256, kept_too.sha256}
    assert await kit.rows("SELECT COUNT(*) FROM file") == [(3,)]
    assert await store.lapse() == 2
    assert kept(tmp_path / "files") == {kept_too.sha256}
    assert await kit.rows("SELECT id FROM file") == [("two",)]
    assert await read(kit, File(id="two")) == b"y"


@pytest.mark.feature("STO-01")
async def test_it_opens_while_somebody_else_holds_the_store(kit: Kit, tmp_path: Path) -> None:
    await put(kit, "f1", b"hello")
    again = FileStore(kit.corridor.db, kit.clock, tmp_path / "files")
    with shut(tmp_path):
        await again.open()
    file = File(id="f1", name="a.txt")
    assert again.link(file) == kit.corridor.files.link(file)
