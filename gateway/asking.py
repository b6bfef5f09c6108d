"""Asking a bot: pieces come in one by one and make an answer, or there is none."""

from collections.abc import Callable
from contextlib import aclosing

from gateway.bot import SILENCE, Answering, Change, Delta, Piece, Progress, Say
from gateway.errors import BotBroken, BotError
from gateway.message import Outbound, Turn

MOST_MESSAGES = 10


class Answer:
    """What a bot has said so far. `messages` is complete once the bot has ended."""

    def __init__(self) -> None:
        self.messages: list[Outbound] = []
        self.changes: list[Change] = []
        self._writing: list[str] = []

    @property
    def shown(self) -> str:
        """The text of the message being written."""
        return "".join(self._writing)

    def add(self, piece: Piece) -> None:
        if type(piece) is Delta:
            self._writing.append(piece.text)
        elif type(piece) is Say:
            self._finish()
            self.messages.append(piece.message)
        elif type(piece) is Change:
            self.changes.append(piece)

    def _finish(self) -> None:
        if self._writing:
            self.messages.append(Outbound(text="".join(self._writing)))
            self._writing.clear()

    def end(self) -> None:
        """The bot has said all; what says nothing is left out."""
        self._finish()
        silent = any(change.silent for change in self.changes)
        spoken = [m for m in self.messages if m.files or m.buttons or m.text.strip() not in ("", SILENCE)]
        self.messages = [] if silent else spoken[:MOST_MESSAGES]


async def ask(bot: Answering, turn: Turn, watch: Callable[[Piece], None], answer: Answer) -> None:
    """Let a bot answer a turn. `watch` sees deltas and progress as they come. Raises `BotError`."""
    try:
        async with aclosing(bot.answer(turn)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                answer.add(piece)
                if type(piece) is Delta or type(piece) is Progress:
                    watch(piece)
    except (BotError, TimeoutError):
        raise
    except Exception as error:
        raise BotBroken(f"{type(error).__name__}: {error}") from error
    answer.end()
