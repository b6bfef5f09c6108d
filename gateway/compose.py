"""From what is to be said to what is sent: rendered in the platform's dialect, cut to its limits, one letter each."""

from collections.abc import Iterator, Sequence

from gateway.channel import Channel
from gateway.markup import render
from gateway.message import Address, Outbound, Part, encode
from gateway.outbox import Letter


def compose(channel: Channel, address: Address, turn: str, said: Sequence[Outbound], quote: str = "") -> list[Letter]:
    """The parts of an answer, in order. `quote` is the platform's id of the message they answer.

    Every part has the same id whenever the same turn is composed again.
    """
    parts = (part for outbound in said for part in _parts(channel, address, turn, outbound, quote))
    return [_letter(part, f"{turn}.{index}") for index, part in enumerate(parts, 1)]


def _parts(channel: Channel, address: Address, turn: str, said: Outbound, quote: str) -> Iterator[Part]:
    limits = channel.adapter.limits
    rendered = render(said.text, limits.dialect, limits.text, limits.unit, channel.settings.format.input)
    for index, piece in enumerate(rendered):
        last = index == len(rendered) - 1
        yield Part(
            id="",
            address=address,
            text=piece.text,
            plain=piece.plain if piece.plain != piece.text else "",
            entities=piece.entities,
            files=said.files if last else (),
            buttons=said.buttons if last else (),
            reply_to=said.reply_to or (quote if index == 0 else ""),
            turn=turn,
        )


def _letter(part: Part, name: str) -> Letter:
    # The id stands beside the body; it is put back when the part is taken out.
    return Letter(name, encode(part))
