"""The block `texts`: the operator's own words, by language and id."""

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from gateway.options import faults
from gateway.settings.suggest import nearest
from gateway.texts import TEXTS, Own, fault

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_Path = tuple[str | int, ...]


def _words(value: object) -> Own:
    if not isinstance(value, dict):
        raise ValueError("expected texts by their ids, or by language and id")
    own: dict[str, dict[str, str]] = {}
    wrong: list[tuple[_Path, str]] = []
    for name, said in value.items():
        if isinstance(said, dict) and name not in TEXTS:
            if not _LANGUAGE.fullmatch(name):
                wrong.append(((name,), "expected a language such as en or pt-BR"))
            for id, words in said.items():
                _take(own, wrong, (name, id), name, words)
        else:
            _take(own, wrong, (name,), "en", said)
    if wrong:
        raise faults(*wrong)
    return own


def _take(own: dict[str, dict[str, str]], wrong: list[tuple[_Path, str]], path: _Path, tongue: str, said: Any) -> None:
    id = str(path[-1])
    if id not in TEXTS:
        wrong.append((path, f"no such text{nearest(id, TEXTS)}"))
    elif not isinstance(said, str):
        wrong.append((path, "expected text: put it in quotes"))
    elif said_wrong := fault(id, said):
        wrong.append((path, said_wrong))
    elif id in own.setdefault(tongue, {}):
        wrong.append((path, f"is given twice, once under {tongue}"))
    else:
        own[tongue][id] = said


_by_id = {"type": "object", "properties": {id: {"type": "string"} for id in TEXTS}}
_schema: dict[str, Any] = {
    "type": "object",
    "properties": {id: {"type": "string", "default": text} for id, text in TEXTS.items()},
    "patternProperties": {"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$": {**_by_id, "additionalProperties": False}},
    "additionalProperties": False,
}

Words = Annotated[Own, PlainValidator(_words), WithJsonSchema(_schema)]
"""Language -> id -> text; an id that stands without a language is English."""
