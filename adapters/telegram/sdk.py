"""aiogram, loaded so that each of its types is built when it is first used.

By itself it builds its hundreds of types at once, each with everything that may hang on it: seconds in which nothing
else gets on, and 80 MB of memory, for the one message that is read with them. Here they stay as pydantic leaves every
type whose annotations cannot be read yet, and their modules get the names that are missing.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

_WORD = re.compile(r"\w+")


def _named(cls: type) -> set[str]:
    """The words of a type's annotations, and of those it inherits."""
    annotations = (vars(base).get("__annotations__", {}) for base in cls.__mro__)
    return {word for each in annotations for annotation in each.values() for word in _WORD.findall(str(annotation))}


@contextmanager
def _unbuilt() -> Iterator[None]:
    """Within it, to build one of aiogram's types only names what its annotations speak of."""
    build = BaseModel.__dict__["model_rebuild"]

    def rebuild(
        cls: type[BaseModel],
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        if not cls.__module__.startswith("aiogram.types.") or _types_namespace is None:
            depth = _parent_namespace_depth + 1  # there is one frame more between who calls and what is called
            how = {"force": force, "raise_errors": raise_errors, "_types_namespace": _types_namespace}
            return build.__func__(cls, _parent_namespace_depth=depth, **how)  # type: ignore[no-any-return]
        names = vars(sys.modules[cls.__module__])
        for name in _types_namespace.keys() & _named(cls):
            names.setdefault(name, _types_namespace[name])
        return None

    BaseModel.model_rebuild = classmethod(rebuild)  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        BaseModel.model_rebuild = build  # type: ignore[method-assign]


with _unbuilt():
    import aiogram.types
    from aiogram.enums import ContentType
    from aiogram.types import Message

__all__ = ["ContentType", "Message", "aiogram"]
