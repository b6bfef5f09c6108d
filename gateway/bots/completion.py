"""What a chat completions API sends: chunks of a stream, a whole completion, an error."""

from typing import Any

import orjson

from gateway.errors import BotBroken, BotUnavailable
from gateway.text import clean

DONE = b"[DONE]"
_NOTE = 200  # characters of an error's message that the operator gets to see


class Completion:
    """A completion as it arrives. It is complete only once it has said why it ended, and then `[DONE]`."""

    def __init__(self) -> None:
        self.done = False
        self._finish = ""
        self._said = False

    def event(self, data: bytes) -> str:
        """The text that one event of the stream adds."""
        if data == DONE:
            self._end()
            return ""
        return self._choice(_read(data), "delta")

    def whole(self, data: bytes) -> str:
        """The text of a completion that came in one piece."""
        text = self._choice(_read(data), "message")
        self._end()
        return text

    def _choice(self, document: dict[str, Any], said: str) -> str:
        if document.get("error"):
            raise BotUnavailable(f"the model stopped: {_message(document)}")
        choices = document.get("choices") or []
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise BotBroken("the completion has no list of choices")
        for choice in choices[:1]:
            if isinstance(reason := choice.get("finish_reason"), str):
                self._finish = reason
            text = _text(choice.get(said))
            self._said = self._said or bool(text)
            return text
        return ""

    def _end(self) -> None:
        if self._finish in ("", "error"):
            raise BotUnavailable("the completion ended without a reason for ending")
        if not self._said and self._finish not in ("stop", "length"):
            raise BotBroken(f"the model said nothing ({clean(self._finish[:40])})")
        self.done = True


def explained(body: bytes) -> str:
    """The API's own words on why it refused, when it has any."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return _message(document) if isinstance(document, dict) else ""


def _read(data: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BotBroken(f"the completion is not JSON: {error.msg}") from None
    if not isinstance(document, dict):
        raise BotBroken(f"the completion is not a JSON object but {type(document).__name__}")
    return document


def _text(said: Any) -> str:
    """The words of a message or delta; some servers give them as a list of typed parts."""
    if said is None:
        return ""
    if not isinstance(said, dict):
        raise BotBroken("the completion's message is not an object")
    content = said.get("content") or said.get("refusal") or ""
    if isinstance(content, list):
        content = "".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    if not isinstance(content, str):
        raise BotBroken(f"the completion's content is {type(content).__name__}, not text")
    return clean(content)


def _message(document: dict[str, Any]) -> str:
    error = document.get("error", document.get("detail", ""))
    note = error.get("message", "") if isinstance(error, dict) else error
    return " ".join(clean(note[: 4 * _NOTE]).split())[:_NOTE] if isinstance(note, str) else ""
