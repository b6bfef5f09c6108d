"""How long a recording is, by its own frames."""

from pathlib import Path

from tinytag import TinyTag


def seconds(path: Path) -> float | None:
    """The length of a recording; None where its form does not tell. Any content is taken."""
    try:
        with path.open("rb") as opened:
            return TinyTag.get(file_obj=opened, tags=False).duration
    except Exception:  # the reader of a stranger's file may stumble over anything in it
        return None
