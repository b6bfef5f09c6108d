"""The command line without a running gateway: checks, starters, and the store opened by the command itself."""

import json
import stat
from pathlib import Path
from typing import Any

import apsw
import pytest

from gateway.bot import Say
from gateway.db import migrations
from gateway.errors import BotBroken
from gateway.message import Outbound, Turn
from tests.commands import Ran, anew, gateway
from tests.kit import corridor

YAML = """
bots: {b: {kind: echo, retries: 0}}
channels:
  p: {platform: tests.paper, bot: b, limits: {send: off, messages: off}}
storage: {url: sqlite:///gateway.db}
"""


async def _answers(turn: Turn) -> Any:
    if turn.message.text.startswith("break"):
        raise BotBroken("the backend said 400")
    yield Say(Outbound(text=f"echo {turn.message.text}"))


@pytest.fixture
async def store(tmp_path: Path) -> Path:
    """A folder with a store in which something was said, and a configuration beside it."""
    async with corridor(tmp_path, YAML) as kit:
        kit.bot(_answers)
        await kit.say("hello \x1b[31mred\u202e", user="ada")
        for n in range(3):
            await kit.say(f"break {n}", user="bob")
            await kit.quiet()
        await kit.quiet()
    return tmp_path


def run(folder: Path, *args: str, **more: Any) -> Ran:
    return gateway(*args, "-c", "gateway.yaml", folder=folder, **more)


@pytest.mark.feature("CLI-01")
def test_version_is_plain_and_waits_for_nothing_heavy(tmp_path: Path) -> None:
    ran = anew("version", folder=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert (ran.code, ran.out) == (0, "chat-gateway 0.1.0\n")
    imported = {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}
    assert "gateway.cli.app" in imported
    assert not imported & {"aiohttp", "apsw", "structlog", "orjson", "markdown_it", "gateway.settings"}
    assert gateway("version", "--json", folder=tmp_path).json == {"version": "0.1.0"}


@pytest.mark.feature("CLI-01")
def test_check_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(YAML)
    well = run(tmp_path, "check")
    assert well.code == 0
    assert "warning: gateway.yaml:4:3: channels.p: anyone may write" in well.out
    file.write_text(YAML.replace("bot: b,", "bott: b,"))
    wrong = run(tmp_path, "check")
    assert wrong.code == 2
    assert 'error: gateway.yaml:4:30: channels.p: unknown key "bott"; did you mean "bot"?' in wrong.out
    found = run(tmp_path, "check", "--json")
    assert found.code == 2
    assert (found.json["ok"], found.json["problems"][0]["line"]) == (False, 4)


@pytest.mark.feature("CLI-01", "CFG-01")
def test_the_configuration_is_named_by_option_environment_or_custom(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(YAML)
    (tmp_path / "config").mkdir()
    missing = gateway("check", folder=tmp_path)
    assert (missing.code, "config/gateway.yaml" in missing.out) == (2, True)
    (tmp_path / "config" / "gateway.yaml").write_text(YAML)
    assert "config/gateway.yaml: ok" in gateway("check", folder=tmp_path).out
    assert "one.yaml: ok" in gateway("check", folder=tmp_path, GATEWAY_CONFIG="one.yaml").out
    assert "one.yaml: ok" in gateway("-c", "one.yaml", "check", folder=tmp_path).out
    assert "one.yaml: ok" in gateway("check", "-c", "one.yaml", folder=tmp_path, GATEWAY_CONFIG="none.yaml").out


@pytest.mark.feature("CLI-01")
@pytest.mark.parametrize("command", [("run",), ("status",), ("sessions", "list"), ("talk",), ("keys", "create")])
def test_no_command_works_with_a_broken_configuration(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "gateway.yaml").write_text("channels:\n  p: {platform: nothing, bot: b}\n")
    more = ("--role", "admin") if command[0] == "keys" else ()
    ran = run(tmp_path, *command, *more)
    assert ran.code == 2
    assert ran.err.startswith("gateway.yaml:2:")
    assert "Traceback" not in ran.err
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.feature("CLI-01", "CFG-08")
def test_init_writes_a_starter_that_is_well_and_never_overwrites(tmp_path: Path) -> None:
    first = gateway("init", folder=tmp_path)
    assert first.code == 0
    assert "gateway run" in first.out
    assert gateway("check", folder=tmp_path).code == 0
    file = tmp_path / "config" / "gateway.yaml"
    file.write_text("mine")
    again = gateway("init", folder=tmp_path)
    assert (again.code, file.read_text()) == (1, "mine")
    assert "already there" in again.err
    other = gateway("init", "other.yaml", folder=tmp_path)
    assert "gateway run -c other.yaml" in other.out


@pytest.mark.feature("STO-02")
def test_migrate_makes_a_store_or_brings_it_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(YAML)
    newest = migrations()[-1][0]
    for _ in range(2):
        assert run(tmp_path, "migrate").out == f"the schema is version {newest}\n"
    assert run(tmp_path, "migrate", "--json").json == {"schema": newest}
    file = apsw.Connection(str(tmp_path / "gateway.db"))
    assert file.pragma("user_version") == newest
    file.execute(f"PRAGMA user_version = {newest + 1}")
    file.close()
    newer = run(tmp_path, "migrate")
    assert (newer.code, f"version {newest + 1}" in newer.err, "run the newer program" in newer.err) == (1, True, True)


@pytest.mark.feature("CLI-01", "CFG-07")
def test_schema_is_json_that_knows_every_platform(tmp_path: Path) -> None:
    found = gateway("schema", folder=tmp_path).json
    assert found["$schema"].endswith("draft-07/schema#")
    assert "platform:terminal" in found["definitions"]


@pytest.mark.feature("CLI-01")
@pytest.mark.parametrize(
    "args", [("nothing",), ("sessions",), ("sessions", "show"), ("run", "--fast"), ("dead", "show", "7")]
)
def test_wrong_usage_is_2(tmp_path: Path, args: tuple[str, ...]) -> None:
    (tmp_path / "gateway.yaml").write_text(YAML)
    ran = gateway(*args, folder=tmp_path, GATEWAY_CONFIG="gateway.yaml")
    assert ran.code == 2
    assert "Traceback" not in ran.err


@pytest.mark.feature("CLI-04")
def test_nothing_is_made_where_there_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(YAML)
    for args in (("sessions", "list"), ("status",), ("keys", "list"), ("dead", "list")):
        ran = run(tmp_path, *args)
        assert ran.code == 2
        assert "there is no store" in ran.err
    assert [file.name for file in tmp_path.iterdir()] == ["gateway.yaml"]


@pytest.mark.feature("CLI-04")
def test_sessions_are_listed_shown_read_and_ended(store: Path) -> None:
    listed = run(store, "sessions", "list", "--json").json["sessions"]
    assert [session["key"] for session in listed] == ["p/b/dm:account=acct,user=bob", "p/b/dm:account=acct,user=ada"]
    bob, ada = (session["id"] for session in listed)
    table = run(store, "sessions", "list", "--limit", "1")
    assert table.out.splitlines()[1].startswith(bob)
    cursor = table.err.split()[-1]
    assert ada in run(store, "sessions", "list", "--cursor", cursor).out
    assert run(store, "sessions", "list", "--channel", "q").out == "no sessions\n"
    assert run(store, "sessions", "show", "p/b/dm:account=acct,user=ada", "--json").json["id"] == ada
    shown = run(store, "sessions", "show", ada)
    assert ("state", "active") in [tuple(line.split(None, 1)) for line in shown.out.splitlines()]
    assert run(store, "sessions", "vars", ada, "--json").json["variables"] == {}
    reset = run(store, "sessions", "reset", ada, "--json").json
    assert reset["closed"] == ada
    assert run(store, "sessions", "show", "p/b/dm:account=acct,user=ada", "--json").json["id"] == reset["session"]
    closed = run(store, "sessions", "close", bob)
    assert (closed.code, closed.out) == (0, f"{bob} is closed\n")
    again = run(store, "sessions", "close", bob)
    assert again.code == 1
    assert "only an open one" in again.err
    assert run(store, "sessions", "show", "nobody").code == 1
    assert run(store, "sessions", "list", "--active", "soon").code == 2
    assert [s["id"] for s in run(store, "sessions", "list", "--state", "closed", "--json").json["sessions"]] == [
        bob,
        ada,
    ]


@pytest.mark.feature("CLI-04", "OBS-01")
def test_what_users_wrote_cannot_act_upon_the_terminal(store: Path) -> None:
    history = run(store, "sessions", "history", "p/b/dm:account=acct,user=ada")
    exported = run(store, "sessions", "export", "p/b/dm:account=acct,user=ada")
    for out in (history.out, exported.out):
        assert "[31mred" in out
        assert "\x1b" not in out
        assert "\u202e" not in out
    lines = run(store, "sessions", "history", "p/b/dm:account=acct,user=ada", "--json").json["messages"]
    assert lines[0]["text"].startswith("hello [31mred")
    document = json.loads(run(store, "sessions", "export", "p/b/dm:account=acct,user=ada", "--format", "json").out)
    assert [message["role"] for message in document["messages"]] == ["user", "assistant"]


@pytest.mark.feature("CLI-05", "INB-08")
def test_dead_letters_are_listed_shown_requeued_and_discarded(store: Path) -> None:
    dead = run(store, "dead", "list", "--json").json["dead"]
    names = [f"{letter['box']}/{letter['id']}" for letter in dead]
    assert len(names) == 3
    assert names[0] in run(store, "dead", "list", "--reason", "bot_failed").out
    assert run(store, "dead", "list", "--age", "1h").out == "nothing dead\n"
    assert run(store, "dead", "show", names[0], "--json").json["event"]["text"] == "break 2"
    one = run(store, "dead", "requeue", names[0])
    assert (one.code, one.out) == (0, f"{names[0]}: waiting\n")
    assert run(store, "inbox", "list", "--json").json["inbox"][0]["id"] == dead[0]["id"]
    assert run(store, "outbox", "list").out == "nothing waits\n"
    again = run(store, "dead", "requeue", names[0], "--json")
    assert (again.code, again.json["failed"][0]["code"]) == (1, "not_dead")
    assert run(store, "dead", "discard", names[1]).out == f"{names[1]}: dropped\n"
    assert len(run(store, "dead", "list", "--json").json["dead"]) == 1


@pytest.mark.feature("CLI-05", "INB-08")
def test_requeue_of_many_asks_first(store: Path) -> None:
    assert run(store, "dead", "requeue").code == 2
    asked = run(store, "dead", "requeue", "--channel", "p")
    assert (asked.code, "requeue 3 letters?" in asked.err) == (2, True)
    assert len(run(store, "dead", "list", "--json").json["dead"]) == 3
    both = run(store, "dead", "requeue", "inbox/1", "--channel", "p")
    assert both.code == 2
    done = run(store, "dead", "requeue", "--channel", "p", "--yes", "--json")
    assert (done.code, len(done.json["done"])) == (0, 3)
    assert run(store, "dead", "requeue", "--channel", "p", "--yes").out == "nothing dead\n"


@pytest.mark.feature("ADM-01", "CLI-01")
def test_keys_are_made_listed_and_revoked(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(YAML)
    made = run(tmp_path, "keys", "create", "--role", "operator", "--name", "Ada")
    assert made.code == 0
    assert len(made.out.strip()) == 46
    assert made.out.strip() not in made.err
    caller = run(tmp_path, "keys", "create", "--channel", "p", "--json").json
    assert (caller["role"], caller["channel"]) == ("caller", "p")
    for wrong in ((), ("--role", "root"), ("--role", "admin", "--channel", "p")):
        assert run(tmp_path, "keys", "create", *wrong).code == 2
    assert run(tmp_path, "keys", "create", "--channel", "nowhere").code == 1
    assert run(tmp_path, "keys", "revoke", caller["id"]).code == 0
    assert run(tmp_path, "keys", "revoke", caller["id"]).code == 1
    listed = run(tmp_path, "keys", "list", "--json").json["keys"]
    assert {key["role"]: key["revoked_at"] is None for key in listed} == {"operator": True, "caller": False}
    assert made.out.strip() not in run(tmp_path, "keys", "list").out


@pytest.mark.feature("CH-25", "CLI-01")
def test_channels_are_a_table_of_what_platforms_can_do(tmp_path: Path) -> None:
    yaml = YAML.replace("channels:", "channels:\n  console: {platform: terminal, bot: b}")
    (tmp_path / "gateway.yaml").write_text(yaml)
    table = run(tmp_path, "channels")
    assert table.code == 0
    head, *rows = table.out.split("\n\n")[0].splitlines()
    assert head.split() == ["NAME", "PLATFORM", "BOT", "PLACES", "TEXT", "UNIT", "DIALECT"]
    assert rows[0].split()[:5] == ["console", "terminal", "b", "dm", "group"]
    able = table.out.split("\n\n")[1].splitlines()[0]
    abilities = "GROUPS THREADS EDIT DELETE DRAFT TYPING BUTTONS REACTIONS RECEIPTS VOICE FILES IN FILES OUT"
    assert able.split() == ["NAME", *abilities.split()]
    found = run(tmp_path, "channels", "--json").json["channels"]
    assert found[1]["can"]["draft"] is True
    assert [file.name for file in tmp_path.iterdir()] == ["gateway.yaml"]


@pytest.mark.feature("OBS-03", "CLI-01")
def test_status_of_a_store_that_nobody_serves(store: Path) -> None:
    ran = run(store, "status", "--json")
    assert ran.code == 0
    assert (ran.json["state"], ran.json["dead"]["inbox"]) == ("stopped", 3)
    assert "stopped" in run(store, "status").out


@pytest.mark.feature("CLI-01")
def test_a_store_that_cannot_be_written_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder is wanted")
    (tmp_path / "gateway.yaml").write_text(YAML.replace("sqlite:///gateway.db", "sqlite:///taken/gateway.db"))
    for args in (("run",), ("keys", "create", "--role", "admin")):
        ran = run(tmp_path, *args)
        assert ran.code == 1
        assert "storage.url" in ran.err
        assert "Traceback" not in ran.err
    assert stat.S_ISREG((tmp_path / "taken").stat().st_mode)
