"""A network between this machine and a namespace of its own, with a database in it: it can be cut like a cable.

Nobody is told of a cut: what is sent is gone, and no connection breaks. It takes root, and `ip`.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.patience import PATIENCE
from tests.process import ROOT

PORT = 5432


class Cable:
    """Leads to a PostgreSQL that is here on a socket, as if it were on another machine."""

    def __init__(self) -> None:
        pid = os.getpid()
        self._space, self._here, self._there = f"gw-{pid}", f"gwh{pid}"[:15], f"gwt{pid}"[:15]
        net = f"10.213.{pid >> 6 & 255}"
        self._near, self._far = f"{net}.{(pid & 63) * 4 + 1}", f"{net}.{(pid & 63) * 4 + 2}"

    def lay(self) -> None:
        _ip(f"netns add {self._space}")
        _ip(f"link add {self._here} type veth peer name {self._there} netns {self._space}")
        _ip(f"addr add {self._near}/30 dev {self._here}")
        _ip(f"-n {self._space} addr add {self._far}/30 dev {self._there}")
        _ip(f"link set {self._here} up")
        self.mend()

    def remove(self) -> None:
        _ip(f"netns delete {self._space}", check=False)
        _ip(f"link delete {self._here}", check=False)

    def cut(self) -> None:
        _ip(f"-n {self._space} link set {self._there} down")

    def mend(self) -> None:
        _ip(f"-n {self._space} link set {self._there} up")

    @contextmanager
    def to(self, url: str) -> Iterator[str]:
        """The address at the far end of a database whose address here is given."""
        told = urlsplit(url)
        socket = f"{parse_qs(told.query)['host'][0]}/.s.PGSQL.5432"
        relay = subprocess.Popen(
            ["ip", "netns", "exec", self._space, sys.executable, "-m", "tests.cable", self._far, str(PORT), socket],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        try:
            assert relay.stdout is not None
            assert relay.stdout.readline() == b"listening\n"
            yield f"postgresql://postgres@{self._far}:{PORT}{told.path}"
        finally:
            relay.kill()
            relay.communicate(timeout=PATIENCE)


@contextmanager
def cable() -> Iterator[Cable]:
    """One that is there for a test. Where it is not allowed the test is skipped."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("network namespaces take root, and ip (on Debian: apt-get install iproute2)")
    laid = Cable()
    try:
        laid.lay()
    except subprocess.CalledProcessError as error:
        laid.remove()
        pytest.skip(f"network namespaces are not allowed here: {error.stderr.strip()}")
    try:
        yield laid
    finally:
        laid.remove()


def _ip(command: str, *, check: bool = True) -> None:
    subprocess.run(["ip", *command.split()], check=check, capture_output=True, text=True)


async def _relay(address: str, port: int, socket: str) -> None:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(socket)
        await asyncio.wait(
            [asyncio.ensure_future(_pump(reader, back)), asyncio.ensure_future(_pump(there, writer))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        back.close()
        writer.close()

    async with await asyncio.start_server(one, address, port) as server:
        print("listening", flush=True)
        await server.serve_forever()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


if __name__ == "__main__":
    asyncio.run(_relay(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
