"""Who is meant: lists of ids, with groups of people (`@staff`) that are defined once under `people`.

Names alone are refused wherever people are listed, because their owners can change them, to anybody's.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema

from gateway.options import Options, faults, key

Ids = tuple[str, ...]
People = Mapping[str, Ids]
_PHONE = re.compile(r"\+[0-9][0-9 ()./-]{4,30}")
_DOMAIN = re.compile(r"\*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_MAIL = re.compile(r"[^@\s*]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_ID = re.compile(r"(?=[^\s@]*[0-9])[^\s@*]{1,128}|[A-Z]{8,24}")
_WRONG = "expected an id, a phone number as +4915112345, an e-mail address or *@example.org"


def identity(value: object) -> str:
    """One id as it will be compared: digits as text, phone numbers without spaces, mail in lower case."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(_WRONG)
    if _PHONE.fullmatch(value):
        return "+" + re.sub(r"\D", "", value)
    if _DOMAIN.fullmatch(value) or _MAIL.fullmatch(value):
        return value.lower()
    if not _ID.fullmatch(value):
        raise ValueError(f"{_WRONG}; a name can be changed by its owner and is not accepted")
    return value


def members(value: object, people: People) -> Ids:
    """The ids of a list, @groups in their place. Raises `ValueError`, or what `faults` makes of several."""
    if not isinstance(value, list):
        raise ValueError("expected a list")
    found: dict[str, None] = {}
    wrong: list[tuple[tuple[str | int, ...], str]] = []
    for index, item in enumerate(value):
        try:
            found |= dict.fromkeys(member(item, people))
        except ValueError as error:
            wrong.append(((index,), str(error)))
    if wrong:
        raise faults(*wrong)
    return tuple(found)


def member(item: object, people: People) -> Ids:
    """The ids that one entry stands for. Raises `ValueError`."""
    return _group(item[1:], people) if isinstance(item, str) and item.startswith("@") else (identity(item),)


def _group(name: str, people: People) -> Ids:
    if name not in people:
        there = ", ".join(f"@{group}" for group in sorted(people)) or "none"
        raise ValueError(f"no such group of people (known: {there}); user names are not accepted")
    return people[name]


def known(info: ValidationInfo) -> People:
    """The groups of people that are defined."""
    people: People = (info.context or {}).get("people", {})
    return people


def _listed(value: object, info: ValidationInfo) -> Ids:
    return () if value == () else members(value, known(info))


def _who(value: object, info: ValidationInfo) -> str | Ids:
    if value in ("anyone", "admins"):
        return str(value)
    if value == "operators":
        if "operators" not in known(info):
            raise ValueError("operators are nobody yet: list their ids under people.operators")
        return known(info)["operators"]
    if not isinstance(value, list):
        raise ValueError("expected anyone, admins, operators, or a list of ids")
    return members(value, known(info))


def _defined(value: object) -> Ids:
    return members(value, {})


_list_schema: dict[str, Any] = {"type": "array", "items": {"type": ["string", "integer"]}}
_words: dict[str, Any] = {"enum": ["anyone", "admins", "operators"]}

Listed = Annotated[Ids, PlainValidator(_listed), WithJsonSchema(_list_schema)]
"""Ids, with the members of groups named as `@group`."""

Who = Annotated[
    Literal["anyone", "admins"] | Ids,
    PlainValidator(_who),
    WithJsonSchema({"anyOf": [_words, _list_schema]}),
]
"""`anyone`, `admins` (as the platform has them), or the ids of those who may; `operators` gives their ids."""

Group = Annotated[Ids, PlainValidator(_defined), WithJsonSchema(_list_schema)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class Groups(Options):
    """The section `people`."""

    people: dict[Name, Group] = key({}, "Groups of people, to be named as @group in lists: name -> ids.")
