"""Where the pages of channels stand: one path each, apart from the gateway's own, and one page for `/`."""

from dataclasses import replace

from gateway.adapter import Adapter
from gateway.options import PageOptions, reserved
from gateway.settings.checker import Checker
from gateway.settings.kinds import Found

_Founds = dict[str, Found[Adapter]]


def settle(checker: Checker, channels: _Founds) -> _Founds:
    """The channels' options with every page's path filled in; clashes are noted."""
    taken: dict[str, str] = {}
    settled = dict(channels)
    for name, found in channels.items():
        if isinstance(found.options, PageOptions):
            path = found.options.path or f"/{name}"
            _place(checker, taken, name, path)
            settled[name] = replace(found, options=found.options.model_copy(update={"path": path}))
    _one_default(checker, settled, taken)
    return settled


def _place(checker: Checker, taken: dict[str, str], name: str, path: str) -> None:
    at = ("channels", name, "path")
    given = at in checker.document
    if not given and reserved(path):
        checker.note(at[:2], f"its page would stand at {path}, which is reserved: give it a path", key=True)
    elif path in taken:
        checker.note(at if given else at[:2], f"the path {path} is taken by channel {taken[path]}", key=not given)
    else:
        taken[path] = name


def _one_default(checker: Checker, channels: _Founds, taken: dict[str, str]) -> None:
    wanted = [
        name
        for name, channel in channels.items()
        if isinstance(channel.options, PageOptions) and channel.options.default
    ]
    first = taken.get("/") or (wanted[0] if wanted else "")
    for name in wanted:
        if name != first:
            said = "is opened by" if taken.get("/") else "is already the default:"
            checker.note(("channels", name, "default"), f"there is one page for /, and it {said} {first}")
