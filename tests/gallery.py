"""`platform: tests.gallery`: paper that carries files too. Those that came in lie on a server of the test's own.

What was sent out is read through the gate, as an adapter reads what it uploads, and kept in `hung`.
"""

from collections.abc import AsyncIterator
from typing import Any, ClassVar

import aiohttp

from gateway.adapter import Limits
from gateway.errors import Refused, Retry
from gateway.message import File, Part
from gateway.options import Options, key
from tests import paper


class GalleryOptions(paper.PaperOptions):
    store: str = key("http://127.0.0.1:9", "Where the files of people are.")
    token: str = key("t0ken", "What that store wants to see.")


class Adapter(paper.Adapter):
    Options: ClassVar[type[Options]] = GalleryOptions
    limits: ClassVar[Limits] = Limits(
        text=400,
        caption=100,
        dialect="entities",
        groups=True,
        buttons=True,
        files_in=60_000,
        files_out=40_000,
        album=3,
        voice=True,
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.hung: dict[str, bytes] = {}

    async def fetch(self, file: File) -> AsyncIterator[bytes]:
        headers = {"Authorization": f"Bearer {self.options.token}"}
        try:
            async with self.gate.http.get(f"{self.options.store}/{file.ref}", headers=headers) as response:
                if response.status != 200:
                    raise (Retry if response.status >= 500 else _gone)(f"HTTP {response.status}")
                async for piece in response.content.iter_chunked(1000):
                    yield piece
        except aiohttp.ClientError as error:
            raise Retry(type(error).__name__) from None

    async def send(self, part: Part) -> str:
        for file in part.files:
            self.hung[file.name] = b"".join([piece async for piece in self.gate.content(file)])
        return await super().send(part)


def _gone(detail: str) -> Refused:
    return Refused("gone", detail)
