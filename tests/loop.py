"""The loops that tests run in."""

import asyncio
import socket
from typing import Any


class Loop(asyncio.SelectorEventLoop):
    """Whoever is being let in while a server goes has nobody to close the door behind them, which would be told as a
    leak of some later test: asyncio drops the socket of one that was accepted for a server that is closed by then, and
    whoever serves knows nothing of one that was accepted just before.
    """

    _transports: dict[int, asyncio.Transport]

    def _make_socket_transport(self, sock: socket.socket, *args: Any, server: Any = None, **more: Any) -> Any:
        if server is not None and not server.sockets:
            sock.close()
            raise ConnectionAbortedError("the server is closed")
        make = super()._make_socket_transport  # type: ignore[misc]
        return make(sock, *args, server=server, **more)

    def close(self) -> None:
        if not self.is_closed() and not self.is_running():
            for transport in list(self._transports.values()):
                if getattr(transport, "_server", None) is not None:  # it came to us
                    transport.abort()
            for _ in range(3):
                self.run_until_complete(asyncio.sleep(0))
        super().close()
