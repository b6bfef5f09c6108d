"""What `gateway check`, `init` and `schema` are made of, on the files that are shipped."""

import json
import re
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from config import read
from gateway.check import check
from gateway.plugins import known
from gateway.settings import load, schema
from gateway.settings.bots import BOTS
from gateway.settings.channels import CHANNELS
from gateway.starter import NotWritten, starter, write_starter
from tests.source import ROOT
from tests.yaml_files import Files

SHIPPED = ROOT / "config" / "gateway.yaml"
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.yaml"))
ENV = {
    "TELEGRAM_TOKEN": f"123456789:{'A' * 35}",
    "TEAM_TELEGRAM_TOKEN": f"987654321:{'B' * 35}",
    "SUPPORT_SECRET": "whsec_c3VwcG9ydC1zdXBwb3J0LXN1cHBvcnQ=",
    "SALES_SECRET": "whsec_c2FsZXMtc2FsZXMtc2FsZXMtc2FsZXM=",
    "SITE_SECRET": "s" * 40,
    "WHATSAPP_TOKEN": "EAAG" + "x" * 40,
    "WHATSAPP_APP_SECRET": "0" * 32,
    "WHATSAPP_VERIFY_TOKEN": "a word",
    "TWILIO_ACCOUNT": "AC" + "5e" * 16,
    "TWILIO_TOKEN": "0123456789abcdef" * 2,
    "SLACK_BOT_TOKEN": "xoxb-1111111111-2222222222-abc",
    "SLACK_APP_TOKEN": "xapp-1-A1-3333333333-abc",
}


@cache
def validator() -> jsonschema.Draft7Validator:
    """What holds files to the schema, as editors do."""
    return jsonschema.Draft7Validator(schema())


def awaits(path: Path) -> pytest.MarkDecorator:
    """A file may name a platform whose adapter is still being written; nothing else may be wrong with it."""
    named = set(re.findall(r"platform: ([a-z_]+)", path.read_text("utf-8")))
    missing = sorted(named - set(known(CHANNELS.package, CHANNELS.base)))
    return pytest.mark.xfail(bool(missing), reason=f"no adapter yet: {', '.join(missing)}")


SHOWN = [pytest.param(path, id=path.stem, marks=awaits(path)) for path in EXAMPLES]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.feature("CFG-01", "CFG-08")
def test_the_shipped_file_runs_without_anything_from_outside() -> None:
    settings = load(SHIPPED, {})
    assert {name: channel.fault for name, channel in settings.channels.items()} == {"site": ""}
    assert settings.bots["demo"].kind == "python"
    assert settings.server.listen.loopback


@awaits(SHIPPED)
@pytest.mark.feature("CFG-01")
def test_the_commented_blocks_of_the_shipped_file_are_well_too(files: Files) -> None:
    text = SHIPPED.read_text("utf-8")
    opened = re.sub(r"(?m)^( *)# ( *[a-z_-]+:( .*)?)$", r"\1\2", text)
    settings = load(files.write(opened), ENV)
    assert settings.channels.keys() == {"site", "help-telegram", "partners"}
    assert settings.bots.keys() == {"demo", "support", "helper"}
    untouched = load(SHIPPED, {})
    assert settings.channels["site"].history == untouched.channels["site"].history, "they show the defaults"
    assert settings.channels["site"].limits == untouched.channels["site"].limits
    assert (settings.admin, settings.storage, settings.log) == (untouched.admin, untouched.storage, untouched.log)


@pytest.mark.parametrize("example", SHOWN)
@pytest.mark.feature("CFG-01")
def test_every_example_loads(example: Path) -> None:
    settings = load(example, ENV)
    assert settings.channels
    assert settings.bots
    assert not [channel.fault for channel in settings.channels.values() if channel.fault]


@pytest.mark.feature("CFG-01")
def test_examples_need_what_they_name() -> None:
    wanting = {path.stem for path in EXAMPLES if "is not set" in check(path, {}).text()}
    assert wanting == {"web", "telegram", "api", "http-bot", "whatsapp", "slack", "twilio"}


@pytest.mark.feature("CLI-01")
def test_check_reports_for_people_and_programs(files: Files) -> None:
    path = files.write("channels: {a: {platform: nope, bot: b}}\n")
    report = check(path, {})
    assert (report.ok, report.exit_code) == (False, 2)
    lines = report.text().splitlines()
    assert lines[0].startswith(f'error: {path}:1:26: channels.a.platform: unknown platform "nope"')
    assert lines[-1] == f"{path}: 2 errors"
    told = json.loads(report.json())
    assert (told["ok"], told["file"], told["warnings"]) == (False, str(path), [])
    assert told["problems"][1] == {
        "file": str(path),
        "line": 1,
        "column": 37,
        "path": "channels.a.bot",
        "message": 'unknown bot "b"',
        "hint": "",
    }
    assert check(files.folder / "absent.yaml", {}).text().endswith("absent.yaml: 1 error")


@pytest.mark.feature("CLI-01")
def test_check_warns_of_open_doors(files: Files) -> None:
    channel = "platform: tests.plugins.pager, bot: b, token: abc"
    path = files.write(f"""
        bots: {{b: {{kind: echo}}}}
        admin: {{listen: 0.0.0.0:8081}}
        channels:
          open: {{{channel}}}
          fast: {{{channel}, limits: {{messages: off}}}}
          closed: {{{channel}, access: {{dm: allowlist, allow: [7]}}}}
          nobody: {{{channel}, access: {{dm: allowlist}}}}
          shut: {{{channel}, enabled: false}}
    """)
    report = check(path, {})
    assert (report.ok, report.exit_code) == (True, 0)
    places = [(said.line, said.column, said.path) for said in report.warnings]
    assert places == [
        (3, 9, "admin.listen"),
        (5, 3, "channels.open"),
        (6, 3, "channels.fast"),
        (8, 63, "channels.nobody.access"),
    ]
    assert "as fast as they like" in report.warnings[2].message
    assert report.text().splitlines()[-1] == f"{path}: ok, 4 warnings"
    assert check(files.write("channels:\n"), {}).warnings[0].message == "there is no channel: nobody can write"


@pytest.mark.feature("CLI-01")
def test_init_writes_a_starter_and_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "config" / "gateway.yaml"
    write_starter(path)
    assert path.read_text("utf-8") == starter() == SHIPPED.read_text("utf-8")
    path.write_text("mine")
    with pytest.raises(NotWritten, match="is already there"):
        write_starter(path)
    assert path.read_text() == "mine"
    (tmp_path / "hanging").symlink_to("nowhere")
    for taken in ("hanging", "config", "config/gateway.yaml/below"):
        with pytest.raises(NotWritten):
            write_starter(tmp_path / taken)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.feature("CFG-07", "CLI-01")
def test_the_schema_is_draft_7_and_knows_every_plugin_and_key() -> None:
    whole = schema()
    jsonschema.Draft7Validator.check_schema(whole)
    text = json.dumps(whole)
    assert "$defs" not in text
    for sort in (CHANNELS, BOTS):
        for name in known(sort.package, sort.base):
            _, options = sort.plugin(name)
            properties = whole["definitions"][f"{sort.key}:{name}"]["properties"]
            assert {field.alias or key for key, field in options.model_fields.items()} <= set(properties)
            assert sort.keys <= set(properties)
    workers = whole["definitions"]["ServerSettings"]["properties"]["workers"]
    assert workers["default"] == 1000
    assert "Turns running at once" in workers["description"]


@pytest.mark.feature("CFG-07")
def test_every_key_has_its_help() -> None:
    bare = [
        f"{name}.{key}"
        for name, definition in schema()["definitions"].items()
        for key, value in definition["properties"].items()
        if not {"description", "const", "$ref"} & value.keys() and "$ref" not in value.get("allOf", [{}])[0]
    ]
    assert not bare


@pytest.mark.parametrize("path", [SHIPPED, *SHOWN])
@pytest.mark.feature("CFG-07")
def test_the_schema_accepts_what_is_shipped(path: Path) -> None:
    validator().validate(read(path, ENV).data)


@pytest.mark.feature("CFG-07")
def test_the_schema_accepts_references_and_foreign_plugins() -> None:
    data = {
        "server": {"workers": "${WORKERS:-5}", "lease": "${LEASE}"},
        "channels": {"a": {"platform": "my.own", "bot": "b", "whatever": 1}},
        "bots": {"b": {"kind": "my.own", "whatever": 1}},
    }
    validator().validate(data)


WRONG = [
    {"server": {"workers": "many"}},
    {"server": {"wrkers": 5}},
    {"channels": {"a": {"platform": "web"}}},
    {"channels": {"a": {"platform": "web", "bot": "b", "odd": 1}}},
    {"channels": {"A": {"platform": "web", "bot": "b"}}},
    {"bots": {"a": {"kind": "nope"}}},
    {"defaults": {"history": {"max_messages": 2000}}},
]


@pytest.mark.parametrize("data", WRONG)
@pytest.mark.feature("CFG-07")
def test_the_schema_refuses_what_is_wrong(data: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(data)
