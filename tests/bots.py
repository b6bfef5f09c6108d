"""What tests of bots share: a turn, the gateway's tools, and the whole answer of a bot."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp
from msgspec.structs import replace

from gateway.bot import Bot, Change, Delta, Piece, Say
from gateway.bots import http
from gateway.client import Client
from gateway.clock import Clock
from gateway.message import Address, Inbound, Message, Participant, Sender, Session, Turn
from gateway.speech import Speech
from tests.far.backend import Backend, RawPeer

NOW = 1_763_715_600_123  # 2025-11-21T09:00:00.123Z


class StoppedClock(Clock):
    """A clock that shows one moment."""

    def now(self) -> int:
        return NOW


class OurTools:
    """The gateway's tools, over real connections."""

    def __init__(self, http: aiohttp.ClientSession, clock: Clock) -> None:
        self.http, self.clock = http, clock
        self.client = Client()


@asynccontextmanager
async def tools(clock: Clock | None = None) -> AsyncIterator[OurTools]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        ours = OurTools(session, clock or StoppedClock())
        yield ours
        await ours.client.close()


def turn(text: str = "Hello", **changes: Any) -> Turn:
    """A turn of a direct chat; `changes` name fields of the turn, its session, participant or message."""
    whole = Turn(
        id="turn-1",
        attempt=1,
        deadline=NOW + 60_000,
        session=Session(
            id="s-1", key="help/support/dm:user=7", channel="help", platform="pager", bot="support", scope="dm", epoch=3
        ),
        participant=Participant(id="p-1", user="7", name="Ada"),
        message=Inbound(
            channel="help",
            account="42",
            ids=("m-1",),
            address=Address(chat="7", user="7"),
            text=text,
            sender=Sender(id="7", name="Ada"),
            sent_at=NOW - 500,
        ),
    )
    for part in ("session", "participant", "message"):
        named = {name: changes.pop(name) for name in tuple(changes) if name in _own_fields(part)}
        whole = replace(whole, **{part: replace(getattr(whole, part), **named)})
    return replace(whole, **changes)


def _own_fields(part: str) -> set[str]:
    """The fields that only this part of a turn has; others belong to the turn itself or need a turn built by hand."""
    kinds = {"session": Session, "participant": Participant, "message": Inbound}
    return set(kinds[part].__struct_fields__) - set(Turn.__struct_fields__)


def group(text: str, **changes: Any) -> Turn:
    return turn(text, address=Address(chat="-100", user="7", place="group"), **changes)


def user(text: str, name: str = "", seq: int = 1) -> Message:
    return Message(seq=seq, role="user", text=text, at=NOW - 10_000 + seq, name=name, sender="7")


def bot(text: str, seq: int = 2) -> Message:
    return Message(seq=seq, role="assistant", text=text, at=NOW - 10_000 + seq)


class Answered:
    """What a bot answered, put together."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []

    @property
    def texts(self) -> list[str]:
        """The messages: runs of deltas, and whole ones."""
        messages: list[str] = []
        writing = False
        for piece in self.pieces:
            if isinstance(piece, Delta):
                messages[-1:] = [messages[-1] + piece.text] if writing else [*messages[-1:], piece.text]
                writing = True
            elif isinstance(piece, Say):
                messages.append(piece.message.text)
                writing = False
        return messages

    @property
    def change(self) -> Change:
        """The one change; none was asked for when it is the empty one."""
        changes = [piece for piece in self.pieces if isinstance(piece, Change)]
        assert len(changes) < 2
        return changes[0] if changes else Change()


async def ask(one: Bot, turn: Turn) -> Answered:
    """The whole answer. Raises what the bot raises."""
    answered, speech = Answered(), Speech()
    async with aclosing(one.answer(turn)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            answered.pieces += speech.take(piece)
    answered.pieces += speech.end()
    return answered


@asynccontextmanager
async def asking(backend: Backend | RawPeer, **options: Any) -> AsyncIterator[http.Bot]:
    async with backend, tools() as ours:
        yield http.Bot("support", http.Bot.Options(url=backend.url, **options), ours)


async def answer(reply: Any, turn: Turn = turn(), **options: Any) -> Answered:  # noqa: B008
    """What the bot makes of one reply."""
    backend = Backend()
    backend.plan(reply)
    async with asking(backend, **options) as bot:
        answered = await ask(bot, turn)
    assert len(backend.calls) == 1  # one attempt, whatever came of it
    return answered
