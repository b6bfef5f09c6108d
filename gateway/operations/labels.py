"""What operators and their programs note down with a session: tags, and metadata of any shape."""

from typing import Any, NamedTuple

import orjson

from gateway.db import Tx
from gateway.ending import merged
from gateway.errors import Problem
from gateway.operations.office import Office
from gateway.operations.sessions import find
from gateway.text import clean_name

LARGEST_METADATA = 16 * 1024  # bytes of JSON
MOST_TAGS = 50


class Labels(NamedTuple):
    """What is to be noted. `tags` take the place of those there are; metadata is merged, None deletes a key."""

    tags: tuple[str, ...] | None
    metadata: dict[str, Any]


def read(tags: Any, metadata: Any) -> Labels:
    """Labels as somebody gave them. Raises `Problem` 400 when they are none."""
    if metadata is not None and not isinstance(metadata, dict):
        raise Problem(400, "bad_metadata", "metadata is an object; null deletes one of its keys")
    return Labels(None if tags is None else _tags(tags), metadata or {})


def _tags(tags: Any) -> tuple[str, ...]:
    wrong = Problem(400, "bad_tags", f"tags is a list of at most {MOST_TAGS} words of 1 to 64 characters")
    if not isinstance(tags, list) or len(tags) > MOST_TAGS:
        raise wrong
    if any(not isinstance(tag, str) or not tag or clean_name(tag) != tag for tag in tags):
        raise wrong
    return tuple(dict.fromkeys(tags))


async def label(office: Office, which: str, labels: Labels) -> Any:
    """Note them down, all or nothing. Raises `Problem` 404, and 413 when the metadata grow too large."""
    return await office.corridor.db.write(_label, which, labels)


def _label(which: str, labels: Labels) -> Tx[Any]:
    facts = yield from find(which)
    rows = yield "SELECT tags, metadata FROM session WHERE id = $1 /*FOR UPDATE*/", (facts.id,)
    tags = orjson.loads(rows[0][0]) if labels.tags is None else list(labels.tags)
    metadata = merged(orjson.loads(rows[0][1]), labels.metadata)
    text = orjson.dumps(metadata)
    if len(text) > LARGEST_METADATA:
        raise Problem(413, "metadata_too_large", f"metadata may hold at most {LARGEST_METADATA} bytes of JSON")
    yield (
        "UPDATE session SET tags = $2, metadata = $3 WHERE id = $1",
        (facts.id, orjson.dumps(tags).decode(), text.decode()),
    )
    return {"id": facts.id, "tags": tags, "metadata": metadata}
