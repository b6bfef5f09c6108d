"""A gateway with a gallery, a bot's backend, a store of people's files and a service for speech, all by real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from gateway.message import File, Part
from tests.doors import Gateway, running
from tests.far.backend import Backend, Call, Reply, fails
from tests.paper import Paper, said

PNG = b"\x89PNG\r\n\x1a\n" + bytes(92)
PDF = b"%PDF-1.7\n" + bytes(91)
OGG = b"OggS" + bytes(24) + b"\x01\x13OpusHead" + bytes(60)


class Far(Backend):
    """All the far ends at one address: `/chat` is the bot, `/files` what it offers, `/store` what people sent.

    `pages` are answers by path: bytes, or a list of replies used up one by one, the last one staying.
    """

    def __init__(self) -> None:
        super().__init__(self._answered)
        self.pages: dict[str, Any] = {}
        self.said: Any = {"text": "well"}

    @property
    def base(self) -> str:
        return self.url.removesuffix(self.path)

    def _answered(self, call: Call) -> Any:
        if call.path == self.path:
            return self.said(call.document) if callable(self.said) else self.said
        page = self.pages.get(call.path, fails(404))
        if isinstance(page, list):
            page = page.pop(0) if len(page) > 1 else page[0]
        return Reply([page], "application/octet-stream") if isinstance(page, bytes) else page

    def asked(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    @property
    def turns(self) -> list[Any]:
        """What the bot was asked, in order."""
        return [call.document for call in self.asked(self.path)]


class Hall:
    """A running gateway with its far ends."""

    def __init__(self, gateway: Gateway, far: Far) -> None:
        self.gateway, self.far = gateway, far

    @property
    def here(self) -> Any:
        return self.gateway.daemon.corridor.channels["p"]

    @property
    def paper(self) -> Paper:
        found: Paper = self.here.adapter.paper
        return found

    @property
    def hung(self) -> dict[str, bytes]:
        found: dict[str, bytes] = self.here.adapter.hung
        return found

    @property
    def media(self) -> Any:
        return self.gateway.daemon.router.turns.media

    async def say(self, text: str, *files: File, **more: Any) -> None:
        """Say something, and wait until it has been answered and all is sent."""
        await self.hand_in(text, *files, **more)
        await self.quiet()

    async def hand_in(self, text: str, *files: File, **more: Any) -> None:
        await self.gateway.daemon.router.receive(self.here, said(self.here, text, files=files, **more))

    async def quiet(self) -> None:
        due = "SELECT count(*) FROM lane WHERE in_due_at IS NOT NULL OR out_due_at IS NOT NULL"
        await self.gateway.until_rows([(0,)], due)

    @property
    def sent(self) -> list[Part]:
        return self.paper.sent

    async def read(self, url: str) -> bytes:
        async with self.gateway.http.get(url) as response:
            assert response.status == 200, url
            return await response.read()

    async def lines(self) -> list[tuple[Any, ...]]:
        return await self.gateway.rows("SELECT role, text FROM message ORDER BY session, seq")


def sent_in(ref: str, mime: str = "image/png", **more: Any) -> File:
    return File(ref=ref, mime=mime, kind=more.pop("kind", "photo"), **more)


@asynccontextmanager
async def hall(
    folder: Path, blocks: str = "", bots: str = "", far: Far | None = None, platform: str = "gallery"
) -> AsyncIterator[Hall]:
    """`blocks` are further lines of the channel, `bots` further bots; FAR in them is the far ends' address."""
    async with nullcontext(far) if far else Far() as there:
        store = f'store: "{there.base}/store"' if platform == "gallery" else ""
        yaml = f"""
server: {{listen: "127.0.0.1:0"}}
admin: {{listen: "127.0.0.1:0"}}
storage: {{url: sqlite:///gateway.db, files: files}}
bots:
  b: {{kind: http, url: "{there.url}", retries: 0}}
  {bots}
channels:
  p:
    platform: tests.{platform}
    bot: b
    {store}
    sheet: "{folder}"
    {blocks or "limits: {send: off, messages: off}"}
"""
        async with running(folder, yaml.replace("FAR", there.base)) as gateway:
            one = Hall(gateway, there)
            one.media.incoming.pauses = one.media.outgoing.pauses = (0.0, 0.0)
            await gateway.until(lambda: one.here.state == "up")
            yield one
