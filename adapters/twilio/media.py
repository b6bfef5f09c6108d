"""Files that came in: named by Twilio's own addresses, and fetched with our credentials from nowhere else."""

import re
from collections.abc import AsyncIterator
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec
from aiohttp import ClientError, ClientTimeout
from yarl import URL

from adapters.twilio.api import Api
from adapters.twilio.fields import Fields
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError
from gateway.message import File

MOST = 32  # files of one message
REDIRECTS = 3
LONGEST_URL = 2000
STORE = "mcs.us1"  # the product that keeps the files of conversations
_PIECE = 65536
_LIMIT = ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=30)
_STORES = (".twiliocdn.com", ".amazonaws.com")  # where Twilio sends us for the content itself
_IN_CONVERSATION = re.compile(r"/v1/Services/IS[0-9A-Za-z]+/Media/ME[0-9A-Za-z]+", re.ASCII)
_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/mpeg": ".mp3",
    "audio/amr": ".amr",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "application/msword": ".doc",
    "text/csv": ".csv",
}
_VOICE = ("audio/ogg", "audio/opus")


class Links(msgspec.Struct, frozen=True):
    content_direct_temporary: str


class Stored(msgspec.Struct, frozen=True):
    """A file of a conversation, as Twilio's store of media tells of it."""

    links: Links


def incoming(fields: Fields) -> tuple[File, ...]:
    """All files of a message, in order. How many there are is counted, not believed."""
    found = []
    sticker = fields.first("MessageType") == "sticker"
    for number in range(MOST):
        url = fields.first(f"MediaUrl{number}")
        if not url:
            break
        found.append(described(url, fields.first(f"MediaContentType{number}"), sticker=sticker))
    return tuple(found)


def described(ref: str, mime: str, name: str = "", size: int = 0, *, sticker: bool = False) -> File:
    """A file as it is shown to bots; Twilio seldom tells its name."""
    mime = mime.partition(";")[0].strip().lower()
    kind = "sticker" if sticker else _kind(mime)
    return File(ref=ref, mime=mime, name=name or f"{kind}{_ENDINGS.get(mime, '')}", size=size, kind=kind)


def _kind(mime: str) -> str:
    main = mime.partition("/")[0]
    if main == "audio":
        return "voice" if mime in _VOICE else "audio"
    return {"image": "photo", "video": "video"}.get(main, "document")


class Media:
    """Fetches files for one account."""

    def __init__(self, gate: Gate, api: Api, base: str) -> None:
        self._gate, self._api = gate, api
        self._base = urlsplit(base)

    async def fetch(self, file: File) -> AsyncIterator[bytes]:
        """The content, piece by piece. Raises `Refused` when it is not to be had from Twilio, else `Retry`."""
        url = await self._named(file.ref)
        failure: SendError | None = None
        for _ in range(REDIRECTS + 1):
            if not (self._is_twilio(url) or self._is_store(url)):
                raise Refused("gone", "file: Twilio sends us to somewhere else for it")
            # Our credentials are for Twilio alone.
            headers = {"Authorization": self._api.headers["Authorization"]} if self._is_twilio(url) else {}
            try:
                asked = URL(url, encoded=True)
                async with self._gate.http.get(asked, headers=headers, timeout=_LIMIT, allow_redirects=False) as got:
                    if got.status in (301, 302, 303, 307, 308):
                        url = urljoin(url, got.headers.get("Location", ""))
                        continue
                    if got.status == 200:
                        async for piece in got.content.iter_chunked(_PIECE):
                            yield piece
                        return
                    failure = _failure(got.status)
            except (ClientError, TimeoutError, OSError, RuntimeError, ValueError) as error:
                failure = Retry(f"file: {type(error).__name__}")
            break
        raise failure or Refused("gone", "file: sent from one place to the next")

    async def _named(self, ref: str) -> str:
        """The address of a file. Of those of conversations Twilio tells one that is good for a while."""
        if _IN_CONVERSATION.fullmatch(ref):
            return (await self._api.get("file", self._api.at(STORE, ref), (), Stored)).links.content_direct_temporary
        if not self._is_twilio(ref):
            raise Refused("gone", "file: it is not one of Twilio's")
        return ref

    def _is_twilio(self, url: str) -> bool:
        """Whether an address is Twilio's own, or of the API that the operator named instead."""
        parts = _parts(url)
        if parts is None:
            return False
        if (parts.scheme, parts.netloc) == (self._base.scheme, self._base.netloc):
            return True
        return parts.scheme == "https" and parts.port in (None, 443) and (parts.hostname or "").endswith(".twilio.com")

    def _is_store(self, url: str) -> bool:
        parts = _parts(url)
        return parts is not None and parts.scheme == "https" and (parts.hostname or "").endswith(_STORES)


def _parts(url: str) -> SplitResult | None:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.username is None and parts.port != 0 else None
    except ValueError:
        return None


def _failure(status: int) -> SendError:
    if status == 429 or status >= 500:
        return Retry(f"file: HTTP {status}")
    return Refused("auth" if status == 401 else "gone", f"file: HTTP {status}")
