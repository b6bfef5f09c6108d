"""What an adapter declares of itself: whole, sane, and loaded without its SDK."""

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from gateway.adapter import Adapter, Limits
from gateway.keys import SCOPES
from gateway.markup import DIALECTS
from gateway.markup.split import LEAST
from gateway.message import Place
from gateway.settings import load
from tests.contract import declared
from tests.contract.subject import Subject, subject

ROOT = Path(__file__).parent.parent.parent
LARGEST_BODY = 4 * 1024 * 1024

pytestmark = pytest.mark.feature("DEV-01", "DEV-02")


def test_it_is_found_and_brings_its_far_side(platform: str) -> None:
    assert issubclass(subject(platform).adapter, Adapter)


def test_limits_are_whole_and_sane(subject: Subject) -> None:
    limits = subject.limits
    assert msgspec.convert(msgspec.to_builtins(limits), Limits) == limits
    assert limits.text >= LEAST
    assert limits.caption >= 0
    assert limits.typing >= 0
    assert min(limits.files_in, limits.files_out) >= 0
    assert 1024 <= limits.body <= LARGEST_BODY
    assert limits.prefixes
    assert not any(letter.isalnum() or letter.isspace() for letter in limits.prefixes)
    for rate in (limits.account_rate, limits.chat_rate, limits.group_rate):
        assert rate is None or min(rate.count, rate.seconds) > 0


def test_the_dialect_is_known(subject: Subject) -> None:
    own = {"tree"} if subject.limits.pulled else set()  # who reads the history renders it
    assert subject.limits.dialect in DIALECTS.keys() | own


def test_every_place_has_a_scope_that_it_may_have(subject: Subject) -> None:
    assert subject.adapter.boundary
    for place, scope in subject.adapter.boundary.items():
        assert place in get_args(Place)
        assert scope in SCOPES[place]
    places = set(subject.adapter.boundary)
    assert subject.limits.groups == bool(places & {"group", "topic"})
    assert subject.limits.threads == bool(places & {"topic", "thread"})
    assert subject.limits.many_sessions or "conversation" not in places


def test_options_are_named_and_explained(subject: Subject) -> None:
    assert (subject.adapter.__doc__ or "").strip()
    declared.explained(subject.adapter.Options)


@pytest.mark.feature("SEC-01")
async def test_secrets_are_of_a_secret_type_and_hidden(subject: Subject) -> None:
    declared.what_sounds_secret_is(subject.adapter.Options)
    for way in subject.peer.ways or (None,):
        async with subject.closed(way) as (_, _, peer):
            declared.hidden(subject.adapter.Options, peer.options(way))


async def test_it_loads_from_an_operators_file(subject: Subject, tmp_path: Path) -> None:
    for way in subject.peer.ways or (None,):
        async with subject.closed(way) as (_, _, peer):
            channel = {"platform": subject.kind, "bot": "b", **peer.options(way)}
        file = tmp_path / "gateway.yaml"
        file.write_text(json.dumps({"bots": {"b": {"kind": "echo"}}, "channels": {"here": channel}}))
        loaded = load(file, {}).channels["here"]
        assert (loaded.fault, loaded.plugin) == ("", subject.adapter)


# The gateway's own packages are there before; what an adapter adds to them it must add later, when it is opened.
_LOADED = """
import json, sys
import gateway.daemon, gateway.bots.http, gateway.markup, gateway.settings
from gateway.adapter import Adapter
from gateway.plugins import find
before = {name.partition(".")[0] for name in sys.modules}
adapter = find("adapters", sys.argv[1], Adapter)
for options in json.loads(sys.argv[2]):
    adapter.Options.model_validate(options)
after = {name.partition(".")[0] for name in sys.modules}
print(*sorted(after - before - set(sys.stdlib_module_names) - {"adapters", sys.argv[1].partition(".")[0]}))
"""


@pytest.mark.feature("STO-10")
async def test_neither_importing_it_nor_its_options_need_an_sdk(subject: Subject) -> None:
    given = []
    for way in subject.peer.ways or (None,):
        async with subject.closed(way) as (_, _, peer):
            given.append(peer.options(way))
    command = [sys.executable, "-W", "error", "-c", _LOADED, subject.kind, json.dumps(given)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == []
