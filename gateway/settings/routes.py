"""The list `routes`: which bot answers in which chat, for whom, or to which first word."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import product
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from gateway.options import Options, faults, key, needed
from gateway.settings.people import Ids, known, member, members

_KEYWORD = re.compile(r"\S{1,64}")


def _some(one: Callable[[object], str]) -> Callable[[object], Ids]:
    """A single value or a list of them."""

    def check(value: object) -> Ids:
        if value == ():
            return ()
        if not isinstance(value, list):
            return (one(value),)
        wrong: list[tuple[tuple[str | int, ...], str]] = []
        found: dict[str, None] = {}
        for index, item in enumerate(value):
            try:
                found[one(item)] = None
            except ValueError as error:
                wrong.append(((index,), str(error)))
        if wrong:
            raise faults(*wrong)
        if not found:
            raise ValueError("names nobody and nothing: leave it out to mean all")
        return tuple(found)

    return check


def _chat(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise ValueError("expected a chat id: put it in quotes")
    return str(value)


def _keyword(value: object) -> str:
    if not isinstance(value, str) or not _KEYWORD.fullmatch(value):
        raise ValueError("expected one word")
    return folded(value)


def _users(value: object, info: ValidationInfo) -> Ids:
    if value == ():
        return ()
    found = members(value, known(info)) if isinstance(value, list) else member(value, known(info))
    if not found:
        raise ValueError("names nobody: leave it out to mean everybody")
    return found


def folded(word: str) -> str:
    """A word as it is compared: the same for all its spellings in capitals and full-width letters."""
    return unicodedata.normalize("NFKC", word).casefold()


_one: dict[str, Any] = {"type": ["string", "integer"]}
_some_schema: dict[str, Any] = {"anyOf": [_one, {"type": "array", "items": _one, "minItems": 1}]}
Chats = Annotated[Ids, PlainValidator(_some(_chat)), WithJsonSchema(_some_schema)]
Users = Annotated[Ids, PlainValidator(_users), WithJsonSchema(_some_schema)]
_word: dict[str, Any] = {"type": "string", "pattern": r"^\S{1,64}$"}
_words_schema: dict[str, Any] = {"anyOf": [_word, {"type": "array", "items": _word, "minItems": 1}]}
Keywords = Annotated[Ids, PlainValidator(_some(_keyword)), WithJsonSchema(_words_schema)]


class Route(Options):
    """One rule: all that it names must fit. `()` means: whatever it is."""

    account: Chats = key((), "The channel's number or workspace that was written to, where it has several.")
    chat: Chats = key((), "A chat id, or a list of them; a topic or thread as <chat>/<topic>.")
    user: Users = key((), "Who writes: an id, a phone number, an @group of `people`, or a list of them.")
    keyword: Keywords = key((), "The first word of the message that begins a conversation; the bot does not see it.")
    bot: str = needed("Who answers: a name under bots.")

    @model_validator(mode="after")
    def _says_something(self) -> "Route":
        if not any(self.conditions):
            raise ValueError("names neither account, chat, user nor keyword: that is what the channel's `bot` says")
        return self

    @property
    def conditions(self) -> tuple[Ids, ...]:
        return self.account, self.chat, self.user, self.keyword


def unreachable(routes: Sequence[Route]) -> list[tuple[int, str]]:
    """Rules that can never decide, since earlier ones take all that they could: their places and why."""
    found = []
    for index, route in enumerate(routes):
        earlier = routes[:index]
        same = next((n for n, one in enumerate(earlier) if one.conditions == route.conditions), None)
        if same is not None:
            found.append((index, f"says when as routes[{same}] does, which comes first"))
        elif all(any(_covers(one, case) for one in earlier) for case in _cases(route)):
            found.append((index, "is never reached: earlier routes take all that it names"))
    return found


def _cases(route: Route) -> list[tuple[str, ...]]:
    """Every single case that a rule takes; "" is any value."""
    return list(product(*(values or ("",) for values in route.conditions)))


def _covers(route: Route, case: tuple[str, ...]) -> bool:
    """Whether a rule takes a whole case: where it names values, the case must name one of them."""
    chats, chat = route.chat, case[1]
    well = not chats or chat in chats or ("/" in chat and chat.rpartition("/")[0] in chats)  # a topic is of its chat
    others = ((0, route.account), (2, route.user), (3, route.keyword))
    return well and all(not values or case[place] in values for place, values in others)
