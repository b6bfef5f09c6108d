"""Parts that take several messages, of which not all could be sent: the next try goes on where the last one ended."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import SendError

REMEMBERED = 1000  # parts


class Begun:
    """The ids of what was sent of each such part, as long as this process lives."""

    def __init__(self) -> None:
        self._refs: OrderedDict[str, list[str]] = OrderedDict()

    @contextmanager
    def of(self, part: str, size: int) -> Iterator[list[str]]:
        """What was sent of a part of so many messages: filled while the rest is sent, and kept when that fails."""
        refs = self._refs.pop(part, [])[: size - 1]
        try:
            yield refs
        except SendError:
            if refs:
                self._refs[part] = refs
                if len(self._refs) > REMEMBERED:
                    self._refs.popitem(last=False)
            raise
