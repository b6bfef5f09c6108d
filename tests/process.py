"""The whole gateway as a process of its own, as operators run it: started, killed, started again on the same data."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from tests import nursery, postgres
from tests.nursery import Child
from tests.patience import PATIENCE
from tests.ports import free_port

ROOT = Path(__file__).parent.parent


class Gateway:
    """`config` is the YAML without its `server` and `storage`; all files are in `folder`.

    `replica` names one of several on one server's database. `fresh` ones have nothing in memory but what they need.
    """

    def __init__(
        self,
        folder: Path,
        config: str,
        on_server: bool = False,
        /,
        replica: str = "",
        lease: str = "2s",
        store: str = "",
        **environment: str,
    ) -> None:
        self.folder, self.port, self._replica = folder, free_port(), replica
        self.url = f"http://127.0.0.1:{self.port}"
        self.file, self._admin = folder / f"gateway{replica}.yaml", free_port()
        self._environment = {**os.environ, **environment}
        # What is read when an interpreter starts, or its loader.
        self.fresh = not environment.keys().isdisjoint(("PYTHONPATH", "LD_PRELOAD"))
        self._process: asyncio.subprocess.Process | Child | None = None
        self._pid = 0
        self._store, self._lease = f"sqlite:///{folder}/gateway.db", "15s"
        if postgres.CHOSEN or on_server:
            self._store, self._lease = store or postgres.server().database(folder), lease
        self.configure(config)

    def configure(self, config: str) -> None:
        """Write the file, as editors do: another one takes the place of what was there."""
        # Who takes over from a process that was killed waits for its leases, where it cannot know that it is gone.
        server = f"{{listen: '127.0.0.1:{self.port}', trusted_proxies: ['127.0.0.1'], lease: {self._lease}}}"
        storage = f"{{url: '{self._store}', files: '{self.folder}/files'}}"
        if self._replica:
            storage = storage.replace("}", f", local: '{self.folder}/{self._replica}'}}")
        admin = f"{{listen: '127.0.0.1:{self._admin}'}}"
        self._save(f"server: {server}\nadmin: {admin}\nstorage: {storage}\n{config}")

    def edit(self, pattern: str, words: str) -> None:
        """Other words in its file."""
        text, count = re.subn(pattern, words, self.file.read_text())
        assert count == 1, pattern
        self._save(text)

    def _save(self, text: str) -> None:
        beside = self.file.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.file)

    async def __aenter__(self) -> "Gateway":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def release(self, name: str) -> None:
        """Make the file NAME in the folder: what the process waits for has happened."""
        (self.folder / name).touch()

    @property
    def home(self) -> Path:
        """The folder of the process's own things."""
        return self.folder if self._store.startswith("sqlite:") else self.folder / "files"

    @property
    def pid(self) -> int:
        """The number of the process, also while it stops."""
        return self._pid

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended by us."""
        return self._process is not None and self._process.returncode is None

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def _log(self) -> Path:
        return self.folder / f"log{self._replica}"

    async def spawn(self, **environment: str) -> None:
        """Start, and return at once."""
        arguments, environment = ("run", "-c", str(self.file)), {**self._environment, **environment}
        self._process = await (self._anew if self.fresh else self._forked)(arguments, environment)
        self._pid = self._process.pid

    async def _forked(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Child:
        return nursery.start(arguments, ROOT, environment, (os.devnull, self._log, self._log))

    async def _anew(self, arguments: Sequence[str], environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway.cli", *arguments),
                cwd=ROOT,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def ended(self, seconds: float, code: int = -signal.SIGKILL) -> bool:
        """Whether the process has ended by itself within that time; as if killed, if nothing else was meant."""
        assert self._process is not None
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            return False
        assert self._process.returncode == code, f"the gateway ended:\n{self.log[-1500:]}"
        self._process = None
        return True

    async def start(self) -> None:
        """Start, and return when it says that it is ready."""
        await self.spawn()
        try:
            await self.ready()
        except BaseException:
            await self.kill()
            raise

    async def ready(self) -> None:
        """Return when a process that was spawned says that it is ready."""
        assert await self.up(), f"the gateway ended at once:\n{self.log[-1500:]}"

    async def up(self) -> bool:
        """Wait until it says that it is ready. False: it ended before that."""
        assert self._process is not None
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as http:
            while not await self._ready(http):
                if self._process.returncode is not None:
                    return False
                await asyncio.sleep(0.05)
        return True

    async def is_ready(self) -> bool:
        async with aiohttp.ClientSession() as http:
            return await self._ready(http)

    async def _ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/readyz") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def stop(self) -> None:
        """As a service manager does it; a stop that was asked for is a success."""
        assert await self._end(signal.SIGTERM) in (0, None), f"the gateway ended:\n{self.log[-1500:]}"

    async def stands_still(self, seconds: float) -> None:
        """For so long it does nothing at all, and knows nothing of it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._process.send_signal(signal.SIGCONT)

    def hang_up(self) -> bool:
        """SIGHUP, if the process is one of ours already, and no bare interpreter that ends of it; whether it is."""
        if self._process is None or self._process.returncode is not None:
            return False
        try:
            masks = re.findall(r"Sig(?:Cgt|Ign):\s*(\w+)", Path(f"/proc/{self._pid}/status").read_text())
        except OSError:  # it has ended this moment
            return False
        if stands := any(int(mask, 16) >> (signal.SIGHUP - 1) & 1 for mask in masks):
            self._process.send_signal(signal.SIGHUP)
        return stands

    async def kill(self) -> None:
        """Like a power cut for the process: no handler of its own runs."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int | None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return None
        process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await process.wait()
