"""What every test may rely on: marks for the ledger's rows, for long tests, and for those with a browser."""

import gc
import importlib
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import structlog

from tests import postgres
from tests.loop import Loop

# The first of them that is there. The shell is Chromium without its windows: a visit costs a third of the CPU.
CHROMIUMS = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
CHROMIUM = next(filter(Path.exists, CHROMIUMS), CHROMIUMS[-1])
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", default=IN_CI, help="also run the long tests (CI always does)")
    parser.addoption("--features", action="store_true", help="list the ledger's rows and the tests that prove them")
    for kind in ("adapter", "bot"):
        told = f"run the contract over this {kind} and nothing else; may be given again (see tests/contract)"
        parser.addoption(f"--{kind}", action="append", metavar="PKG.MOD", help=told)


def pytest_configure(config: pytest.Config) -> None:
    # What structlog shows unasked, a traceback with all values in colours, takes most of a second each time.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    foreign = config.getoption("--adapter") or config.getoption("--bot")
    if foreign and config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(Path(__file__).parent / "contract")]
    if config.getoption("--features"):
        config.option.collectonly = True


def pytest_asyncio_loop_factories() -> dict[str, type[Loop]]:
    return {"ours": Loop}


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """What is read now stays to the end: the collector need not look at it again and again."""
    gc.disable()
    try:
        if session.config.args_source is pytest.Config.ArgsSource.TESTPATHS:
            _read_a_share()
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def _read_a_share() -> None:
    """Where nothing is compiled yet, each of several workers begins with a share: else each would compile all of it."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if worker is not None:
        for path in sorted(Path(__file__).parent.glob("test_*.py"))[int(worker.removeprefix("gw")) :: workers]:
            with suppress(Exception):  # who collects it says what is wrong with it
                importlib.import_module(f"tests.{path.stem}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("long") and not item.config.getoption("--long"):
        pytest.skip("long: run it with --long")
    if item.get_closest_marker("browser") and not CHROMIUM.exists():
        needed = f"{CHROMIUM} is missing; on Debian: apt-get install chromium"
        if IN_CI:
            pytest.fail(needed, pytrace=False)  # in CI a missing browser must not pass for a green run
        pytest.skip(needed)


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.getoption("--features"):
        return
    proofs: defaultdict[str, set[str]] = defaultdict(set)
    for item in session.items:
        for mark in item.iter_markers("feature"):
            for row in mark.args:
                proofs[row].add(item.nodeid.partition("[")[0])
    for row in sorted(proofs):
        print(row, *sorted(proofs[row]), sep="\n    ")


@pytest.fixture(autouse=True, scope="module")
def _tidied() -> Iterator[None]:
    """What the tests of a module kept on a database server goes with them."""
    yield
    postgres.tidy()
