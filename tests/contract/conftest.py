"""Which plugins the contract runs over, and which tests concern which of them."""

import pytest

from tests.contract import subject as adapters


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "where(*abilities): only over adapters that have all of these")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    asked, others = metafunc.config.getoption("--adapter"), metafunc.config.getoption("--bot")
    kinds = [] if others and not asked else adapters.kinds(asked)
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", kinds)
    if "subject" in metafunc.fixturenames:
        wanted = [what for mark in metafunc.definition.iter_markers("where") for what in mark.args]
        found = [one for one in map(_whole, kinds) if one and all(one.has(what) for what in wanted)]
        metafunc.parametrize("subject", found, ids=lambda one: one.kind)


def _whole(kind: str) -> adapters.Subject | None:
    """A subject, or nothing when it is not fit to be tested: one test says so, not all of them."""
    try:
        return adapters.subject(kind)
    except Exception:
        return None
