"""What the service manager is told: that we serve, that we are alive, that we stop. It is played by a socket here."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.supervisor import Supervisor
from tests.process import Gateway

YAML = "bots: {b: {kind: echo}}\nchannels: {site: {platform: web, bot: b, path: /}}\n"


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A service manager that listens."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as ear:
        ear.bind(address)
        ear.settimeout(60)
        yield ear


def told(ear: socket.socket) -> list[str]:
    return ear.recv(4096).decode().split("\n")


class Fast(Clock):
    """Notes how long others want to sleep, and lets nobody sleep more than so often."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.slept: list[float] = []
        self._times = times

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) >= self._times:
            raise asyncio.CancelledError


@pytest.mark.feature("STO-09")
@pytest.mark.parametrize("place", ["file", "@name"])
async def test_signs_of_life_come_twice_as_often_as_they_are_waited_for(tmp_path: Path, place: str) -> None:
    address = f"@{tmp_path}" if place == "@name" else str(tmp_path / "notify")
    with manager(address.replace("@", "\0")) as ear:
        supervisor = Supervisor({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000"})
        clock = Fast(3)
        with pytest.raises(asyncio.CancelledError):
            await supervisor.reassure(clock)
        assert clock.slept == [30, 30, 30]
        assert [told(ear) for _ in range(3)] == [["WATCHDOG=1"]] * 3


@pytest.mark.feature("STO-09")
async def test_nobody_who_listens_is_no_trouble(tmp_path: Path) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell("READY=1")
    Supervisor({}).tell("READY=1")
    for environment in (
        {"WATCHDOG_USEC": "60000000"},
        {"NOTIFY_SOCKET": str(tmp_path / "gone")},
        {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "nonsense"},
        {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid() + 1)},
    ):
        await Supervisor(environment).reassure(Fast(1))  # returns at once: nobody waits for it


@pytest.mark.feature("STO-09", "STO-06")
async def test_the_process_says_when_it_serves_that_it_lives_and_that_it_stops(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with manager(address) as ear:
        gateway = Gateway(tmp_path, YAML, NOTIFY_SOCKET=address, WATCHDOG_USEC="2000000")
        await gateway.start()
        assert await asyncio.to_thread(told, ear) == ["READY=1", f"STATUS=serving at {gateway.url}"]
        assert [await asyncio.to_thread(told, ear) for _ in range(2)] == [["WATCHDOG=1"]] * 2
        await gateway.stop()
        said = ["WATCHDOG=1"]
        while said == ["WATCHDOG=1"]:
            said = await asyncio.to_thread(told, ear)
        assert said == ["STOPPING=1", "STATUS=draining", "EXTEND_TIMEOUT_USEC=50000000"]
