"""A bot that is a language model behind an OpenAI-compatible chat completions API. See docs/bots.md."""

from collections.abc import AsyncIterator
from contextlib import closing
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator

from gateway import bot
from gateway.bot import Delta, Piece, Say, Tools
from gateway.bots import chat
from gateway.bots.completion import Completion, explained
from gateway.bots.exchange import Answer, Remote, Wire
from gateway.bots.stream import Events
from gateway.errors import BotBroken, BotError, BotUnavailable
from gateway.message import Outbound, Turn
from gateway.options import Secret, Url, key, needed

# What a session's context may choose for itself under `llm`.
_CHOICES: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "temperature": (int, float),
    "top_p": (int, float),
    "max_tokens": int,
}
_OURS = frozenset(("messages", "stream", "n", "tools", "functions"))


def _further(fields: dict[str, Any]) -> dict[str, Any]:
    if reserved := _OURS.intersection(fields):
        raise ValueError(f"may not hold {', '.join(sorted(reserved))}: the gateway sets that")
    return fields


class Bot(bot.Bot):
    """Asks a language model."""

    class Options(Remote):
        """The model and how to talk to it."""

        base_url: Url = needed("The API's address up to and with its version, as in http://127.0.0.1:11434/v1")
        model: str = needed("The model's name, as the API knows it.", min_length=1)
        prompt: str = key("", "What the model is told first; a longer one as `!file prompts/helper.md`.")
        temperature: float | None = key(None, "How freely the model chooses its words.", ge=0, le=2)
        max_tokens: int | None = key(None, "Longest answer, in tokens.", ge=1)
        extra: Annotated[dict[str, Any], AfterValidator(_further)] = key(
            {}, "Further fields of the request, as the API documents them."
        )
        # Last, since its name is that of the function that declares the others.
        key: Secret | None = key(None, "The API's key.")

    def __init__(self, name: str, options: "Bot.Options", tools: Tools) -> None:
        super().__init__(name, options, tools)
        self._wire = Wire(tools, options.base_url + "/chat/completions", options)
        self._headers = {"Authorization": f"Bearer {options.key.get_secret_value()}"} if options.key else {}
        given = {"temperature": options.temperature, "max_tokens": options.max_tokens}
        set_ones = {name: value for name, value in given.items() if value is not None}
        self._fields = {"model": options.model, **set_ones, **options.extra}

    async def answer(self, turn: Turn) -> AsyncIterator[Piece]:
        with closing(await self._wire.ask(self._body(turn), self._headers)) as answer:
            if answer.status != 200:
                raise await _refusal(answer)
            completion = Completion()
            if answer.media == "application/json":
                yield Say(Outbound(text=completion.whole(await answer.whole())))
            elif answer.media != "text/event-stream":
                raise BotBroken(f"the answer is {answer.media[:100] or 'of no type'}, not a stream of events")
            else:
                events = Events()
                while not completion.done:
                    for text in _texts(events, completion, await answer.chunk()):
                        yield Delta(text)
                await answer.finish()

    def _body(self, turn: Turn) -> bytes:
        llm = turn.session.context.get("llm")
        chosen = {
            name: llm[name]
            for name, kind in _CHOICES.items()
            if isinstance(llm, dict) and isinstance(llm.get(name), kind) and not isinstance(llm[name], bool)
        }
        messages = chat.messages(turn, self.options.prompt)
        return orjson.dumps({**self._fields, **chosen, "messages": messages, "stream": True})

    async def probe(self) -> str:
        try:
            with closing(await self._wire.look(self.options.base_url + "/models", self._headers)) as answer:
                refused = await _refusal(answer) if answer.status in (401, 403) else None
                return f"the key is refused: {refused}" if refused else ""
        except BotError as error:
            return str(error)


def _texts(events: Events, completion: Completion, chunk: bytes) -> list[str]:
    if not chunk:
        raise BotUnavailable("the stream ended before the completion did")
    texts: list[str] = []
    for event in events.feed(chunk):
        texts.append(completion.event(event))
        if completion.done:
            break
    return [text for text in texts if text]


async def _refusal(answer: Answer) -> BotError:
    try:
        return answer.failure(explained(await answer.whole()))
    except BotBroken:
        return answer.failure()
