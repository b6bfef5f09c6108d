"""What may leave a bot, whatever its kind: silence is recognised, and nobody speaks without end."""

from gateway.bot import SILENCE, Change, Delta, Piece, Progress, Say
from gateway.errors import BotBroken

HELD = 256  # characters: more white space than this before the first word is text
LONGEST = 1_048_576  # characters of one whole answer
MESSAGES = 10


class Speech:
    """One answer being spoken. Text is held back for as long as it could still turn out to be `NO_REPLY`."""

    def __init__(self) -> None:
        self._held = ""
        self._writing = False  # deltas of the current message have been let go
        self._messages = 0
        self._length = 0
        self._silent = False

    def take(self, piece: Piece) -> list[Piece]:
        """What may be let go now. Raises `BotBroken` when it is too much."""
        match piece:  # in the order of how often they come
            case Delta(text):
                return self._delta(text)
            case Say(message):
                before = self._ended()
                self._grow(len(message.text))
                if not message.files and not message.buttons and message.text.strip() in ("", SILENCE):
                    return before
                self._count()
                return [*before, piece]
            case Progress(text):
                self._grow(len(text))
            case Change():
                self._silent = self._silent or piece.silent
        return [piece]

    def end(self) -> list[Piece]:
        """What is left at the end: an answer that said nothing is silence on purpose."""
        rest = self._ended()
        if not self._messages and not self._silent:
            rest.append(Change(silent=True))
        return rest

    def _delta(self, text: str) -> list[Piece]:
        self._grow(len(text))
        if self._writing:
            return [Delta(text)] if text else []
        self._held += text
        if len(self._held) < HELD and SILENCE.startswith(self._held.strip()):
            return []
        return self._open()

    def _open(self) -> list[Piece]:
        held, self._held, self._writing = self._held, "", True
        self._count()
        return [Delta(held)]

    def _ended(self) -> list[Piece]:
        """The message that deltas were writing is over: what was held back is text, unless it is silence."""
        rest = self._open() if self._held.strip() not in ("", SILENCE) else []
        self._held, self._writing = "", False
        return rest

    def _count(self) -> None:
        self._messages += 1
        if self._messages > MESSAGES:
            raise BotBroken(f"more than {MESSAGES} messages in one answer")

    def _grow(self, length: int) -> None:
        self._length += length
        if self._length > LONGEST:
            raise BotBroken(f"more than {LONGEST} characters in one answer")
