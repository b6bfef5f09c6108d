"""What a bot brings to the contract: whatever it asks for its answers, played by a server of the test's own.

It is a class `Backend`, a subclass of the one here, in `tests/contract/bots/<kind>.py`; that of another package's bot
`pkg.mod` is in `pkg.mod_peer` (or anywhere, when told as `--bot pkg.mod:pkg.tests.peer`).
"""

from typing import Any, ClassVar


class Backend:
    """Behind one bot, which answers every message with a text that holds the message's own. New for every test."""

    faults: ClassVar[tuple[str, ...]] = ()  # what can go wrong with an answer so that there is none

    async def start(self) -> None:
        """Be there."""

    async def stop(self) -> None:
        """End everything."""

    def options(self) -> dict[str, Any]:
        """The bot's keys besides `kind`, as an operator would write them."""
        return {}

    def fail(self, fault: str) -> None:
        """The next answer goes wrong in this way."""
        raise NotImplementedError(f"{type(self).__module__} has faults, and has to write `fail`")
