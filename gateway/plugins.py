"""Finds adapters and bots by name: a file of a package, another package's module, or an entry point.

`platform: web` is `adapters/web.py` or `adapters/web/`; `platform: my_company.pager` is that module; any
other name is an entry point of the group `chat_gateway.adapters`. Bots likewise, with `gateway.bots` and
`chat_gateway.bots`.
"""

import importlib
import pkgutil
import re
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar

from gateway.errors import GatewayError

_T = TypeVar("_T")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


class UnknownPlugin(GatewayError):
    """There is no such plugin. `known` are the names that would do."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown: {kind}")
        self.known = known


class BrokenPlugin(GatewayError):
    """The plugin is there and cannot be used: it is not made as a plugin must be."""


class NotLoaded(BrokenPlugin):
    """The plugin's module cannot be imported: its SDK is not installed, or it fails by itself."""


def known(package: str, base: type) -> tuple[str, ...]:
    """Names of all installed plugins of a package's kind, none of them imported."""
    return tuple(sorted({*_files(package, base), *(point.name for point in _points(package))}))


def find(package: str, kind: str, base: type[_T]) -> type[_T]:
    """The one subclass of `base` that a plugin defines. Raises `UnknownPlugin`, `BrokenPlugin`, `NotLoaded`."""
    found: type[_T] = _find(package, kind, base)  # type: ignore[arg-type]
    return found


@lru_cache(maxsize=256)
def _find(package: str, kind: str, base: type[Any]) -> type[Any]:
    if _NAME.fullmatch(kind) and kind in _files(package, base):
        return _only(_imported(f"{package}.{kind}", kind), base, kind)
    for point in _points(package):
        if point.name == kind:
            return _entered(point, base)
    if not _DOTTED.fullmatch(kind):
        raise UnknownPlugin(kind, known(package, base))
    try:
        return _only(_imported(kind, kind), base, kind)
    except _Absent:
        raise UnknownPlugin(kind, known(package, base)) from None


class _Absent(GatewayError):
    """The module itself, or a package it would be in, does not exist."""


def _files(package: str, base: type) -> set[str]:
    """Modules of the package that have a class of the base's name; others there only help them."""
    name = re.escape(base.__name__)
    has = re.compile(rf"^(class {name}\b|{name}\b.*=|from (?!{re.escape(base.__module__)} ).*\b{name}\b)", re.M)
    found = set()
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        spec = module.module_finder.find_spec(module.name, None)
        if _NAME.fullmatch(module.name) and spec and spec.origin:
            with open(spec.origin, encoding="utf-8", errors="replace") as source:
                found |= {module.name} if has.search(source.read()) else set()
    return found


def _points(package: str) -> list[EntryPoint]:
    return list(entry_points(group=f"chat_gateway.{package.rpartition('.')[2]}"))


def _imported(module: str, kind: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(error.name + ".")):
            raise _Absent(kind) from None
        raise NotLoaded(f"needs the package {error.name}, which is not installed") from error
    except ImportError as error:
        raise NotLoaded(f"cannot be imported ({error})") from error
    except (Exception, SystemExit) as error:
        raise NotLoaded(f"cannot be imported ({type(error).__name__} in {module})") from error


def _entered(point: EntryPoint, base: type[_T]) -> type[_T]:
    try:
        module = _imported(point.module, point.name)
    except _Absent:
        raise NotLoaded(f"needs the package {point.module}, which is not installed") from None
    found = getattr(module, point.attr, None) if point.attr else _only(module, base, point.name)
    if isinstance(found, type) and issubclass(found, base):
        return found
    raise BrokenPlugin(f"its entry point is not a subclass of {base.__name__}")


def _only(module: ModuleType, base: type[_T], kind: str) -> type[_T]:
    """A class named like its base comes first; else there must be exactly one."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, base) and value is not base
    ]
    own = [value for value in found if value.__module__.startswith(module.__name__)] or found
    named = [value for value in own if value.__name__ == base.__name__]
    chosen = named or own
    if len(chosen) != 1:
        raise BrokenPlugin(f"{kind} has {len(chosen) or 'no'} subclass of {base.__name__}, one is needed")
    return chosen[0]
