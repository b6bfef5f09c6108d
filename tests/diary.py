"""`platform: tests.diary`: paper on which we may write for a day after a user has; a file's content is its handle."""

from collections.abc import AsyncIterator
from typing import ClassVar

from gateway.adapter import Limits
from gateway.message import File
from tests import paper

DAY = 24 * 3600.0


class Adapter(paper.Adapter):
    limits: ClassVar[Limits] = Limits(
        text=4096, groups=True, threads=True, buttons=True, files_in=60_000, window=DAY, reactions=True
    )

    async def fetch(self, file: File) -> AsyncIterator[bytes]:
        yield file.ref.encode()
