"""The client: finds or makes a connection, and sends one request on it, once."""

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import Mapping

from gateway.alarms import Alarms
from gateway.client.connection import Answer, Connection, NotSent
from gateway.client.target import Host, Target

CONNECT = 10.0  # seconds
KEEP_ALIVE = 4.0  # seconds; common servers close after 5, and a request on a closing connection is in doubt


class Client:
    """Connections of one process to all its bots and platforms, kept for the next request. Made inside a loop."""

    def __init__(self, keep_alive: float = KEEP_ALIVE) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep_alive, self._alarms = keep_alive, Alarms()
        self._parked: defaultdict[Host, deque[Connection]] = defaultdict(deque)
        self._tls: ssl.SSLContext | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self.closed = False

    async def ask(
        self,
        method: bytes,
        to: Target,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        connect: float = CONNECT,
        first_byte: float | None = None,
    ) -> Answer:
        """Ask once; the answer has begun when this returns, and must be released.

        Raises `NotSent` when nobody can have seen it, `Cut` when somebody may have, `TimeoutError` when the answer
        did not begin within `first_byte` seconds, `ValueError` for a header that cannot be sent.
        """
        request = to.request(method, headers, body)
        connection = self._take(to.host) or await self._connect(to.host, connect)
        answer = connection.ask(request, bodiless=method == b"HEAD")
        try:
            await answer.head(first_byte)
        except BaseException:
            answer.release()
            raise
        return answer

    def _take(self, host: Host) -> Connection | None:
        """The one used last, since the others may rest until they are closed."""
        if self.closed:
            raise NotSent("we are stopping")
        parked = self._parked.get(host)
        while parked:
            connection = parked.pop()
            if connection.open and self._loop.time() - connection.parked_at < self._keep_alive:
                return connection
            connection.close()
        return None

    async def _connect(self, host: Host, seconds: float) -> Connection:
        def park(connection: Connection) -> None:
            self._park(host, connection)

        try:
            async with asyncio.timeout(seconds):
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._loop, self._alarms, park), host.name, host.port, ssl=self._context(host)
                )
        except TimeoutError:
            raise NotSent("no connection in time") from None
        except (OSError, ssl.SSLError, ssl.CertificateError) as error:
            raise NotSent(f"no connection ({error.strerror or type(error).__name__})") from None
        return connection

    def _context(self, host: Host) -> ssl.SSLContext | None:
        if host.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls if host.tls else None

    def _park(self, host: Host, connection: Connection) -> None:
        if self.closed or not self._keep_alive:
            connection.close()
            return
        connection.parked_at = self._loop.time()
        self._parked[host].append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._keep_alive, self._let_rest_go)

    def _let_rest_go(self) -> None:
        """Close what nobody has used for a while: the oldest are in front."""
        self._sweep, before = None, self._loop.time() - self._keep_alive
        for host, parked in list(self._parked.items()):
            while parked and (parked[0].parked_at <= before or not parked[0].open):
                parked.popleft().close()
            if not parked:
                del self._parked[host]
        if self._parked:
            self._sweep = self._loop.call_later(self._keep_alive, self._let_rest_go)

    async def close(self) -> None:
        self.closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for parked in self._parked.values():
            for connection in parked:
                connection.close()
        self._parked.clear()
