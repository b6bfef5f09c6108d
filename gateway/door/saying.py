"""What somebody says, on its way to the inbox, and what becomes of it there."""

from typing import Any, NamedTuple

from aiohttp import web
from msgspec.structs import replace

from gateway.channel import Channel
from gateway.db import Tx
from gateway.door.house import House
from gateway.errors import Problem
from gateway.intake import Accepted, Also
from gateway.message import Address, File, Inbound, Sender, decode
from gateway.repeats import unnamed
from gateway.text import clean

LONGEST = 32_000  # characters of a message
LONGEST_KEY = 200  # characters of a client's own id of a message


class Saying(NamedTuple):
    """A message that a client wants said. `key` is the client's own id of it, "" when it gave none."""

    text: str
    key: str
    files: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where something is said, and who speaks. `last` is the last line that was there before."""

    channel: Channel
    lane: int
    session: str
    address: Address
    sender: Sender
    last: int = 0


class Kept(NamedTuple):
    """A message as the inbox holds it. `body` is None when its text has been erased."""

    state: str
    reason: str | None
    session: str
    body: str | None


def read_saying(request: web.BaseRequest, body: dict[str, Any]) -> Saying:
    """The message of a request's body. Raises `Problem` when it is none."""
    text, files = body.get("message", ""), body.get("files") or []
    if not isinstance(text, str):
        raise Problem(400, "invalid_message", "message must be text")
    if len(text) > LONGEST:
        raise Problem(413, "message_too_long", f"a message may have at most {LONGEST} characters")
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise Problem(400, "invalid_files", "files must be a list of file ids")
    if not clean(text).strip() and not files:
        raise Problem(400, "message_empty", "there is neither text nor file in the message")
    given = body.get("message_id"), request.headers.get("Idempotency-Key")
    for one in given:
        if one is not None and not (isinstance(one, str) and 0 < len(one) <= LONGEST_KEY and one.isprintable()):
            raise Problem(400, "invalid_message_id", f"a message_id has 1 to {LONGEST_KEY} printable characters")
    return Saying(text, given[0] or given[1] or "", tuple(dict.fromkeys(files)))


def look(turn: str) -> Tx[Kept | None]:
    """What the inbox knows of a turn."""
    rows = yield "SELECT state, reason, session, body FROM inbox WHERE turn = $1", (turn,)
    return Kept._make(rows[0]) if rows else None


async def say(
    house: House,
    place: Place,
    saying: Saying,
    also: Also | None = None,
    files: tuple[File, ...] = (),
    namespace: str = "",
) -> Accepted:
    """Hand a message in. Raises `Problem` when it is refused, or when its key stands for another message.

    `namespace` is what keys are unique in: the session, unless another one is named.
    """
    inbound = Inbound(
        channel=place.channel.name,
        account=place.channel.account,
        ids=(f"{namespace or place.session}:{saying.key}",) if saying.key else unnamed(house.corridor.clock.new_id),
        address=place.address,
        text=saying.text,
        sender=place.sender,
        files=files,
        ref=saying.key,
        sent_at=house.now,
    )
    accepted = await house.router.receive(place.channel, inbound, also=also, only=place.session)
    if accepted.outcome == "duplicate":
        return await _again(house, inbound, accepted)
    if accepted.outcome != "stored":
        raise refused(place.channel, accepted.outcome)
    return accepted


async def _again(house: House, inbound: Inbound, accepted: Accepted) -> Accepted:
    """The same message has come before: the same turn, if it is really the same."""
    kept = await house.corridor.db.read(look, accepted.turn)
    before = decode(Inbound, kept.body) if kept is not None and kept.body else None
    if kept is None or before is None or before.text != clean(inbound.text) or _ids(before) != _ids(inbound):
        raise Problem(409, "idempotency_conflict", "this message_id has been used for another message")
    return replace(accepted, session=kept.session)


def _ids(inbound: Inbound) -> list[str]:
    return [file.id for file in inbound.files]


def refused(channel: Channel, reason: str) -> Problem:
    """Why a message was not taken in."""
    if reason == "session_closed":
        return Problem(410, reason, "this session is over; begin a new one")
    if reason == "rate_limited":
        pace = channel.pace
        wait = pace.interval / 1000 if pace is not None else 1.0
        return Problem(429, reason, "too many messages; wait a moment", retry_after=wait)
    if reason == "channel_disabled":
        return Problem(503, reason, "this channel is switched off", retry_after=60)
    return Problem(403, reason, "this message may not be said here")
