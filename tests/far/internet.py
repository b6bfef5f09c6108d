"""An internet in a network namespace: every address there is belongs to one host, that notes at which it was called.

`unshare --net --map-root-user python -m tests.far.internet`: reads `{"names": ..., "urls": [...]}`, fetches each URL by
the gateway's own rules, and writes `{"outcomes": {url: outcome}, "reached": [address, ...]}`.
"""

import asyncio
import json
import ssl
import subprocess
import sys
from contextlib import AsyncExitStack
from typing import Any

from gateway.errors import FetchFailed, FetchRefused
from gateway.fetch import Caps, Fetcher
from tests.far.strangers import Names, Stranger, answer, moved

EVERYWHERE = (
    ("link", "set", "lo", "up"),
    ("route", "add", "local", "0.0.0.0/0", "dev", "lo"),
    ("-6", "route", "add", "local", "::/0", "dev", "lo"),
)


class Internet(Stranger):
    """Any path leads to "well", but for the redirects that begin with `/to/`."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reached.append(writer.get_extra_info("sockname")[0])
        path = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)[1]
        writer.write(moved(path.removeprefix("/to/")) if path.startswith("/to/") else answer(200, b"well"))
        await writer.drain()
        writer.close()


async def outcome(fetcher: Fetcher, url: str) -> str:
    try:
        async with fetcher.open(url, Caps(seconds=30)) as download:
            return (await download.read()).decode()
    except FetchRefused as error:
        return error.reason
    except FetchFailed as error:
        return f"failed: {error}"


async def main(given: dict[str, Any], certificate: str) -> dict[str, Any]:
    internet, fetcher = Internet({}), Fetcher(resolver=Names(given["names"]))
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if certificate:
        secure.load_cert_chain(certificate)
    async with AsyncExitStack() as stack:
        for port, context in ((80, None), (443, secure if certificate else None)):
            for host in ("0.0.0.0", "::"):  # noqa: S104  (nobody else is in this namespace)
                server = await asyncio.start_server(internet.serve, host, port, ssl=context)
                stack.callback(server.close)
        outcomes = {url: await outcome(fetcher, url) for url in given["urls"]}
        await fetcher.close()
    return {"outcomes": outcomes, "reached": internet.reached}


if __name__ == "__main__":
    for command in EVERYWHERE:
        subprocess.run(("ip", *command), check=True)
    certificate = sys.argv[1] if len(sys.argv) > 1 else ""
    print(json.dumps(asyncio.run(main(json.load(sys.stdin), certificate))))
