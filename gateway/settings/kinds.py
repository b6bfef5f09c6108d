"""What stands beside the common keys of a bot or channel: the options of its kind or platform."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from config import Path
from gateway.options import Options
from gateway.plugins import BrokenPlugin, NotLoaded, UnknownPlugin, find
from gateway.settings.checker import Checker

_P = TypeVar("_P")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Sort(Generic[_P]):
    """A sort of plugin: the key that names it, where it is looked for, and the keys that all of it have."""

    key: str
    package: str
    base: type[_P]
    common: type[Options]

    @property
    def keys(self) -> set[str]:
        return set(self.common.model_fields)

    def plugin(self, name: str) -> tuple[type[_P], type[Options]]:
        """A plugin and its options' model. Raises `UnknownPlugin` or `BrokenPlugin`."""
        plugin = find(self.package, name, self.base)
        model: type[Options] = getattr(plugin, "Options", Options)
        taken = {field.alias or key for key, field in model.model_fields.items()} & self.keys
        if taken:
            raise BrokenPlugin(f"its options bear names of the gateway's own: {', '.join(sorted(taken))}")
        return plugin, model


@dataclass(frozen=True)
class Found(Generic[_P]):
    """What became of the options: `options` and `plugin`, or why it was not loaded, or nothing: problems were noted."""

    plugin: type[_P] | None = None
    options: Options | None = None
    fault: str = ""


def entries(checker: Checker, section: str) -> dict[str, dict[str, Any]]:
    """The named mappings of a section; what is none of these is noted."""
    whole = checker.document.data.get(section)
    if whole is None:
        return {}
    if not isinstance(whole, dict):
        checker.note((section,), "must hold names, each with keys and values")
        return {}
    found = {}
    for name, entry in whole.items():
        path = (section, name)
        if not _NAME.fullmatch(name):
            checker.note(path, "a name is made of a-z, 0-9, _ and -, at most 63 of them", key=True)
        if isinstance(entry, dict):
            found[name] = entry
        else:
            checker.note(path, "must hold keys and values")
    return found


def options(checker: Checker, sort: Sort[_P], entry: Mapping[str, Any], path: Path) -> Found[_P]:
    """Check the keys of an entry that are its kind's own."""
    name = entry.get(sort.key)
    if not isinstance(name, str):
        return Found()
    try:
        plugin, model = sort.plugin(name)
    except UnknownPlugin as error:
        checker.unknown((*path, sort.key), sort.key, name, error.known)
        return Found()
    except NotLoaded as error:
        return Found(fault=str(error))
    except BrokenPlugin as error:
        checker.note((*path, sort.key), str(error))
        return Found()
    own = {key: value for key, value in entry.items() if key not in sort.keys}
    return Found(plugin, checker.model(model, own, path, others=sort.keys))
