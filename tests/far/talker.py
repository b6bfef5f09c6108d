"""A bot that answers as the tests of the web page need it: written word by word, halting, marked up, or hostile.

A message `wait NAME` is answered in two pieces, the second one when the test makes the file NAME in `TALKER_DIR`;
`marked NAME` ends with it.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from gateway.message import Turn

CONFIG = """
bots:
  talker: {kind: python, call: "tests.far.talker:answer", timeout: 60s}
channels:
  site:
    platform: web
    bot: talker
    path: /
    title: Harbour
    welcome: Ask about **tides**.
    starters: ["When is high water?"]
    limits: {messages: off}
"""

# One pixel.
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

MARKED = """\
# Tides

High water is at **06:42** and *19:05*, see `VHF 12` or the [handbook](https://example.org/handbook).

- one
- two
  - inner

1. first
2. second

> Mind the ~~pier~~ gate.

| Time | Height |
|---|---:|
| 06:42 | 4.1 m |

```python
print("Fair winds")
```
"""


async def answer(turn: Turn) -> AsyncIterator[str | dict[str, Any]]:
    text = turn.message.text
    before = sum(line.role == "user" for line in turn.history)
    if text.startswith("wait "):
        yield "The first half, "
        await _made(text.removeprefix("wait ").strip())
        yield "and the second."
    elif text.startswith("marked"):
        for word in MARKED.split(" "):
            yield word + " "
        if name := text.removeprefix("marked").strip():
            await _made(name)
    elif text == "long":
        yield "\n\n".join(f"Line {number}" for number in range(1, 101))
    elif text.startswith("parrot "):
        said = text.removeprefix("parrot ")
        for at in range(0, len(said), 7):
            yield said[at : at + 7]
        yield f"\n\n[{said}]({said})"
        files = [{"url": "data:text/html,<script>alert(1)</script>", "name": said[:80]}]
        yield {"messages": [{"text": said, "buttons": [{"text": said[:60], "value": "x"}], "files": files}]}
    elif text == "picture":
        dot = {"url": f"data:image/png;base64,{DOT}", "name": "dot.png"}
        yield {"messages": [{"text": "Here", "files": [dot, {"url": "data:,tide", "name": "tide.txt"}]}]}
    elif text == "choose":
        yield {"messages": [{"text": "Which?", "buttons": [{"text": "Red", "value": "red"}]}]}
    else:
        yield f"You said **{text}** after {before} others."


async def _made(name: str) -> None:
    signal = Path(os.environ["TALKER_DIR"]) / name
    while not signal.exists():
        await asyncio.sleep(0.02)
