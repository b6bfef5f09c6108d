"""The bot at the end of every road: it says how much it remembers, and does a few tricks that are asked for by name."""

import asyncio
import base64
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import BotBroken
from gateway.message import Turn
from tests.media import PNG

CALL = "tests.situations.bot:answer"
PARAGRAPHS = [f"Paragraph {number} of the story: {'and so it went on, ' * 6}" for number in range(60)]
CODE = [f"step_{number} = walk({number}, to='the next line')" for number in range(120)]
TABLE = "| Port | Depth |\n|---|---:|\n| Antwerp | 13.5 |\n| Bremen | 14.2 |"
LINKS = "See [the handbook](https://example.org/book?a=1&b=2) or https://example.org/plain for **more**."
FOXES = "x" + "🦊" * 5000
CHOICES = {"Red": "r", "White": "w"}

_doors: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
asked: list[str] = []
"""Every text that came to the bot, in order, also when it was asked a second time."""


def release(name: str) -> None:
    """What was asked as `late NAME` is answered now."""
    _doors[name].set()


async def answer(turn: Turn) -> Any:
    text = turn.message.text
    asked.append(text)
    if turn.message.kind == "button":
        return f"chosen: {text}"
    if (trick := _TRICKS.get(text.partition(" ")[0])) is not None:
        return await trick(turn)
    files = sorted(f"{file.mime} {file.size}" for file in turn.message.files)
    said = f"{text} ({len(turn.history)})".strip()
    return f"{said} [{', '.join(files)}]" if files else said


async def _late(turn: Turn) -> str:
    await _doors[turn.message.text.partition(" ")[2]].wait()
    return f"{turn.message.text} ({len(turn.history)})"


async def _fails(turn: Turn) -> str:
    raise BotBroken("it was asked to")


async def _about(turn: Turn) -> str:
    return f"about {turn.message.reply_to}"


async def _choose(turn: Turn) -> dict[str, Any]:
    buttons = [{"text": label, "value": value} for label, value in CHOICES.items()]
    return {"messages": [{"text": "Which one?", "buttons": buttons}]}


async def _picture(turn: Turn) -> dict[str, Any]:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    return {"messages": [{"text": "Here it is", "files": [{"url": url, "name": "dot.png"}]}]}


async def _silent(turn: Turn) -> dict[str, Any]:
    return {"silent": True}


def _says(text: str) -> Callable[[Turn], Awaitable[str]]:
    async def say(turn: Turn) -> str:
        return text

    return say


_TRICKS: dict[str, Callable[[Turn], Awaitable[Any]]] = {
    "late": _late,
    "fails": _fails,
    "about": _about,
    "choose": _choose,
    "picture": _picture,
    "silent": _silent,
    "story": _says("\n\n".join(PARAGRAPHS)),
    "code": _says("Here you are:\n\n```python\n" + "\n".join(CODE) + "\n```"),
    "table": _says(TABLE),
    "links": _says(LINKS),
    "foxes": _says(FOXES),
    "bold": _says("It is **fine**."),
}
