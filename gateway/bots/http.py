"""A bot behind an HTTP address: one signed POST per turn, an answer whole or streamed. See docs/bots.md."""

from collections.abc import AsyncIterator
from contextlib import closing
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from gateway import bot, signing
from gateway.bot import Change, Piece, Say, Tools
from gateway.bots import request
from gateway.bots.exchange import Answer, Endpoint, Remote, Wire
from gateway.bots.reply import Reader
from gateway.bots.stream import Events, Lines
from gateway.errors import BotBroken, BotUnavailable
from gateway.message import Outbound, Turn
from gateway.options import Secret, key, needed
from gateway.text import clean

_EVENTS = "text/event-stream"
_LINES = frozenset(("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"))
_DONE = b"[DONE]"
# Those that any reader finds the same in every byte; others decode slowly, or to what nobody meant.
_CHARSETS = frozenset(("", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"))


def _usable(secret: SecretStr) -> SecretStr:
    signing.keys(secret.get_secret_value())
    return secret


class Bot(bot.Bot):
    """Asks a backend over HTTP."""

    class Options(Remote):
        """The backend and its limits."""

        url: Endpoint = needed("Where to POST each turn. It is yours, so private addresses are fine.")
        secret: Annotated[Secret, AfterValidator(_usable)] | None = key(
            None, "Signs each request (Standard Webhooks): whsec_ and base64, or text."
        )

    def __init__(self, name: str, options: "Bot.Options", tools: Tools) -> None:
        super().__init__(name, options, tools)
        self._wire = Wire(tools, options.url, options)
        self._keys = signing.keys(options.secret.get_secret_value()) if options.secret else ()
        self._reader = Reader(name)

    async def answer(self, turn: Turn) -> AsyncIterator[Piece]:
        body = request.body(turn)
        headers = {"Idempotency-Key": turn.id}
        if self._keys:
            headers |= signing.headers(self._keys, turn.id, self.tools.clock.now(), body)
        with closing(await self._wire.ask(body, headers)) as answer:
            if answer.status == 204:
                yield Change(silent=True)
            elif answer.status != 200:
                raise answer.failure()
            elif answer.media == _EVENTS or answer.media in _LINES:
                stream = _Stream(answer.media, self._reader)
                while not stream.done:
                    for piece in stream.feed(await answer.chunk()):
                        yield piece
                await answer.finish()
            else:
                for piece in await self._whole(answer):
                    yield piece

    async def _whole(self, answer: Answer) -> list[Piece]:
        is_json = answer.media == "application/json" or answer.media.endswith("+json")
        if not is_json and answer.media != "text/plain":
            raise BotBroken(f"the answer is {answer.media[:80] or 'of no type'}, not JSON, text or a stream")
        body = (await answer.whole()).removeprefix(b"\xef\xbb\xbf")
        if not is_json:
            return _text(answer, body)
        try:
            return self._reader.pieces(body)
        except BotBroken as error:
            if answer.framed:
                raise
            raise BotUnavailable(f"the connection ended before the answer did ({error})") from None

    async def probe(self) -> str:
        try:
            with closing(await self._wire.look(self.options.url, {}, b"HEAD")):
                return ""  # many backends know only POST: whatever it says, somebody is there
        except BotBroken:
            return ""
        except BotUnavailable as error:
            return str(error)


class _Stream:
    """A streamed answer: each event or line is an answer document, until one says `[DONE]`."""

    def __init__(self, media: str, reader: Reader) -> None:
        self._parser: Events | Lines = Events() if media == _EVENTS else Lines()
        self._reader = reader
        self.done = False

    def feed(self, chunk: bytes) -> list[Piece]:
        if not chunk:
            raise BotUnavailable("the stream ended without [DONE]")
        pieces: list[Piece] = []
        for data in self._parser.feed(chunk):
            data = data.removeprefix(b"data:").strip()  # lines are also sent in the dress of events
            if data == _DONE:
                self.done = True
                break
            if data:
                pieces += self._reader.pieces(data)
        return pieces


def _text(answer: Answer, body: bytes) -> list[Piece]:
    if not answer.framed:
        raise BotBroken("plain text needs a Content-Length: without it, its end looks the same as a cut")
    try:
        text = body.decode(answer.charset or "utf-8") if answer.charset in _CHARSETS else None
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise BotBroken(f"the answer is not text in {answer.charset[:40] or 'utf-8'}")
    return [Say(Outbound(text=clean(text)))]
