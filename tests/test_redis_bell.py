"""The bell over a Redis: every piece in order while it answers; and where it does not, the store's own rings."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.live import Live
from gateway.shared import LOOK
from gateway.shared.redis import Redis
from gateway.units import Rate
from tests.far.redis import Valkey, saying, speaking, valkey
from tests.patience import PATIENCE
from tests.redis_ends import SEAL, ends, until


def pieces(heard: list[str]) -> list[str]:
    return [text for text in heard if text != LOOK]


@pytest.mark.feature("STO-03")
async def test_every_piece_is_heard_once_in_order_by_those_who_listen(tmp_path: Path) -> None:
    async with valkey() as server, ends(tmp_path, [server.url] * 3) as (one, two, three):
        heard: list[str] = []
        two.subscribe("lane/7", heard.append)
        await until(lambda: one.followed("lane/7") and one.streams)
        watching = server.client()
        pubsub = watching.pubsub()
        await pubsub.psubscribe("bell:*")
        for number in range(2000):
            one.publish("lane/7", str(number))
            if not number % 100:
                await asyncio.sleep(0)
        await until(lambda: len(pieces(heard)) == 2000)
        assert pieces(heard) == [str(number) for number in range(2000)]
        one.publish("lane/8", "nobody listens to this")
        three.publish("lane/7", "and from another")
        await until(lambda: pieces(heard)[-1] == "and from another")
        letters: list[dict[str, str]] = []
        while "and from another" not in str(letters):
            letters += [letter for letter in [await pubsub.get_message(timeout=1)] if letter is not None]
        assert {letter["channel"] for letter in letters if "lane/7" in str(letter["data"])} == {"bell:process-1"}
        assert "nobody listens to this" not in str(letters)
        await pubsub.aclose()
        await watching.aclose()


async def rung(one: Redis, heard: list[str], topic: str = "bot/b") -> None:
    """Somebody is told, by whatever way there is, and soon: nobody has looked of himself."""
    heard.clear()
    one.publish(topic)
    await until(lambda: heard)


@pytest.mark.feature("STO-03")
async def test_without_it_the_stores_own_bell_rings_and_afterwards_it_rings_again(tmp_path: Path) -> None:
    server = Valkey()
    async with ends(tmp_path, [server.url] * 2) as (one, two):
        heard: list[str] = []
        two.subscribe("bot/b", heard.append)
        await until(lambda: one.followed("bot/b"))
        await until(lambda: not one.streams)
        await rung(one, heard)  # it has never been there
        for _ in range(2):
            await server.start()
            await until(lambda: one.streams and two.streams)
            await server.ask("FLUSHALL")
            await rung(one, heard)
            server.pause()
            await rung(one, heard)  # it is not known yet that it stands still
            await until(lambda: not one.streams)
            await rung(one, heard)
            server.resume()
            await until(lambda: one.streams)
            await rung(one, heard)
            server.kill()
            await rung(one, heard)
            await until(lambda: not one.streams)
            await rung(one, heard)
        server.gone()


@pytest.mark.feature("STO-03")
async def test_processes_that_were_led_to_two_servers_hear_each_other(tmp_path: Path) -> None:
    """So it is while a failover goes on: one still speaks with the server that was, the other with the one that is."""
    async with valkey() as old, valkey() as new, ends(tmp_path, [old.url, new.url]) as (one, two):
        heard: list[str] = []
        two.subscribe("turns", heard.append)
        await until(lambda: one.followed("turns") and one.streams and two.streams)
        await rung(one, heard, "turns")


@pytest.mark.feature("STO-03")
async def test_where_it_is_something_else_the_stores_own_bell_rings(tmp_path: Path) -> None:
    async with speaking(saying(b"+PONG\r\n")) as url, ends(tmp_path, [url] * 2) as (one, two):
        heard: list[str] = []
        two.subscribe("turns", heard.append)
        await until(lambda: one.followed("turns"))
        await rung(one, heard, "turns")


JUNK = [
    "",
    "{",
    "7",
    "null",
    "[]",
    '["someone", 7]',
    '["someone", [["turns"]]]',
    '["someone", [["turns", 7]]]',
    '["someone", [[["turns"], "7 cancelled"]]]',
    '["someone", [["turns", "' + "9" * 5000 + ' cancelled"]]]',
    '["someone", [["turns", "\\ud800"], ["lane/1", "\\u0000"]]]',
    '["someone", [["no-such-topic", "x"]]]',
    "[" * 100_000,
    "\x00\xff",
]


@pytest.mark.feature("STO-03")
async def test_what_anybody_else_writes_there_breaks_nothing(tmp_path: Path) -> None:
    async with valkey() as server, ends(tmp_path, [server.url] * 2, prefix="gw:") as (one, two):
        heard: list[str] = []
        two.subscribe("turns", heard.append)
        await until(lambda: one.followed("turns") and one.streams and two.streams)
        for junk in JUNK:
            assert await server.ask("PUBLISH", "gw:bell:process-1", junk) == 1
            text = junk.encode("utf-8", "surrogatepass")
            ours = SEAL.of(b"gw:bell:process-1", text) + b" " + text  # as if one of us had gone mad
            assert await server.ask("PUBLISH", "gw:bell:process-1", ours) == 1
        forged = b'["process-0", [["turns", "forged"]]]'
        for seal in (b"", b"0" * 32, SEAL.of(b"gw:bell:process-2", forged)):
            assert await server.ask("PUBLISH", "gw:bell:process-1", seal + b" " + forged) == 1
        one.publish("turns", "after all of it")
        await until(lambda: "after all of it" in heard)
        assert "forged" not in heard


EVENTS = [
    '["delta", {"turn": "t", "attempt": 1, "n": 1, "text": "x"}, 0, ""]',
    '["delta", {"turn": "t\\nevent: closed", "attempt": 1, "n": 1, "text": "x"}, 0, ""]',
    '["delta", {"turn": "t", "attempt": "1", "n": 1, "text": "x"}, 0, ""]',
    '["delta", {"turn": "t", "n": 1}, 0, ""]',
    '["delta", [], 0, ""]',
    '["typing", {}, 0, ""]',
    '["typing", {"on": "yes"}, 0, ""]',
    '["closed", {"reason": {"a": 1}}, 0, ""]',
    '["message", {"text": "not said by anybody"}, 9, ""]',
    '["stopping", {}, 0, ""]',
    '["eval", {}, 0, ""]',
    '["typing", {"on": true}, ' + "9" * 400 + ', ""]',
    '["typing"]',
    "[" * 100_000,
]


@pytest.mark.feature("STO-03", "STR-03")
def test_an_event_that_has_not_its_shape_is_none() -> None:
    """Whoever watches is told to look, and nothing more."""
    bell = _Bell()
    live = Live(bell)
    with live.watch(7) as watcher:
        for text in EVENTS:
            bell.hear["lane/7"](text)
        heard = [watcher._queue.get_nowait().kind for _ in range(len(watcher))]
        assert heard == ["delta"] + ["news"] * (len(EVENTS) - 1)
        for text in (*EVENTS, "7", "²", "9" * 30, '[7, {"turn": "t", "attempt": 1, "n": "2", "text": ""}]', "[7, 7]"):
            bell.hear["drafts"](text)
        assert not len(watcher)
        bell.hear["drafts"]('[8, {"turn": "t", "attempt": 1, "n": 2, "text": "not watched here"}]')
        assert live.preview(8) is None


@pytest.mark.feature("STR-03", "STO-03")
def test_the_whole_text_is_known_from_the_pieces_heard_and_asked_for_where_one_is_missing() -> None:
    """Two processes, and between them a carrier that loses and repeats, in all kinds of ways."""
    rolled = random.Random(11)
    for _ in range(300):
        here, there = _Bell(), _Bell()
        writing, watching = Live(there), Live(here)
        with watching.watch(7) as watcher:
            whole = ""
            writing.begin(7, "t", 1)
            for number in range(rolled.randint(1, 12)):
                whole += f"{number} "
                writing.delta(7, f"{number} ")
                for topic, text in there.take():
                    for _ in range(rolled.choice((0, 1, 1, 1, 2))):
                        here.hear[topic](text)
                for topic, text in here.take():
                    there.hear[topic](text)
                for topic, text in there.take():
                    here.hear[topic](text)
                known = watching.preview(7)
                assert known is None or whole.startswith(known.text)
            watching._elsewhere.clear()
            watching.inquire(7)
            _carry(here, there)
            _carry(there, here)
            found = watching.preview(7)
            assert found is not None
            assert found.text == whole
            assert len(watcher)
            writing.end(7)
            _carry(there, here)
            assert watching.preview(7) is None


@pytest.mark.feature("STR-03")
def test_what_is_written_here_is_not_overwritten_from_there() -> None:
    bell = _Bell()
    live = Live(bell)
    with live.watch(7):
        live.begin(7, "t", 2)
        live.delta(7, "ours")
        bell.hear["lane/7"]('["delta", {"turn": "t", "attempt": 1, "n": 1, "text": "of before"}, 0, ""]')
        bell.hear["drafts"]('[7, {"turn": "t", "attempt": 1, "n": 9, "text": "of before"}]')
        bell.hear["lane/7"]('["typing", {"on": false}, 0, ""]')
        shown = live.preview(7)
        assert shown is not None
        assert shown.text == "ours"


class _Bell:
    """The wire between two processes, as a test has it that says what comes through."""

    alone = False
    streams = hears = True

    def __init__(self) -> None:
        self.hear: dict[str, Callable[[str], None]] = {}
        self._said: list[tuple[str, str]] = []

    def take(self) -> list[tuple[str, str]]:
        said, self._said = self._said, []
        return said

    def publish(self, topic: str, text: str = LOOK) -> None:
        self._said.append((topic, text))

    def followed(self, topic: str) -> bool:
        return True

    def subscribe(self, topic: str, hear: Callable[[str], None]) -> Callable[[], None]:
        self.hear[topic] = hear
        return lambda: None

    def share(self, topic: str) -> float:
        return 0.5

    def tap(self, channel: str, account: str, rate: Rate | None, hear: Callable[[str, float], None]) -> None:
        return None

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass


def _carry(one: "_Bell", other: "_Bell") -> None:
    for topic, text in one.take():
        other.hear[topic](text)


@pytest.mark.feature("STO-03", "STO-06")
async def test_who_leaves_is_gone_whatever_its_connection_was_doing(tmp_path: Path) -> None:
    rolled = random.Random(2)
    server = Valkey()
    await server.start()
    for number in range(18):
        async with asyncio.timeout(PATIENCE), ends(tmp_path, [server.url] * 2):
            await asyncio.sleep(rolled.random() * 0.04)
            if number % 3 == 1:
                server.pause()
            elif number % 3 == 2:
                server.kill()
            await asyncio.sleep(rolled.random() * 0.01)
        server.resume()
        if number % 3 == 2:
            await server.start()
    server.gone()
