"""Asking a bot: pieces come in one by one and make an answer, or there is none."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

from gateway.bot import Answering, Change, Delta, Piece, Progress, Say
from gateway.errors import BotBroken, BotError
from gateway.message import Outbound, Turn
from gateway.speech import Speech


class Answer:
    """What a bot has said so far. `messages` is complete once the bot has ended.

    `notices` are said before them on the gateway's own account.
    """

    notices: Sequence[Outbound] = ()

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
        """The bot has said all; one that is silent on purpose has said nothing."""
        self._finish()
        if any(change.silent for change in self.changes):
            self.messages = []


async def ask(bot: Answering, turn: Turn, watch: Callable[[Piece], None], answer: Answer) -> None:
    """Let a bot answer a turn. `watch` sees deltas and progress as they come. Raises `BotError`."""
    speech = Speech()
    pieces = bot.answer(turn)
    try:
        async for piece in pieces:
            for said in speech.take(piece):
                answer.add(said)
                if type(said) is Delta or type(said) is Progress:
                    watch(said)
    except (BotError, TimeoutError):
        await _close(pieces)
        raise
    except Exception as error:
        await _close(pieces)
        raise BotBroken(f"{type(error).__name__}: {error}") from error
    except BaseException:
        await _close(pieces)
        raise
    for said in speech.end():
        answer.add(said)
    answer.end()


async def _close(pieces: AsyncIterator[Piece]) -> None:
    """A bot that was left in the middle lets go of what it holds now, not when somebody sweeps."""
    if isinstance(pieces, AsyncGenerator):
        await pieces.aclose()
