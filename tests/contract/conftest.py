"""Which plugins the contract runs over, and which tests concern which of them."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from tests.contract import asked as bots
from tests.contract import subject as adapters

T = TypeVar("T")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    foreign = {name: metafunc.config.getoption(f"--{name}") for name in ("adapter", "bot")}
    some = any(foreign.values())
    platforms = adapters.kinds(foreign["adapter"]) if foreign["adapter"] or not some else []
    kinds = bots.kinds(foreign["bot"]) if foreign["bot"] or not some else []
    if "platform" in metafunc.fixturenames:
        metafunc.parametrize("platform", platforms)
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", kinds)
    if "subject" in metafunc.fixturenames:
        wanted = [what for mark in metafunc.definition.iter_markers("where") for what in mark.args]
        subjects = [one for one in _whole(adapters.subject, platforms) if all(one.has(what) for what in wanted)]
        metafunc.parametrize("subject", subjects, ids=lambda one: one.kind)
    if "asked" in metafunc.fixturenames:
        metafunc.parametrize("asked", _whole(bots.asked, kinds), ids=lambda one: one.kind)


def _whole(load: Callable[[str], T], names: list[str]) -> list[T]:
    """Those fit to be tested. Of the others one test says what is missing, and not every test."""
    found = []
    for name in names:
        try:
            found.append(load(name))
        except Exception:  # noqa: S112
            continue
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What concerns none of the plugins asked for is no test at all."""
    items[:] = [item for item in items if not _idle(item)]


def _idle(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    return callspec is not None and "NOTSET" in callspec.id.split("-")  # as the empty set of parameters is called
