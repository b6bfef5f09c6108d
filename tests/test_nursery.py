"""Forked gateways are gateways: what they say, how they end, what they must not be given."""

import asyncio
import importlib
import os
import signal
from pathlib import Path

import pytest

from tests import nursery
from tests.commands import anew, gateway

pytestmark = pytest.mark.feature("CLI-01")


@pytest.mark.parametrize("name", nursery.PRELOADED)
def test_what_they_have_in_memory_exists(name: str) -> None:
    importlib.import_module(name)  # a name that does not exist would be passed over in silence


@pytest.mark.parametrize("words", [("version",), ("check", "-c", "missing.yaml"), ("no-such-command",)])
def test_they_say_and_end_like_those_that_are_started(words: tuple[str, ...], tmp_path: Path) -> None:
    forked, started = gateway(*words, folder=tmp_path), anew(*words, folder=tmp_path)
    assert (forked.code, forked.out) == (started.code, started.out)
    assert forked.err.replace("gateway ", "") == started.err.replace("python -m gateway.cli ", "").replace(
        "gateway ", ""
    )


async def test_they_can_be_stopped_and_killed(tmp_path: Path) -> None:
    (tmp_path / "in").touch()
    out = tmp_path / "out"
    environment = {**os.environ, "GW_FAILPOINT": "never"}
    child = nursery.start(["schema"], tmp_path, environment, (tmp_path / "in", out, out))
    child.send_signal(signal.SIGSTOP)
    child.send_signal(signal.SIGKILL)
    assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
    child.send_signal(signal.SIGTERM)
    assert out.exists()


def test_what_is_read_by_an_interpreter_cannot_be_given(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="PYTHONHASHSEED"):
        gateway("version", folder=tmp_path, PYTHONHASHSEED="7")
