"""Where the files come from: the disk (regular files of bounded size, in UTF-8), or a copy of an earlier reading."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import NamedTuple, Protocol

from config.trail import found

MAX_BYTES = 1024 * 1024


class Unreadable(Exception):
    """The file is of no use; says why, and at which line and column when it is something inside."""

    def __init__(self, reason: str, hint: str = "", spot: tuple[int, int] | None = None) -> None:
        super().__init__(reason)
        self.reason, self.hint, self.spot = reason, hint, spot


class Source(Protocol):
    """Gives the texts of files, and the names of those that a pattern names in a folder."""

    def text(self, path: FilePath) -> str:
        """Raises `Unreadable`."""

    def find(self, pattern: str, folder: FilePath) -> Sequence[str]: ...


class Disk:
    """The files as they are now."""

    def text(self, path: FilePath) -> str:
        return read_text(path)

    def find(self, pattern: str, folder: FilePath) -> Sequence[str]:
        return found(pattern, folder)


class Copy(NamedTuple):
    """What a reading was given, to be read again when the disk holds something else: texts by path, names by pattern.

    Values from the environment and from other files are not in it; they are asked for anew.
    """

    texts: dict[str, str]
    found: dict[str, list[str]]

    def text(self, path: FilePath) -> str:
        try:
            return self.texts[os.path.abspath(path)]
        except KeyError:
            raise Unreadable("is not in the copy") from None

    def find(self, pattern: str, folder: FilePath) -> Sequence[str]:
        return self.found.get(os.path.abspath(folder / pattern), [])


def read_text(path: FilePath) -> str:
    """The text of a file, without a byte order mark. Raises `Unreadable`."""
    content = _read_bytes(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("is UTF-16", "save it as UTF-8")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        raise Unreadable("is not UTF-8 here", "save it as UTF-8", (line, column)) from None


def _read_bytes(path: FilePath) -> bytes:
    try:
        # Without O_NONBLOCK opening a named pipe would wait for a writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:
            state = os.fstat(handle)
            if stat.S_ISDIR(state.st_mode):
                raise Unreadable("is a directory, not a file")
            if not stat.S_ISREG(state.st_mode):
                raise Unreadable("is not a regular file")
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise Unreadable("no such file") from None
    except IsADirectoryError:
        raise Unreadable("is a directory, not a file") from None
    except PermissionError:
        raise Unreadable("may not be read by this user", "check the owner and mode of the file") from None
    except OSError as error:
        raise Unreadable(f"cannot be read ({(error.strerror or 'input/output error').lower()})") from None
    except ValueError:
        raise Unreadable("no such file") from None
    if len(content) > MAX_BYTES:
        raise Unreadable(f"is larger than {MAX_BYTES // 1024**2} MB", "split it with include")
    return content
