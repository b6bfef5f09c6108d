"""The house stands: every wall holds, no circles, the rooms are small, each test names what it proves.

Each wall is held twice: our source breaks none, and a few lines that would break it are noticed.
"""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.source import ROOT, Module, modules, ours, text_of, tracked
from tests.walls import PLATFORMS, SDKS, WALLS, length_of

LEDGER = re.compile(r"(ACC|ADM|BOT|CFG|CH|CLI|CMD|DEV|FMT|GRP|ID|INB|KEY|LIF|MED|MEM|OBS|ORD|OUT|SEC|STO|STR|WEB)-\d\d")


@pytest.mark.parametrize("name", WALLS)
def test_wall_stands(name: str) -> None:
    check, floors = WALLS[name]
    findings = [finding for module in modules(*floors) for finding in check(module)]
    assert not findings, "\n".join([name.replace("_", " "), *findings])


BREACHES = [
    ("config_names_nothing_of_ours", "config/x.py", "def f():\n    from gateway import message"),
    ("gateway_imports_no_adapter_and_no_sdk", "gateway/x.py", "import adapters.web"),
    ("gateway_imports_no_adapter_and_no_sdk", "gateway/x.py", "from aiogram.types import Update"),
    ("adapters_know_only_their_gate", "adapters/x.py", "from gateway import router"),
    ("adapters_know_only_their_gate", "adapters/x.py", "from gateway.adapter_registry import y"),
    ("adapters_know_only_their_gate", "adapters/x/y.py", "from adapters.web import page"),
    ("adapters_know_only_their_gate", "adapters/x.py", "import config.reader"),
    ("gateway_names_no_platform", "gateway/x.py", "def to_telegram(): ..."),
    ("gateway_names_no_platform", "gateway/x.py", 'x = f"a {y} Slack"'),
    ("gateway_names_no_platform", "gateway/whatsapp.py", ""),
    ("files_have_at_most_300_lines", "gateway/x.py", "x = 1\n" * 301),
    ("functions_have_at_most_50_lines", "gateway/x.py", "async def f():\n" + "    x = 1\n" * 50),
    ("tasks_are_tracked", "gateway/x.py", "import asyncio\nasyncio.create_task(f())"),
    ("tasks_are_tracked", "adapters/x.py", "from asyncio import ensure_future as go\ngo(f())"),
    ("tasks_are_tracked", "gateway/x.py", "loop().create_task(f())"),
    ("time_is_passed_in", "gateway/x.py", "from time import time as now\nnow()"),
    ("time_is_passed_in", "gateway/x.py", "import datetime as d\nd.datetime.now(d.UTC)"),
    ("time_is_passed_in", "adapters/x.py", "from asyncio import sleep\nf(sleep)"),
    ("secrets_are_compared_in_constant_time", "adapters/x.py", "if self.secret == given: ..."),
    ("secrets_are_compared_in_constant_time", "adapters/x.py", 'h["X-Hub-Signature"] != wanted'),
    ("secrets_are_compared_in_constant_time", "gateway/x.py", "m.hexdigest() == given"),
    ("nothing_unsafe_is_run", "gateway/x.py", "import pickle"),
    ("nothing_unsafe_is_run", "gateway/x.py", "run = eval"),
    ("nothing_unsafe_is_run", "config/x.py", "from yaml import load"),
]


@pytest.mark.parametrize(("name", "where", "source"), BREACHES)
def test_wall_notices_a_breach(name: str, where: str, source: str) -> None:
    assert WALLS[name][0](_Draft(ROOT / where, source))


ALLOWED = [
    (
        "adapters_know_only_their_gate",
        "adapters/x/y.py",
        "from adapters.x import z\nfrom gateway.adapter import Gate",
    ),
    (
        "tasks_are_tracked",
        "gateway/x.py",
        "async def f():\n async with asyncio.TaskGroup() as g:\n  g.create_task(a())",
    ),
    ("time_is_passed_in", "gateway/x.py", "clock.sleep(3); datetime.datetime.fromtimestamp(3)"),
    (
        "secrets_are_compared_in_constant_time",
        "gateway/x.py",
        'if token == "": ...\nif token.kind == other: ...',
    ),
]


@pytest.mark.parametrize(("name", "where", "source"), ALLOWED)
def test_wall_lets_the_rightful_pass(name: str, where: str, source: str) -> None:
    assert not WALLS[name][0](_Draft(ROOT / where, source))


class _Draft(Module):
    """A module that is only in the test's mind."""

    def __init__(self, path: Path, source: str) -> None:
        super().__init__(path)
        self.__dict__["text"] = source


def test_the_cores_other_files_name_no_platform() -> None:
    """SQL, YAML, scripts and pages under `gateway/` keep the wall that its Python keeps."""
    others = [file for file in tracked() if file.is_relative_to(ROOT / "gateway") and file.suffix != ".py"]
    assert others
    found = [f"{file.relative_to(ROOT)}: {hit[0]}" for file in others for hit in [_platform_in(file)] if hit]
    assert not found, "\n".join(found)


def _platform_in(file: Path) -> re.Match[str] | None:
    return PLATFORMS.search(f"{file.name} {text_of(file) or ''}")


def _targets(module: Module, known: Mapping[str, Module]) -> Iterator[str]:
    """The modules of ours that this one imports: `from a import b` is `a.b` if that is a file, else `a`."""
    for name, _ in module.imports:
        while name and name not in known:
            name = name.rpartition(".")[0]
        if name and name != module.name:
            yield name


def _circles(arrows: Mapping[str, set[str]]) -> list[list[str]]:
    """What is left of the arrows after taking away every module that no circle runs through."""
    left = {name: set(targets) for name, targets in arrows.items()}
    while loose := {n for n, to in left.items() if not to & left.keys() or not any(n in t for t in left.values())}:
        left = {name: to - loose for name, to in left.items() if name not in loose}
    return [[name, *sorted(to)] for name, to in sorted(left.items())]


def test_no_circles() -> None:
    """Not under TYPE_CHECKING or in functions either: files that need each other are one, or miss a third."""
    known = {module.name: module for module in ours()}
    circles = _circles({name: set(_targets(module, known)) for name, module in known.items()})
    assert not circles, "\n".join(f"{name} imports {', '.join(to)}" for name, *to in circles)


def test_circles_are_seen() -> None:
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}) == [["b", "c"], ["c", "b"]]
    assert not _circles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_rooms_are_small(request: pytest.FixtureRequest) -> None:
    files = [len(module.text.splitlines()) for module in ours() if module.text.strip()]
    functions = [length_of(node) for module in ours() for node in module.functions()]
    report = (
        f"{len(files)} files, median {statistics.median(files):.0f} lines, largest {max(files)}; "
        f"{len(functions)} functions, median {statistics.median(functions):.0f}, largest {max(functions)}"
    )
    if terminal := request.config.pluginmanager.get_plugin("terminalreporter"):
        terminal.write_line(f"\nthe house: {report}")
    assert statistics.median(files) <= 150, report
    assert statistics.median(functions) <= 10, report


@pytest.mark.feature("STO-10", "DEV-01")
def test_no_sdk_is_imported_before_a_channel_needs_it() -> None:
    script = "import sys, gateway.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert not set(SDKS) & set(run.stdout.split())


def _marks(node: ast.AST) -> list[str]:
    """The ledger rows named by `pytest.mark.feature(...)` anywhere in this piece of syntax."""
    return [
        str(argument.value) if isinstance(argument, ast.Constant) else ast.unparse(argument)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.feature"
        for argument in call.args
    ]


def _tests(body: list[ast.stmt], marks: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each test of a module or class with its rows: its own, its class's and its module's."""
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            marks = marks + _marks(node.value)
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            own = marks + [mark for decorator in node.decorator_list for mark in _marks(decorator)]
            if isinstance(node, ast.ClassDef):
                yield from _tests(node.body, own)
            elif node.name.startswith("test"):
                yield node.name, own


def test_every_test_names_the_rows_it_proves() -> None:
    """Only the walls and the repository itself are no features."""
    wrong = [
        f"{module.where}: {name}: {' '.join(rows) or 'no row'}"
        for module in modules("tests")
        if module.path.name.startswith("test_") and module.path.name not in {"test_house.py", "test_repository.py"}
        for name, rows in _tests(module.tree.body, [])
        if not rows or not all(LEDGER.fullmatch(row) for row in rows)
    ]
    assert not wrong, "\n".join(wrong)
