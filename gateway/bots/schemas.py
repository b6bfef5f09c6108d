"""The JSON Schemas of both sides of the HTTP contract, published in the folder `schema`.

`python -m gateway.bots.schemas` writes them anew.
"""

from pathlib import Path
from typing import Any

import msgspec
import orjson

from gateway.bots.answer import Answer
from gateway.bots.request import Request

PUBLISHED = Path(__file__).with_name("schema")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, dict[str, Any]]:
    """The schemas by the names of their files."""
    return {
        "request": {"$schema": _DIALECT, **msgspec.json.schema(Request)},
        "answer": {"$schema": _DIALECT, **msgspec.json.schema(Answer)},
    }


def publish(folder: Path = PUBLISHED) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(exist_ok=True)
    for name, document in documents().items():
        (folder / f"{name}.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    publish()
