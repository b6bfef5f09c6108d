"""The terminal: lines typed where the gateway runs, answers printed there. Read this one first; it does all it must.

There is no network, so nothing is verified, and a line that was printed was delivered.
"""

import asyncio
import os
import threading
import uuid
from contextlib import suppress
from typing import ClassVar

from gateway.adapter import Adapter as Base
from gateway.adapter import Boundary, Limits
from gateway.errors import StorageDown
from gateway.message import Address, Inbound, Part, Place, Sender
from gateway.options import Id, key
from gateway.options import Options as BaseOptions
from gateway.text import clean


class Options(BaseOptions):
    """Options of a channel with `platform: terminal`."""

    user: Id = key("you", "Who types.")
    chat: str = key("", "The group they type in; else it is a direct message.")


class Adapter(Base):
    """Every line typed is a message; `@bot` addresses the bot in a group."""

    Options = Options
    limits = Limits(text=100_000, groups=True)
    boundary: ClassVar[Boundary] = {"dm": "user", "group": "chat"}
    mention = "bot"

    async def run(self) -> None:
        """Take lines in until there are none left. Each is stored before the next is asked for."""
        lines: asyncio.Queue[str] = asyncio.Queue()
        # A thread, because a terminal cannot be awaited; a daemon, because nothing else ends its waiting.
        threading.Thread(target=_read, args=(asyncio.get_running_loop(), lines), daemon=True).start()
        while line := await self._next(lines):
            if line.strip():
                await self._hear(self.inbound(line.rstrip("\r\n")))

    async def _next(self, lines: asyncio.Queue[str]) -> str:
        print("> " if os.isatty(0) else "", end="", flush=True)  # noqa: T201
        return await lines.get()

    def inbound(self, text: str) -> Inbound:
        """A line, with its address named."""
        user, group = self.options.user, self.options.chat
        alone: Place = "dm" if "dm" in self.boundary else "conversation"
        address = Address(chat=group or user, user=user, place="group" if group else alone)
        called = not group or text[:1] in self.limits.prefixes or f"@{self.mention}" in text
        sender = Sender(id=user, name=user)
        ids = (uuid.uuid4().hex,)
        return Inbound(
            channel=self.name, account="", ids=ids, address=address, text=text, sender=sender, addressed=called
        )

    async def _hear(self, inbound: Inbound) -> None:
        while True:
            with suppress(StorageDown):
                await self.gate.receive(inbound)
                return
            await self.gate.pause(1)  # nobody else has this line: it is offered until it is taken

    async def send(self, part: Part) -> str:
        """Print one part. Nothing in it can act upon the terminal."""
        marks = [f"[{button.text}]" for button in part.buttons] + [f"[file: {file.name}]" for file in part.files]
        print("\n".join(filter(None, [clean(part.text), " ".join(marks)])), flush=True)  # noqa: T201
        return part.id


def _read(loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str]") -> None:
    with suppress(OSError, RuntimeError), open(0, "rb", buffering=0, closefd=False) as keyboard:
        for line in keyboard:
            loop.call_soon_threadsafe(lines.put_nowait, line.decode("utf-8", "replace"))
        loop.call_soon_threadsafe(lines.put_nowait, "")
