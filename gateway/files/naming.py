"""What files are called, and by which ids they are kept."""

from uuid import NAMESPACE_OID, uuid5

from gateway.text import clean, clean_name


def title(given: str) -> str:
    """A file's own name, without folders, on one line, its ending included."""
    last = clean(given.replace("\\", "/")).rpartition("/")[2]
    stem, dot, ending = last.rpartition(".")
    if not stem or len(ending) > 10 or not ending.isalnum():
        return clean_name(last) or "file"
    return f"{clean_name(stem) or 'file'}{dot}{ending}"


def identity(turn: str, what: str) -> str:
    """The id of a file of a turn, the same whenever the turn is run again: what is there is not fetched twice."""
    return str(uuid5(NAMESPACE_OID, f"{turn} {what}"))
