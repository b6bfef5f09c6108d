"""What an adapter declares of itself: whole, sane, and loaded without its SDK."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from gateway.adapter import Adapter, Limits
from gateway.keys import SCOPES
from gateway.markup import DIALECTS
from gateway.markup.split import LEAST
from gateway.message import Place
from gateway.options import Options
from gateway.settings import load
from gateway.units import Rate
from tests.contract.subject import Subject, subject

ROOT = Path(__file__).parent.parent.parent
SECRET = re.compile(r"(^|_)(token|secret|password|passphrase|key|credentials?)$")
LARGEST_BODY = 4 * 1024 * 1024

pytestmark = pytest.mark.feature("DEV-01", "DEV-02")


def test_it_is_found_and_brings_its_far_side(kind: str) -> None:
    assert issubclass(subject(kind).adapter, Adapter)


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
        assert rate is None or (isinstance(rate, Rate) and rate.count > 0 and rate.seconds > 0)


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


def _fields(options: type[Options]) -> Iterator[tuple[str, Any]]:
    for name, field in options.model_fields.items():
        yield field.alias or name, field


def test_options_are_named_and_explained(subject: Subject) -> None:
    options = subject.adapter.Options
    assert issubclass(options, Options)
    assert options.model_config["frozen"]
    assert options.model_config["strict"]
    assert options.model_config["extra"] == "forbid"
    assert options.model_config["hide_input_in_errors"]
    assert (subject.adapter.__doc__ or "").strip()
    for name, field in _fields(options):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert (field.description or "").strip(), f"{name}: what does it do?"
    assert json.dumps(options.model_json_schema())


@pytest.mark.feature("SEC-01")
def test_what_sounds_like_a_secret_is_of_a_secret_type(subject: Subject) -> None:
    for name, field in _fields(subject.adapter.Options):
        if SECRET.search(name):
            assert "SecretStr" in repr(field.annotation), f"{name}: use gateway.options.Secret"


@pytest.mark.feature("SEC-01")
async def test_options_hide_their_secrets_and_refuse_what_is_none(subject: Subject) -> None:
    for way in subject.peer.ways or (None,):
        async with subject.closed(way) as (adapter, _, peer):
            given = peer.options(way)
            shown = f"{adapter.options} {adapter.options!r}"
            for name, field in _fields(subject.adapter.Options):
                value = given.get(name)
                if isinstance(value, str) and "SecretStr" in repr(field.annotation):
                    assert value not in shown
                    for wrong in ("", "changeme", "undefined", f" {value}", 7):
                        with pytest.raises(ValueError, match="validation error") as refused:
                            subject.adapter.Options.model_validate({**given, name: wrong})
                        assert value not in str(refused.value), name


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
