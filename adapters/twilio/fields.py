"""The fields of a webhook: Twilio sends forms, and JSON from some of its products. Any bytes will do."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson

from gateway.mending import loads

MOST = 1000  # fields; Twilio sends about thirty


class Fields(dict[str, list[str]]):
    """Values by name, in the order they came: a name may stand more than once."""

    def getall(self, name: str) -> list[str]:
        """All values of a name; by this method Twilio's validator asks for them."""
        return self[name]

    def first(self, name: str) -> str:
        """The first value of a name, "" when there is none."""
        values = self.get(name)
        return values[0] if values else ""


def read_form(body: bytes) -> Fields:
    """The fields of a form; none when it is not one."""
    fields = Fields()
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST)
    except ValueError:
        return fields
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def read_json(body: bytes) -> Fields:
    """The fields of a JSON object: what is not text stays JSON. None when it is no object."""
    data = loads(body)
    if not isinstance(data, Mapping):
        return Fields()
    return Fields({str(name): [_text(value)] for name, value in data.items()})


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()
