"""An HTTP backend that is away, busy, slow, cut off or talks nonsense: one attempt, and one of two failures."""

import asyncio
import gzip
from typing import Any

import pytest

from gateway.bots.exchange import wait
from gateway.bots.http import Bot
from gateway.errors import BotBroken, BotUnavailable
from tests.bots import NOW, answer, ask, asking, tools, turn
from tests.far.backend import Backend, RawPeer, Reply, as_events, as_json, as_text, fails


@pytest.mark.feature("STR-02", "BOT-06")
@pytest.mark.parametrize("how", ["cut", "reset"])
async def test_a_stream_cut_at_any_byte_is_no_answer(how: str) -> None:
    body = b'data: {"delta":"a"}\n\ndata: {"delta":"b"}\n\ndata: [DONE]\n\n'
    framed = b"%x\r\n%s\r\n" % (len(body), body) + b"0\r\n\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    peer = RawPeer()
    peer.end = how
    async with asking(peer) as bot:
        for whole, end in ((head + b"\r\n" + body, 0), (head + b"Transfer-Encoding: chunked\r\n\r\n" + framed, 7)):
            for cut in range(len(whole) - end):
                peer.send = whole[:cut]
                with pytest.raises(BotUnavailable):
                    await ask(bot, turn())
            peer.send, peer.end = whole, "cut"
            assert (await ask(bot, turn())).texts == ["ab"]
            peer.end = how


@pytest.mark.feature("BOT-01", "BOT-06")
@pytest.mark.parametrize("how", ["cut", "reset"])
@pytest.mark.parametrize("length", [b"Content-Length: 19\r\n", b""])
async def test_a_whole_answer_cut_at_any_byte_is_no_answer(how: str, length: bytes) -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + length + b'\r\n{"text": "it is ok"}'
    assert not length or (whole.endswith(b"}") and len(whole.split(b"\r\n\r\n")[1]) == 20)
    whole = whole.replace(b": 19", b": 20")
    peer = RawPeer()
    peer.end = how
    async with asking(peer) as bot:
        for cut in range(len(whole)):
            peer.send = whole[:cut]
            with pytest.raises(BotUnavailable):
                await ask(bot, turn())
        peer.send, peer.end = whole, "cut"
        assert (await ask(bot, turn())).texts == ["it is ok"]


@pytest.mark.feature("BOT-01")
async def test_plain_text_whose_end_cannot_be_told_is_refused() -> None:
    peer = RawPeer()
    peer.send = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nTransfer 100"
    async with asking(peer) as bot:
        with pytest.raises(BotBroken, match="Content-Length"):
            await ask(bot, turn())


@pytest.mark.feature("BOT-06")
@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_busy_backend_is_worth_another_try(status: int) -> None:
    with pytest.raises(BotUnavailable, match=str(status)) as raised:
        await answer(fails(status))
    assert raised.value.after is None
    with pytest.raises(BotUnavailable) as raised:
        await answer(fails(status, Retry_After="17"))
    assert raised.value.after == 17


@pytest.mark.feature("BOT-06")
@pytest.mark.parametrize(
    "status", [201, 202, 206, 301, 302, 307, 308, 400, 401, 403, 404, 405, 408, 409, 413, 422, 500, 501]
)
async def test_other_statuses_are_not(status: int) -> None:
    with pytest.raises(BotBroken, match=str(status)):
        await answer(fails(status, '{"text": "no"}', Location="/elsewhere"))


@pytest.mark.feature("BOT-06")
@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("0", 0),
        ("1.5", 1.5),
        (" 30 ", 30),
        ("99999999", 86_400),
        ("Fri, 21 Nov 2025 09:01:00 GMT", 59.877),
        ("Fri, 21 Nov 2025 08:00:00 GMT", 0),
        ("", None),
        ("-1", None),
        ("soon", None),
        ("1e9", None),
        ("Fri, 99 Nov 2025 99:00:00 GMT", None),
        ("٣", None),
    ],
)
def test_how_long_a_backend_asks_us_to_wait(given: str, seconds: float | None) -> None:
    assert wait(given, NOW) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.feature("BOT-06")
async def test_nobody_there() -> None:
    backend = Backend()
    async with asking(backend) as bot:
        pass
    async with tools() as ours:
        for url in (backend.url, "http://nowhere.invalid/chat"):
            bot = Bot("support", Bot.Options(url=url), ours)
            with pytest.raises(BotUnavailable):
                await ask(bot, turn())
            assert await bot.probe()


@pytest.mark.feature("BOT-06")
@pytest.mark.parametrize(
    ("reply", "options"),
    [
        (Reply(end="hang"), {"first_byte": "0.05s"}),
        (Reply([b'{"text":'], end="hang"), {"idle": "0.05s"}),
        (as_events({"delta": "Hel"}, done=False, end="hang"), {"idle": "0.05s"}),
    ],
)
async def test_a_backend_that_falls_silent(reply: Reply, options: dict[str, Any]) -> None:
    with pytest.raises(BotUnavailable, match=r"in time|stopped"):
        await answer(reply, **options)


@pytest.mark.feature("BOT-06")
@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_a_backend_that_goes_away(end: Any) -> None:
    for reply in (Reply(end=end), Reply([b'{"text": "a"}'], end=end), as_events({"delta": "a"}, done=False, end=end)):
        with pytest.raises(BotUnavailable):
            await answer(reply)


@pytest.mark.feature("BOT-06")
async def test_an_abandoned_answer_ends_the_call() -> None:
    called = asyncio.Event()
    backend = Backend()
    backend.plan(as_events({"delta": "a"}, done=False, end="hang", before=lambda n: called.set()))
    async with asking(backend) as bot:
        task = asyncio.ensure_future(ask(bot, turn()))
        await called.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await backend.aborted.wait()


JUNK = [
    as_text("<html><body>Welcome to nginx</body></html>", "text/html"),
    as_text('{"text": "x"}', ""),
    as_text('{"text": "x"}', "application/octet-stream"),
    as_text("<html>", "application/json"),
    as_text("", "application/json"),
    Reply([b'"text"']),
    Reply([b"[1]"]),
    Reply([b"null"]),
    Reply([b'{"text": "\\ud800"}']),
    Reply([b'{"text": "\xff"}']),
    Reply([b'{"set": {"a": NaN}}']),
    Reply([b"\xff\xfe"], "text/plain"),
    Reply([b"x"], "text/plain; charset=punycode"),
    Reply([b"x"], "text/plain; charset=no-such"),
    Reply([b'{"set": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}"]),
    Reply([b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"]),
    as_json({"set": {"a": [0] * 30_000}}),
    as_json({"text": 5}),
    as_json({"text": ["x"]}),
    as_json({"messages": {"text": "x"}}),
    as_json({"messages": ["x"]}),
    as_json({"messages": [{"text": "x"}] * 11}),
    as_json({"messages": [{"text": "x"}] * 10_000}),
    as_json({"messages": [{"files": [{"url": "javascript:alert(1)"}]}]}),
    as_json({"messages": [{"files": [{"url": "file:///etc/passwd"}]}]}),
    as_json({"messages": [{"files": [{"name": "x"}]}]}),
    as_json({"messages": [{"files": [{"url": "https://x.org/"}] * 11}]}),
    as_json({"messages": [{"text": "x", "buttons": [{"text": "x", "url": "javascript:alert(1)"}]}]}),
    as_json({"messages": [{"text": "x", "buttons": [{"text": "x", "url": "java\nscript:alert(1)"}]}]}),
    as_json({"messages": [{"text": "x", "buttons": [{"text": "x", "url": "https:///"}]}]}),
    as_json({"messages": [{"text": "x", "buttons": [{"text": "x", "url": "https://[::1"}]}]}),
    as_json({"messages": [{"text": "x", "buttons": [{"text": "\n"}]}]}),
    as_json({"set": ["a"]}),
    as_json({"set": {"1a": 1}}),
    as_json({"set": {"a\n": 1}}),
    as_json({"set": {"a" * 65: 1}}),
    as_json({"set": {"session.id": 1}}),
    as_json({"participant": {"increment": {"a": "1"}}}),
    as_json({"participant": {"increment": {"a": True}}}),
    as_json({"end_session": "yes"}),
    Reply([b'{"text": "x"}'], headers={"Content-Encoding": "gzip"}),
    Reply([gzip.compress(b"a" * 50_000_000)], headers={"Content-Encoding": "gzip"}),
    Reply([b"x" * 65_536] * 800, "text/plain"),
    Reply([b'{"a": "'] + [b"x" * 65_536] * 800, length=False),
    Reply([b"data: "] + [b"x" * 65_536] * 800, "text/event-stream", length=False),
    Reply([b'data: {"delta": "' + b"x" * 500_000 + b'"}\n\n'] * 3, "text/event-stream", length=False),
    Reply([b"data: {}\n" * 8000] * 300, "text/event-stream", length=False),
    as_events(*[{"text": "x"}] * 11),
    as_events(*[{"progress": "x" * 1000}] * 1100),
    as_events({"delta": 5}),
    as_events("text"),
    Reply([b"data: <html>\n\n"], "text/event-stream"),
]


@pytest.mark.feature("BOT-01", "BOT-06")
@pytest.mark.parametrize("reply", JUNK)
async def test_junk_is_a_failure_and_nothing_else(reply: Reply) -> None:
    with pytest.raises(BotBroken) as raised:
        await answer(reply)
    assert len(str(raised.value)) < 500


@pytest.mark.feature("BOT-01", "BOT-06")
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nbanana\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
        bytes(range(256)) * 50,
    ],
)
async def test_a_peer_that_does_not_speak_http(raw: bytes) -> None:
    peer = RawPeer()
    peer.send = raw
    async with asking(peer) as bot:
        with pytest.raises((BotBroken, BotUnavailable)):
            await ask(bot, turn())
