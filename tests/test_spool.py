"""The store goes away and comes back: what platforms pushed meanwhile was taken, and is answered once and in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.errors import StorageDown
from gateway.intake import Accepted
from gateway.journal import Journal
from gateway.message import Inbound
from gateway.spool import Spool
from tests import postgres, telegram_road
from tests.far.telegram import TOKEN, TelegramServer
from tests.full import shut
from tests.kit import Kit, corridor
from tests.paper import said
from tests.postgres import server
from tests.process import Gateway
from tests.steps import whole

pytestmark = pytest.mark.store

JOURNAL = "inbox: {journal: journal}"


@asynccontextmanager
async def spooling(folder: Path) -> AsyncIterator[tuple[Kit, Journal]]:
    """A corridor with a journal, whose forwarder is not running yet."""
    async with corridor(folder) as kit:
        journal = Journal(folder / "journal", kit.clock.new_id, kit.corridor.tasks)
        await journal.open()
        kit.router.spool = Spool(kit.corridor, journal, kit.router.receive)
        yield kit, journal
        await kit.corridor.tasks.wait(1)
        journal.close()


async def pushed(kit: Kit, text: str, **how: str) -> str:
    """Something that a platform hands in; returns what became of it."""
    receipt = await kit.here.adapter.gate.receive(said(kit.here, text, **how))  # type: ignore[arg-type]
    return receipt.outcome if receipt.entry else f"{receipt.outcome} in the journal"


@pytest.mark.feature("INB-11", "INB-02")
async def test_with_the_store_away_events_are_kept_and_taken_in_afterwards(tmp_path: Path) -> None:
    async with spooling(tmp_path) as (kit, journal):
        bot = kit.bot()
        assert await pushed(kit, "before") == "stored"
        await whole(kit)
        with shut(tmp_path):
            for text in ("one", "two"):
                assert await pushed(kit, text, event=text) == "stored in the journal"
        assert journal.rows == 2
        # The store is back, and nothing overtakes what waits.
        assert await pushed(kit, "three", event="three") == "stored in the journal"
        assert await pushed(kit, "one", event="one") == "stored in the journal"  # the platform is not sure
        assert [turn.message.text for turn in bot.turns] == ["before"]
        assert kit.router.spool is not None
        forwarding = kit.corridor.tasks.start(kit.router.spool.run(), "spool")
        await kit.until(lambda: not journal.rows)
        await whole(kit)
        assert kit.paper.texts() == ["before", "one", "two", "three"]
        assert await pushed(kit, "four") == "stored"
        assert await pushed(kit, "two", event="two") == "duplicate in the journal"  # no entry of its own
        await whole(kit)
        assert kit.paper.texts() == ["before", "one", "two", "three", "four"]
        forwarding.cancel()


@pytest.mark.feature("INB-11", "INB-03")
async def test_a_crash_while_it_is_taken_in_doubles_nothing(tmp_path: Path) -> None:
    async with spooling(tmp_path) as (kit, journal):
        with shut(tmp_path):
            for number in range(5):
                await pushed(kit, f"{number}")
            await pushed(kit, "without an id", event="")
        for record in (await journal.read())[:3]:  # taken in, and then the process dies
            assert kit.router.spool is not None
            assert await kit.router.spool._taken(record.content)
        await whole(kit)
        assert kit.router.spool is not None
        forwarding = kit.corridor.tasks.start(kit.router.spool.run(), "spool")
        await kit.until(lambda: not journal.rows)
        await whole(kit)
        assert kit.paper.texts() == ["0", "1", "2", "3", "4", "without an id"]
        forwarding.cancel()


@pytest.mark.feature("INB-11")
async def test_where_neither_takes_it_nothing_is_acknowledged(tmp_path: Path) -> None:
    async with spooling(tmp_path) as (kit, journal):
        with shut(tmp_path):
            for file in (tmp_path / "journal").iterdir():
                file.unlink()
            (tmp_path / "journal").rmdir()
            (tmp_path / "journal").write_text("in the way")
            with pytest.raises(StorageDown, match="the journal takes nothing"):
                await pushed(kit, "one", event="one")
        assert journal.rows == 0
        await pushed(kit, "one", event="one")  # the platform comes again: it may have been written late after all
        await whole(kit)
        assert kit.paper.texts() == ["one"]


@pytest.mark.feature("INB-11", "INB-07")
async def test_what_cannot_be_taken_in_is_not_in_the_way_for_ever(tmp_path: Path) -> None:
    async with spooling(tmp_path) as (kit, journal):

        async def faulty(channel: object, inbound: Inbound, raw: bytes = b"") -> Accepted:
            if inbound.text == "poison":
                raise ZeroDivisionError
            return await kit.receive(inbound, raw)

        spool = kit.router.spool = Spool(kit.corridor, journal, faulty)
        with shut(tmp_path):
            await pushed(kit, "first")
        await pushed(kit, "poison", event="bad")
        await journal.append(b"nobody can read this")
        await pushed(kit, "last")
        forwarding = kit.corridor.tasks.start(spool.run(), "spool")
        await kit.until(lambda: not journal.rows)
        await whole(kit)
        assert kit.paper.texts() == ["first", "last"]
        assert await kit.rows("SELECT event, reason FROM dropped ORDER BY id") == [
            ("bad", "unsupported"),
            ("", "unsupported"),
        ]
        forwarding.cancel()


@pytest.mark.feature("INB-11")
async def test_a_channel_that_is_gone_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with spooling(tmp_path) as (kit, journal):
        with shut(tmp_path):
            await pushed(kit, "lost", event="lost")
        channel = kit.corridor.channels.pop("p")
        spool = kit.router.spool
        assert spool is not None
        (record,) = await journal.read()
        assert not await spool._taken(record.content)
        kit.clock.ahead += 59
        assert not await spool._taken(record.content)
        kit.clock.ahead += 2
        assert await spool._taken(record.content)
        assert await kit.rows("SELECT event, reason FROM dropped") == [("lost", "channel_disabled")]
        kit.corridor.channels["p"] = channel


@pytest.mark.feature("INB-11", "OBS-03", "OBS-02")
@pytest.mark.parametrize("mode", telegram_road.MODES)
async def test_on_the_whole_road(tmp_path: Path, mode: str) -> None:
    async with TelegramServer() as platform, telegram_road.gateway(platform, tmp_path, mode, more=JOURNAL) as road:
        await road.until(lambda: road.state == "up")
        spool = road.gateway.daemon.router.spool
        assert spool is not None
        with shut(tmp_path):
            for text in ("one", "two", "three"):
                platform.user(7).says(text)
            await road.until(lambda: not platform.queue.pending)  # acknowledged
            assert spool.rows == 3
            assert b"gateway_journal_rows 3.0" in road.gateway.daemon.corridor.metrics.text()
        await road.texts(7, ["one", "two", "three"])
        await road.until(lambda: spool.rows == 0)
        platform.user(7).says("four")
        await road.texts(7, ["one", "two", "three", "four"])
        assert await road.rows("SELECT COUNT(*) FROM inbox") == [(4,)]


YAML = """
bots: {b: {kind: echo}}
channels:
  t: {platform: telegram, bot: b, token: TOKEN, mode: webhook, secret: hook-secret,
      api_base: API, limits: {messages: off, send: off}}
inbox: {journal: FOLDER/journal}
"""


@pytest.mark.feature("INB-11", "INB-02", "STO-01")
async def test_a_server_that_is_away_and_a_process_that_dies_meanwhile(tmp_path: Path) -> None:
    async with TelegramServer() as platform:
        yaml = YAML.replace("TOKEN", TOKEN).replace("API", platform.url).replace("FOLDER", str(tmp_path))
        gateway = Gateway(tmp_path, yaml, True)
        await gateway.start()
        await platform.pusher.start(f"{gateway.url}/c/t", "hook-secret")
        platform.user(7).says("before")
        while server().ask("SELECT 1 FROM outbox WHERE state = 'sent'", tmp_path) == []:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(server().stop)
        try:
            for text in ("one", "two"):
                platform.user(7).says(text)
            await platform.until(lambda: not platform.queue.pending)
            async with aiohttp.ClientSession() as http, http.get(f"{gateway.url}/readyz") as ready:
                assert await ready.json() == {"status": "ok", "storage": "away", "journal": 2}
            await gateway.kill()
        finally:
            await asyncio.to_thread(server().start)
        await gateway.start()
        platform.user(7).says("three")
        await platform.until(lambda: len(platform.texts(7)) == 4)
        assert platform.texts(7) == ["before", "one", "two", "three"]
        await gateway.stop()
        assert list((tmp_path / "journal").iterdir()) == []
        assert postgres.server().ask("SELECT COUNT(*) FROM inbox", tmp_path)[0][0] == 4
