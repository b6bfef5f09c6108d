"""The file store: what it keeps can be read through the gate, by links that lapse, and goes when nothing needs it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.errors import FetchRefused, Refused, Retry
from gateway.files import folder, records
from gateway.files.records import Record
from gateway.files.store import FileStore, Named
from gateway.message import File
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


async def test_erasing_a_session_takes_its_files(kit: Kit, tmp_path: Path) -> None:
    await put(kit, "one", b"x")
    gone = await kit.corridor.db.write(records.erase, await session(kit))
    folder.remove(tmp_path / "files", gone)
    assert kept(tmp_path / "files") == set()
