"""The loops that tests run in."""

import asyncio


class Loop(asyncio.SelectorEventLoop):
    """Whoever is being let in while a server goes has nobody to close the door behind them, which would be told as a
    leak of some later test. What is closing comes to its end before the loop does.
    """

    _transports: dict[int, asyncio.Transport]

    def close(self) -> None:
        if not self.is_closed() and not self.is_running():
            for transport in list(self._transports.values()):
                if getattr(transport, "_server", None) is not None:  # it came to us
                    transport.abort()
            for _ in range(3):
                self.run_until_complete(asyncio.sleep(0))
        super().close()
