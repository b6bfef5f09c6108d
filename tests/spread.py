"""The smallest proxy there is: each connection goes to the next of several servers that takes it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle


@asynccontextmanager
async def spread(servers: Sequence[int]) -> AsyncIterator[str]:
    """Spread connections over ports of the loopback; where that listens."""
    turns = cycle(servers)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in servers:
            with suppress(OSError):
                there, back = await asyncio.open_connection("127.0.0.1", next(turns))
                await asyncio.gather(_pump(reader, back), _pump(there, writer))
                return
        writer.close()

    listening = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    try:
        host, port = listening.sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        listening.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
    target.close()
