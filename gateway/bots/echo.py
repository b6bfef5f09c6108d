"""A bot that says what it hears, for tests and first steps."""

from collections.abc import AsyncIterator

from gateway import bot, options
from gateway.bot import Piece, Say
from gateway.bots import chat
from gateway.message import Outbound, Turn


class Bot(bot.Bot):
    """Says what it hears; asked for a summary, it gives back everything, line by line."""

    class Options(options.Options):
        """An echo has nothing to choose."""

    async def answer(self, turn: Turn) -> AsyncIterator[Piece]:
        text = chat.content(turn.message)
        if turn.type == "summarize":
            text = "\n".join([*([turn.summary] if turn.summary else []), *(line.text for line in turn.history)])
        yield Say(Outbound(text=text))
