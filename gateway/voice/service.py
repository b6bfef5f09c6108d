"""A service for speech, by the audio part of the OpenAI API: a recording becomes text, a text a recording."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import aiohttp
import orjson

from gateway.errors import VoiceFailed
from gateway.text import clean

SECONDS = 120.0  # for one call
TEXT = 1_048_576  # bytes of the longest transcript
PIECE = 65_536
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)

T = TypeVar("T")


class Service(NamedTuple):
    """Where it is, up to and with its version, and the key it wants, "" for none."""

    url: str
    key: str = ""


class Sound(NamedTuple):
    """A recording, whole."""

    name: str
    mime: str
    content: bytes


async def transcribe(http: aiohttp.ClientSession, service: Service, model: str, sound: Sound) -> str:
    """What was said. Raises `VoiceFailed`."""

    async def once() -> str:
        form = aiohttp.FormData()
        form.add_field("model", model)
        form.add_field("response_format", "json")
        form.add_field("file", sound.content, filename=sound.name, content_type=sound.mime)
        return _text(await _post(http, service, "/audio/transcriptions", TEXT, data=form))

    return await _twice(once)


async def speak(http: aiohttp.ClientSession, service: Service, model: str, speaker: str, text: str, most: int) -> bytes:
    """A text as Ogg Opus of at most so many bytes. Raises `VoiceFailed`."""
    asked = {"model": model, "voice": speaker, "input": text, "response_format": "opus"}
    return await _twice(lambda: _post(http, service, "/audio/speech", most, json=asked))


async def _twice(once: Callable[[], Awaitable[T]]) -> T:
    try:
        return await once()
    except VoiceFailed as failed:
        if not failed.again:
            raise
    return await once()


async def _post(http: aiohttp.ClientSession, service: Service, route: str, most: int, **body: Any) -> bytes:
    timeout = aiohttp.ClientTimeout(total=SECONDS, sock_connect=10)
    headers = {"Authorization": f"Bearer {service.key}"} if service.key else {}
    whole = bytearray()
    try:
        async with http.post(
            service.url + route, headers=headers, timeout=timeout, allow_redirects=False, **body
        ) as response:
            if response.status != 200:
                raise VoiceFailed(f"the service answered {response.status}", again=response.status in _AGAIN)
            async for piece in response.content.iter_chunked(PIECE):
                whole += piece
                if len(whole) > most:
                    raise VoiceFailed(f"the answer is larger than {most} bytes")
    except (aiohttp.ClientError, OSError) as error:
        raise VoiceFailed(f"no answer: {type(error).__name__}", again=True) from None
    return bytes(whole)


def _text(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    text = document.get("text") if isinstance(document, dict) else None
    if not isinstance(text, str):
        raise VoiceFailed("the answer is no transcript")
    if not (said := clean(text).strip()):
        raise VoiceFailed("nothing was heard")
    return said
