"""The blocks `media` and `voice`: which files come in and go out, and what is done with speech."""

import re
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, WithJsonSchema, model_validator

from gateway.fetch import Host, host
from gateway.options import Duration, Listed, Options, Secret, address, faults, key

ALLOWED = ("image/*", "audio/*", "video/*", "application/pdf", "text/*", "office")
_TYPE = re.compile(r"[a-z]+/(\*|[a-z0-9][a-z0-9.+-]*)|office", re.ASCII)
_ROUTES = ("/audio/transcriptions", "/audio/speech")


def _type(value: object) -> str:
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        raise ValueError("expected a type such as application/pdf or image/*, or the word office")
    return value


def _host(value: object) -> Host:
    if not isinstance(value, str):
        raise ValueError("expected a host such as files.internal or files.internal:9000")
    return host(value)


def _service(value: object) -> str:
    """An address, or a bot's name, which is checked where all bots are known."""
    if not isinstance(value, str):
        raise ValueError("expected an address such as http://127.0.0.1:9000/v1, or a bot's name")
    if "://" not in value:
        return value
    for route in _ROUTES:
        if value.rstrip("/").endswith(route):
            raise ValueError(f"expected the address up to and with its version, without {route}")
    return address(value)


_type_schema: dict[str, Any] = {"type": "string", "pattern": f"^({_TYPE.pattern})$"}
Type = Annotated[str, PlainValidator(_type), WithJsonSchema(_type_schema)]
Named = Annotated[Host, PlainValidator(_host), WithJsonSchema({"type": "string"})]
Service = Annotated[str, PlainValidator(_service), WithJsonSchema({"type": "string"})]


class Media(Options):
    """Files that people send and that bots answer with."""

    album_wait: Duration = key("2s", "How long the first picture of an album waits for the next one.")
    allow: Listed[Type] = key(ALLOWED, "Types of files that are taken in, by their content; office: its documents.")
    hosts: Listed[Named] = key(
        (), "Hosts of your own network that answers may name files on; a bot's own host always may be named."
    )


class Voice(Options):
    """Voice messages as text, and answers as speech."""

    transcribe: Service = key("", "Who writes voice messages down: a bot, or the address of an OpenAI-compatible API.")
    echo: bool = key(False, "Say what was heard before the answer.")
    reply: Literal["never", "always", "reciprocal"] = key(
        "never", "Spoken answers: never, always, or reciprocal: to voice messages."
    )
    speech: Service = key("", "Who speaks: a bot of kind openai, or such an address; else the one of transcribe.")
    model: str = key("whisper-1", "The model that transcribes.", min_length=1)
    speech_model: str = key("tts-1", "The model that speaks.", min_length=1)
    speaker: str = key("alloy", "Whose voice it speaks with.", min_length=1)
    # Last, since its name is that of the function that declares the others.
    key: Secret | None = key(None, "The key of that API; not needed where a bot has one.")

    @model_validator(mode="after")
    def _somebody_speaks(self) -> "Voice":
        if self.reply != "never" and not (self.speech or self.transcribe):
            raise faults((("reply",), "needs somebody who speaks: name it under speech"))
        return self
