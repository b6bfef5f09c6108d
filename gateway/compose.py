"""From what is to be said to what is sent: rendered in the platform's dialect, cut to its limits, one letter each."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from msgspec.structs import replace

from gateway.adapter import Limits
from gateway.channel import Channel
from gateway.choices import offered
from gateway.markup import render
from gateway.message import Address, Outbound, Part, encode
from gateway.parcels import Parcel, pack


def compose(
    channel: Channel,
    address: Address,
    turn: str,
    said: Sequence[Outbound],
    quote: str = "",
    replaces: Sequence[str | int] = (),
) -> list[str]:
    """The parts of an answer, in order, as JSON. `quote` is the platform's id of the message they answer, `replaces`
    is what the answer consists of that this one takes the place of.
    """
    parts = [
        replace(part, line=line) if line else part
        for line, outbound in enumerate(said)
        for part in _parts(channel, address, turn, offered(channel, address, outbound), quote)
    ]
    return [encode(part) for part in (_in_place(channel.limits, address, turn, parts, replaces) if replaces else parts)]


def _in_place(
    limits: Limits, address: Address, turn: str, parts: Sequence[Part], refs: Sequence[str | int]
) -> Iterator[Part]:
    """The parts in the places of earlier ones; what no new one can stand in for goes, where the platform lets us."""
    left = []
    for part, ref in zip_longest(parts, refs):
        stands_in = part is not None and not part.files and limits.edit
        if part is not None:
            yield replace(part, replaces=ref) if ref and stands_in else part
        if ref and not stands_in:
            left.append(ref)
    if limits.delete:
        yield from (Part(id="", address=address, turn=turn, replaces=ref, gone=True) for ref in left)


def _parts(channel: Channel, address: Address, turn: str, said: Outbound, quote: str) -> Iterator[Part]:
    limits, input = channel.adapter.limits, channel.settings.format.input
    if said.buttons and limits.buttoned:
        limits = replace(limits, text=limits.buttoned)
    pieces: Sequence[Parcel]
    if said.files or said.whole is not None or said.speech is not None:
        pieces = pack(limits, said, input)
    else:
        rendered = render(said.text, limits.dialect, limits.text, limits.unit, input)
        pieces = [Parcel(piece.text, piece.plain, piece.entities) for piece in rendered]
    for index, piece in enumerate(pieces):
        yield Part(
            id="",  # the number of its row, put in when it is taken out
            address=address,
            text=piece.text,
            plain=piece.plain if piece.plain != piece.text else "",
            entities=piece.entities,
            files=piece.files,
            buttons=said.buttons if index == len(pieces) - 1 else (),
            reply_to=said.reply_to or (quote if index == 0 else ""),
            turn=turn,
        )
