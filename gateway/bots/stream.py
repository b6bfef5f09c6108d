"""What arrives over a streamed answer, cut anywhere: lines, and the events of server-sent events."""

from gateway.errors import BotBroken

LONGEST = 1_048_576  # bytes of one line, and of one event


class Lines:
    """Newline-delimited data. A line counts only once its end has been seen."""

    def __init__(self) -> None:
        self._open: list[bytes] = []
        self._length = 0
        self._return = False  # the last byte was CR: an LF that follows belongs to it

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without their ends. Raises `BotBroken` at one too long."""
        if not chunk:
            return []
        halved = self._return and chunk[:1] == b"\n"
        self._return = chunk[-1:] == b"\r"
        done: list[bytes] = []
        for line in chunk[halved:].splitlines(keepends=True):
            self._open.append(line)
            self._length += len(line)
            if self._length > LONGEST:
                raise BotBroken(f"a line of more than {LONGEST} bytes")
            if line[-1] in b"\r\n":
                done.append(b"".join(self._open).rstrip(b"\r\n"))
                self._open.clear()
                self._length = 0
        return done


class Events:
    """Server-sent events: of each only the data, and only once its blank line has been seen."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._data: list[bytes] = []
        self._length = 0
        self._first = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that this chunk completes. Raises `BotBroken` when one is too long."""
        done: list[bytes] = []
        for line in self._lines.feed(chunk):
            if self._first:
                line, self._first = line.removeprefix(b"\xef\xbb\xbf"), False
            if not line:
                if self._data:
                    done.append(b"\n".join(self._data))
                self._data, self._length = [], 0
            elif line == b"data" or line.startswith(b"data:"):
                self._take(line[5:].removeprefix(b" "))
        return done

    def _take(self, data: bytes) -> None:
        self._data.append(data)
        self._length += len(data) + 1
        if self._length > LONGEST:
            raise BotBroken(f"an event of more than {LONGEST} bytes")
