"""The body of an answer under a size limit: what came, and what it unpacks to, count both."""

import zlib
from collections.abc import AsyncIterator, Iterator

from aiohttp import ClientError, ClientResponse

from gateway.errors import FetchFailed, FetchRefused

PIECE = 65536  # bytes


async def pieces(response: ClientResponse, most: int) -> AsyncIterator[bytes]:
    """The content. Raises `FetchRefused` as soon as it is known to be too large, `FetchFailed` when it breaks off."""
    unpack = _Unpacked(response.headers.get("Content-Encoding", "").strip().lower())
    if (response.content_length or 0) > most:
        raise too_large(most)
    came = size = 0
    async for data in _received(response):
        came += len(data)
        for piece in unpack.add(data):
            size += len(piece)
            if size > most:
                raise too_large(most)
            yield piece
        if came > most:
            raise too_large(most)
    if not unpack.whole:
        raise FetchFailed("the body broke off")


def too_large(most: int) -> FetchRefused:
    return FetchRefused("too_large", f"it is larger than {most} bytes")


async def _received(response: ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for data in response.content.iter_chunked(PIECE):
            yield data
    except (ClientError, OSError) as error:
        raise FetchFailed(f"the body broke off: {type(error).__name__}") from None


class _Unpacked:
    """gzip, a bounded piece at a time: some hosts pack although they were asked not to."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise FetchRefused("encoding", "it is packed in a way that was not asked for")
        self._gzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if encoding.endswith("gzip") else None
        self._began = False

    @property
    def whole(self) -> bool:
        return self._gzip is None or self._gzip.eof or not self._began

    def add(self, data: bytes) -> Iterator[bytes]:
        if self._gzip is None:
            yield data
            return
        self._began = True
        while data:
            if self._gzip.eof:
                raise FetchRefused("encoding", "something follows what was packed")
            try:
                piece = self._gzip.decompress(data, PIECE)
            except zlib.error:
                raise FetchRefused("encoding", "it cannot be unpacked") from None
            data = self._gzip.unconsumed_tail or self._gzip.unused_data
            if piece:
                yield piece
