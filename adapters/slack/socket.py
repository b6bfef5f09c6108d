"""Socket Mode: events over a WebSocket that we open, so that nobody needs to reach us."""

import asyncio

import aiohttp

from adapters.slack.entrance import Entrance
from adapters.slack.intake import Intake
from adapters.slack.line import HEARTBEAT, Line
from adapters.slack.sdk import Sdk
from gateway.adapter import Gate
from gateway.backoff import backoff
from gateway.errors import Refused, Retry, SendError

_LONGEST = 60.0
_OFF = "link_disabled"
_FULL = "too_many_websockets"


class Socket:
    """One channel's connection. Slack asks for a new one every few hours; it is there before the old one goes."""

    def __init__(self, gate: Gate, sdk: Sdk, intake: Intake, token: str, entrance: Entrance) -> None:
        self._gate, self._sdk, self._intake, self._token = gate, sdk, intake, token
        self._entrance = entrance
        self._failures = 0

    async def run(self) -> None:
        """Hear until cancelled; failures are told to the gate and waited out. Raises only `Refused`."""
        refused: Refused | None = None
        async with asyncio.TaskGroup() as lines:
            knocking = lines.create_task(self._entrance.knock())
            old: Line | None = None
            hearing: asyncio.Task[None] | None = None
            while refused is None:
                try:
                    line = await self._connected()
                except Refused as error:
                    refused = error
                    break
                task = lines.create_task(line.hear())
                if old is not None:
                    await old.leave()
                old, hearing = line, task
                await line.leaving.wait()
                if line.reason == _OFF:
                    refused = Refused("rejected", "Socket Mode is switched off: switch it on in the app's settings")
                elif line.reason == _FULL:  # the new one would not get in beside it
                    await line.leave()
                    await self._wait("Slack has as many connections of this app as it takes", 1)
                elif task.done() or not line.reason:
                    await self._lost(line)
            knocking.cancel()
            if hearing is not None:
                hearing.cancel()
        if refused is not None:
            raise refused

    async def _lost(self, line: Line) -> None:
        """A connection that ended without a word; one that had not even begun is waited for longer."""
        self._failures = 0 if line.hello else self._failures + 1
        self._gate.health("retrying", "the connection to Slack was lost")
        await self._gate.pause(backoff(self._failures + 1, longest=_LONGEST))

    async def _wait(self, detail: str, failures: int, after: float | None = None) -> None:
        self._gate.health("retrying", detail)
        await self._gate.pause(max(after or 0.0, backoff(failures, longest=_LONGEST)))

    async def _connected(self) -> Line:
        """A new connection, sooner or later. Raises only `Refused`."""
        failures = 0
        while True:
            await self._gate.assured()
            try:
                return await self._connect()
            except Refused as error:
                if error.reason == "auth":
                    raise Refused("auth", f"{error}; is app_token right?") from None
                if error.reason == "unsupported":  # a scope is missing
                    raise Refused("auth", str(error)) from None
                failures += 1
                await self._wait(str(error), failures)
            except SendError as error:
                failures += 1
                await self._wait(str(error), failures, getattr(error, "after", None))

    async def _connect(self) -> Line:
        found = await self._sdk.ask(
            self._token,
            "apps.connections.open",
            lambda client: client.apps_connections_open(app_token=self._token),
        )
        failure: SendError
        try:
            # The address holds a ticket, so the client's own errors are not passed on.
            socket = await self._gate.http.ws_connect(
                found.text("url"),
                autoping=False,
                heartbeat=HEARTBEAT,
                max_msg_size=4 * 1024 * 1024,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
            return Line(self._gate, self._intake, socket, self._entrance.up)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            failure = Retry(f"Socket Mode: {type(error).__name__}")
        raise failure
