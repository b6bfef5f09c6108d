"""The terminal's side: whoever reads what is printed."""

import contextlib
import io

from gateway.message import Address
from tests.contract import peer


class Peer(peer.Peer):
    """Takes the place of the terminal's screen."""

    def __init__(self) -> None:
        self._screen = io.StringIO()
        self._stack = contextlib.ExitStack()

    async def start(self) -> None:
        self._stack.enter_context(contextlib.redirect_stdout(self._screen))

    async def stop(self) -> None:
        self._stack.close()

    @property
    def address(self) -> Address:
        return Address(chat="you", user="you")

    def group(self) -> Address:
        return Address(chat="friends", user="you", place="group")

    def sent(self, where: Address | None = None) -> list[str]:
        return self._screen.getvalue().splitlines()
