"""From what is to be said to what is sent: rendered in the platform's dialect, cut to its limits, one letter each."""

from collections.abc import Iterator, Sequence

from gateway.channel import Channel
from gateway.markup import render
from gateway.message import Address, Outbound, Part, encode


def compose(channel: Channel, address: Address, turn: str, said: Sequence[Outbound], quote: str = "") -> list[str]:
    """The parts of an answer, in order, as JSON. `quote` is the platform's id of the message they answer."""
    return [encode(part) for outbound in said for part in _parts(channel, address, turn, outbound, quote)]


def _parts(channel: Channel, address: Address, turn: str, said: Outbound, quote: str) -> Iterator[Part]:
    limits = channel.adapter.limits
    rendered = render(said.text, limits.dialect, limits.text, limits.unit, channel.settings.format.input)
    for index, piece in enumerate(rendered):
        last = index == len(rendered) - 1
        yield Part(
            id="",  # the number of its row, put in when it is taken out
            address=address,
            text=piece.text,
            plain=piece.plain if piece.plain != piece.text else "",
            entities=piece.entities,
            files=said.files if last else (),
            buttons=said.buttons if last else (),
            reply_to=said.reply_to or (quote if index == 0 else ""),
            turn=turn,
        )
