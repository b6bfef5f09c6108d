"""What is let go: one closed list of reasons, each event counted and found again by its id."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.gates import REASONS
from tests.commands import gateway as command
from tests.kit import said
from tests.operators import YAML, desk
from tests.source import Module, modules
from tests.test_admin_status import _metrics as metrics

TAKEN = {"stored"}
# What names a reason among its arguments: drops of adapters, verdicts of the door, outcomes of edits and ratings.
NAMING = {"Drop", "Letgo", "drop", "note_dropped", "Judgement", "_let_go", "Amended", "Rated"}
# Decided by statements of the store itself, or of what has an entry already.
ELSEWHERE = {"duplicate", "superseded", "cancelled", "erased", "discarded"}


JUDGES = {"judge", "unwelcome", "_alone", "_in_company"}


def _named(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Call) and module.dotted(node.func).rpartition(".")[2] in NAMING:
            for value in [*node.args, *(one.value for one in node.keywords)]:
                yield from _words(value)
    for function in module.functions() if module.name == "gateway.gates" else ():
        if function.name in JUDGES:
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield from _words(node.value, calls=True)


def _words(value: ast.expr, *, calls: bool = False) -> Iterator[str]:
    """What a value may be, where that stands there in so many words."""
    if isinstance(value, ast.IfExp):
        yield from (*_words(value.body), *_words(value.orelse))
    elif calls and isinstance(value, ast.Call):
        yield from (word for argument in value.args for word in _words(argument))
    elif isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.isidentifier():
        yield value.value


@pytest.mark.feature("INB-09")
def test_reasons_are_one_closed_list() -> None:
    found = {name for module in modules("gateway", "adapters") for name in _named(module)} - TAKEN
    assert found - set(REASONS) == set()
    assert set(REASONS) - found <= ELSEWHERE
    assert len(set(REASONS)) == len(REASONS)


@pytest.mark.feature("INB-09", "CLI-05")
async def test_what_was_let_go_is_counted_and_found_by_its_id_and_its_words_are_not(tmp_path: Path) -> None:
    yaml = YAML.replace("limits:", "texts: {not_allowed: Not you.}, access: {dm: 'off', tell: true}, limits:", 1)
    async with desk(tmp_path, yaml) as here:
        await here.receive(said(here.here, "a secret of mine", event="e-1"))
        await here.receive(said(here.here, "hello", place="group", chat="g1", addressed=False, event="e-2"))
        here.clock.ahead += 60
        await here.receive(said(here.here, "hello", event="e-3"))
        await here.quiet()
        found = await metrics(here)
        assert found["gateway_inbound_total", "p", "not_allowed"] == 2
        assert found["gateway_inbound_total", "p", "not_addressed"] == 1
        listed: list[dict[str, Any]] = (await here.get("dropped"))["dropped"]
        assert [(one["event"], one["reason"], one["channel"]) for one in listed] == [
            ("e-3", "not_allowed", "p"),
            ("e-2", "not_addressed", "p"),
            ("e-1", "not_allowed", "p"),
        ]
        assert "secret" not in str(listed)
        for query, events in (
            ("?event=e-2", ["e-2"]),
            ("?reason=not_allowed", ["e-3", "e-1"]),
            ("?age=30s", ["e-2", "e-1"]),
            ("?channel=q", []),
            ("?limit=1", ["e-3"]),
        ):
            assert [one["event"] for one in (await here.get(f"dropped{query}"))["dropped"]] == events, query
        cursor = (await here.get("dropped?limit=1"))["next"]
        assert [one["event"] for one in (await here.get(f"dropped?limit=1&cursor={cursor}"))["dropped"]] == ["e-2"]
        assert (await here.ask("GET", "dropped?reason=because")).code == "bad_reason"
        assert here.paper.texts() == ["Not you."]
    ran = command("inbox", "dropped", "--event", "e-2", "-c", "gateway.yaml", folder=tmp_path)
    assert (ran.code, "not_addressed" in ran.out, "e-1" in ran.out) == (0, True, False)
