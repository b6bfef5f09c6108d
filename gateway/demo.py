"""The bot of the first start: it shows what the gateway does for a bot, and is an example of one.

It keeps nothing itself. The name is participant data (it outlives resets), the count is a session variable (a
reset clears it), and what was said comes with every turn.
"""

import re
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from typing import Any

from gateway.clock import Clock
from gateway.message import Turn
from gateway.text import clean_name, first_sentence

WORD_PAUSE = 0.002  # seconds: enough to see that the answer is written word by word
Said = tuple[str, dict[str, Any]]

HELP = """\
I am the demo bot of this gateway. Try me:

- **my name is Ada**: I remember you, even after `/reset` or a restart
- **what did I say?**: I know our conversation so far
- **count**: I count, until you `/reset`
- **show formatting**: a list, code and a table, as this app shows them
- **what next?**: how to put your own bot here
"""

FORMATTING = """\
### A heading

Text can be **bold**, *italic*, ~~struck~~ or `code`, and hold [links](https://commonmark.org/help/).

1. Lists are numbered
2. or not:
   - like this
   - and this

> A quotation stands apart.

```python
def greet(name):
    return f"Hello, {name}!"
```

| Dish  | Price |
|-------|------:|
| Soup  |  4.50 |
| Bread |  1.20 |

Where an app cannot show one of these, the gateway writes it another way; no word is lost.
"""

HINTS = (
    "Say **help** to see what I can do.",
    "Tell me your name: **my name is …**",
    "Ask me **what did I say?**",
    "Say **show formatting**, it looks nice.",
    "Say **what next?** to put your own bot in my place.",
)

_clock = Clock()


async def answer(turn: Turn) -> AsyncIterator[str | dict[str, Any]]:
    """Answer a turn word by word; what is to be remembered comes last."""
    if turn.type == "summarize":
        yield _summary(turn)
        return
    text, change = reply(turn)
    for word in re.findall(r"\S+\s*", text):
        yield word
        await _clock.sleep(WORD_PAUSE)
    if change:
        yield change


def reply(turn: Turn) -> Said:
    """What to say to a message, and what to remember."""
    text = " ".join(turn.message.text.split())
    for pattern, respond in _ANSWERS:
        if found := pattern.fullmatch(text[:500]):
            return respond(turn, found)
    return _otherwise(turn, text)


def _greet(turn: Turn, found: re.Match[str]) -> Said:
    name = _name(turn)
    known = f"Hello again, {name}!" if turn.history or "name" in turn.participant.data else f"Hello, {name}!"
    return f"{known if name else 'Hello!'} I am here and listening. {HINTS[0]}", {}


def _help(turn: Turn, found: re.Match[str]) -> Said:
    return HELP, {}


def _meet(turn: Turn, found: re.Match[str]) -> Said:
    name = _plain(found["name"])
    if not name:
        return "I did not catch that. Say it like this: **my name is Ada**", {}
    before = turn.participant.data.get("name")
    if before == name:
        return f"I know, {name}. I have not forgotten.", {}
    change = f"{before} was your name until now; from" if before else "Nice to meet you. From"
    text = f"{change} now on you are **{name}** to me. Try `/reset`, or restart the gateway: I will still know."
    return text, {"participant": {"set": {"name": name}}}


def _who(turn: Turn, found: re.Match[str]) -> Said:
    name = _name(turn)
    return (f"You are **{name}**." if name else "You have not told me yet. Say **my name is …**"), {}


def _forget(turn: Turn, found: re.Match[str]) -> Said:
    return "Done: your name is forgotten.", {"participant": {"unset": ["name"]}}


def _recall(turn: Turn, found: re.Match[str]) -> Said:
    said = [line.text for line in turn.history if line.role == "user"]
    if not said:
        return "Nothing yet: this conversation has only begun.", {}
    lines = "\n".join(f"{number}. {_quoted(text, 80)}" for number, text in enumerate(said[-5:], 1))
    many = f"The last {min(len(said), 5)} of {len(said)}" if len(said) > 5 else "So far"
    return f"{many}, in your words:\n\n{lines}\n\nAfter `/reset` we start with an empty page.", {}


def _count(turn: Turn, found: re.Match[str]) -> Said:
    before = turn.session.variables.get("count", 0)
    number = before + 1 if isinstance(before, int) else 1
    more = ""
    if number == 1:
        more = " Say **count** again: the number lives in this session, until you `/reset`."
    return f"**{number}**.{more}", {"set": {"count": number}}


def _show(turn: Turn, found: re.Match[str]) -> Said:
    return FORMATTING, {}


def _next(turn: Turn, found: re.Match[str]) -> Said:
    return files("config").joinpath("next.md").read_text(encoding="utf-8"), {}


def _thanks(turn: Turn, found: re.Match[str]) -> Said:
    return "You are welcome.", {}


def _bye(turn: Turn, found: re.Match[str]) -> Said:
    name = _name(turn)
    return f"Goodbye{', ' + name if name else ''}. Whenever you come back, we go on from here.", {}


def _otherwise(turn: Turn, text: str) -> Said:
    hint = HINTS[turn.session.message_count // 2 % len(HINTS)]
    if turn.message.files:
        names = ", ".join(_plain(file.name) or file.kind for file in turn.message.files[:5])
        return f"I got your file: {names}. I only look, I do not open it. {hint}", {}
    if not text:
        return hint, {}
    return f"You said:\n\n> {_quoted(text, 300)}\n\nI am only a demo and know a few words. {hint}", {}


def _name(turn: Turn) -> str:
    told = turn.participant.data.get("name")
    return _plain(told if isinstance(told, str) else turn.participant.name)


def _plain(name: str) -> str:
    """A name that stays a name among Markdown."""
    return re.sub(r"[^\w .'’-]|_", "", clean_name(name)).strip(" .-")


def _quoted(text: str, longest: int) -> str:
    """Somebody's words on one line, shown as they were written."""
    line = " ".join(text.split())
    short = line if len(line) <= longest else line[: longest - 1].rstrip() + "…"
    return re.sub(r"([\\`*_~\[\]<>#|!&])", r"\\\1", short)


def _summary(turn: Turn) -> str:
    lines = [f"{line.role}: {first_sentence(line.text, 120)}" for line in turn.history]
    return "\n".join([*([turn.summary] if turn.summary else []), *lines])[-2000:]


_HELLO = r"(?:hi|hello|hey|hallo|hola|salut|good (?:morning|day|evening))"
_NAMES = r"[^\W\d_a-z]\S*(?: [^\W\d_a-z]\S*){0,2}?"  # words with a capital: "I am tired" is no introduction


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{words})\s?[.!?]*", re.IGNORECASE)


_ANSWERS: tuple[tuple[re.Pattern[str], Callable[[Turn, re.Match[str]], Said]], ...] = (
    (_pattern(_HELLO + r"(?:[ ,]+(?:there|bot|demo))?"), _greet),
    (_pattern(r"\?|help(?: me)?|what can you do"), _help),
    (_pattern(r"(?:what is|what's|whats) my name|who am i|do you (?:know|remember) (?:me|my name)"), _who),
    (_pattern(r"(?:please )?forget (?:me|my name)"), _forget),
    (_pattern(_HELLO + r"?[ ,.!]*(?:my name is|call me) (?P<name>[^?!]{1,80})"), _meet),
    (re.compile(rf"(?:(?i:{_HELLO})[ ,.!]*)?[Ii](?: am|'m|’m) (?P<name>{_NAMES})[.!]*"), _meet),
    (_pattern(r"what (?:did|have) i (?:say|said|tell you|told you)(?: so far| before)?|history"), _recall),
    (_pattern(r"count(?: for me| on| up)?|and again|again"), _count),
    (_pattern(r"(?:show )?(?:me )?(?:the |some )?(?:formatting|markdown)"), _show),
    (_pattern(r"(?:so )?what(?:'s|’s| is| comes)? next|set ?up|yaml|config(?:uration)?"), _next),
    (_pattern(r"thanks?(?: you)?(?: (?:a lot|so much|very much))?|thx"), _thanks),
    (_pattern(r"bye|goodbye|good ?night|see you(?: later)?"), _bye),
)
