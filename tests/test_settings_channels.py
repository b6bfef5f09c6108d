"""Channels: what platforms and bots there are, what defaults give, who is meant, and where pages stand."""

from pathlib import Path

import pytest

from gateway.keys import SCOPES
from gateway.settings import load
from gateway.settings.blocks import COMMANDS, Scope
from gateway.texts import text
from gateway.units import Rate
from tests.yaml_files import Files

PAGER = "tests.plugins.pager"
BOTS = "bots: {demo: {kind: echo}, other: {kind: echo}}\n"
HEAD = BOTS + f"channels:\n a:\n  platform: {PAGER}\n  bot: demo\n  token: abc\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.feature("CH-01")
def test_many_channels_many_bots(files: Files) -> None:
    channel = f"{{platform: {PAGER}, token: abc, bot:"
    path = files.write(
        f"{BOTS}channels: {{a: {channel} demo}}, b-1: {channel} demo}}, c_2: {channel} other, from: x}}}}\n"
    )
    channels = load(path, {}).channels
    assert [(name, channel.bot) for name, channel in channels.items()] == [
        ("a", "demo"),
        ("b-1", "demo"),
        ("c_2", "other"),
    ]
    assert channels["c_2"].options.model_dump()["sender"] == "x"  # type: ignore[union-attr]


NAME = "a name is made of a-z, 0-9, _ and -, at most 63 of them"
CHANNELS = [
    ("a: {platform: odd.one, bot: demo}", "2:16: channels.a.platform: unknown platform; known: "),
    ("a: {platform: pager, bot: demo}", '2:16: channels.a.platform: unknown platform "pager"; known: '),
    ("a: {platform: os.path, bot: demo}", "2:16: channels.a.platform: os.path has no subclass of Adapter"),
    ("a: {platform: '../x', bot: demo}", "2:16: channels.a.platform: unknown platform; known: "),
    ("a: {platform: [], bot: demo}", "2:16: channels.a.platform: must be text: put it in quotes"),
    (f"a: {{platform: {PAGER}, token: abc}}", '2:2: channels.a: "bot" is missing'),
    (
        f"a: {{platform: {PAGER}, token: abc, bot: dem}}",
        '2:54: channels.a.bot: unknown bot "dem"; did you mean "demo"?',
    ),
    (f"a: {{platform: {PAGER}, token: abc, bot: ${{TOKEN}}}}", "2:54: channels.a.bot: unknown bot; known: demo, other"),
    (f"a: {{platform: {PAGER}, bot: demo}}", '2:2: channels.a: "token" is missing'),
    (f"a: {{platform: {PAGER}, bot: demo, token: ${{MISSING:-}}}}", "2:48: channels.a.token: needs a value"),
    (f"a: {{platform: {PAGER}, bot: demo, token: ${{EMPTY}}}}", "2:48: channels.a.token: needs a value"),
    (f"a: {{platform: {PAGER}, bot: demo, token: changeme}}", "2:55: channels.a.token: is a placeholder, not a secret"),
    (f"a: {{platform: {PAGER}, bot: demo, tokn: abc}}", '2:2: channels.a: "token" is missing'),
    (
        f"a: {{platform: {PAGER}, bot: demo, token: abc, urgency: loud}}",
        "2:69: channels.a.urgency: must be one of: low or high",
    ),
    ("a: 5", "2:5: channels.a: must hold keys and values"),
    ("A: {}", f"2:2: channels.A: {NAME}"),
    (f"{'a' * 64}: 5", f"2:2: channels.?: {NAME}"),
    ("-a: 5", f"2:2: channels.-a: {NAME}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), CHANNELS, ids=[text[:70] for text, _ in CHANNELS])
@pytest.mark.feature("CH-01", "SEC-01", "CFG-02")
def test_mistakes_in_channels(files: Files, text: str, said: str) -> None:
    found = files.wrong(load, BOTS.replace("\n", " \n") + "channels:\n " + text + "\n")
    moved = said.replace("2:", "3:", 1)
    assert any(line.startswith(f"gateway.yaml:{moved}") for line in found), found


@pytest.mark.feature("DEV-01", "CH-01")
def test_a_missing_sdk_fails_only_its_own_channel(files: Files) -> None:
    path = files.write(HEAD + " b: {platform: tests.plugins.no_sdk, bot: demo, token: abc, limits: {send: off}}\n")
    settings = load(path, {})
    broken, well = settings.channels["b"], settings.channels["a"]
    assert broken.fault == "needs the package an_sdk_that_is_not_installed, which is not installed"
    assert (broken.plugin, broken.options, broken.limits.send) == (None, None, "off")
    assert (well.fault, well.plugin is not None) == ("", True)
    assert [str(said) for said in settings.warnings if said.path == "channels.b.platform"] == [
        f"{path}:7:6: channels.b.platform: the channel will not start: {broken.fault}"
    ]


@pytest.mark.feature("CFG-08")
def test_defaults_are_merged_key_by_key_and_the_channel_wins(files: Files) -> None:
    path = files.write(
        HEAD
        + """  session: {scope: {group: user}}
  limits: {messages: off}
  texts: {failed: Oops., de: {failed: Hoppla.}}
  history: {keep: 5}
  group:
defaults:
  session: {scope: {dm: thread, group: chat}, idle: {after: never}}
  limits: {messages: 10/m, file: 1MB, send: 5/s}
  texts: {stopped: Halt., de: {failed: Pech., ended: Aus.}}
  history: {max_messages: 20}
  group: {allow: [-100, "C1"]}
"""
    )
    channel = load(path, {}).channels["a"]
    scope = channel.session.scope
    assert (scope.dm, scope.group, scope.topic) == ("thread", "user", None)
    assert channel.session.idle.after is None
    assert (channel.limits.messages, channel.limits.file, channel.limits.send) == (None, 1_048_576, Rate(5, 1))
    assert (channel.history.max_messages, channel.history.keep) == (20, 5)
    assert channel.group.allow == ("-100", "C1")
    said = {
        (id, tongue): text(id, tongue, channel.texts)
        for id in ("failed", "stopped", "ended")
        for tongue in ("en", "de")
    }
    assert list(said.values()) == ["Oops.", "Hoppla.", "Halt.", "Halt.", "Conversation ended.", "Aus."]


@pytest.mark.feature("CFG-02")
def test_a_mistake_in_defaults_is_told_once_and_where_it_is(files: Files) -> None:
    said = files.wrong(
        load,
        HEAD
        + """  history: {max_messages: 20}
 b: {platform: tests.plugins.pager, bot: demo, token: abc}
defaults:
  history: {keep: 30}
  format: {odd: 1}
  summary: {by: nobody}
  access: {allow: [ada]}
""",
    )
    assert said == [
        "gateway.yaml:7:12: channels.a.history.keep: must be below max_messages, which is 20",
        "gateway.yaml:11:12: defaults.format: " + 'unknown key "odd"; known: input, max_parts',
        'gateway.yaml:12:17: defaults.summary.by: unknown bot "nobody"; known: demo, other',
        "gateway.yaml:13:20: defaults.access.allow[0]: expected an id, a phone number as +4915112345, an e-mail "
        "address or *@example.org; a name can be changed by its owner and is not accepted",
    ]


@pytest.mark.feature("MEM-02")
def test_keep_follows_a_small_max_messages(files: Files) -> None:
    for most, keep in ((0, 0), (1, 0), (2, 1), (20, 12), (50, 30), (1000, 30)):
        history = load(files.write(HEAD + f"  history: {{max_messages: {most}}}\n"), {}).channels["a"].history
        assert (history.max_messages, history.keep) == (most, keep)
    for block, said in (
        ("{max_messages: 1001}", "27: channels.a.history.max_messages: must be at most 1000"),
        ("{max_messages: -1}", "27: channels.a.history.max_messages: must be at least 0"),
        ("{max_messages: 5, keep: 5}", "36: channels.a.history.keep: must be below max_messages, which is 5"),
    ):
        assert files.wrong(load, HEAD + f"  history: {block}\n") == [f"gateway.yaml:7:{said}"]


@pytest.mark.feature("KEY-04")
def test_scopes_are_those_of_the_session_keys(files: Files) -> None:
    for place in Scope.model_fields:
        assert place in SCOPES
        for scope in SCOPES[place]:  # type: ignore[index]
            shared = "shared_on_purpose: true, " if scope == "shared" else ""
            path = files.write(HEAD + f"  session: {{{shared}scope: {{{place}: {scope}}}}}\n")
            assert getattr(load(path, {}).channels["a"].session.scope, place) == scope
        [said] = files.wrong(load, HEAD + f"  session: {{scope: {{{place}: everybody}}}}\n")
        listed = ", ".join(SCOPES[place][:-1]) + f" or {SCOPES[place][-1]}"  # type: ignore[index]
        assert (
            said == f"gateway.yaml:7:{21 + len(place) + 2}: channels.a.session.scope.{place}: must be one of: {listed}"
        )


@pytest.mark.feature("KEY-04")
def test_a_shared_conversation_must_be_meant(files: Files) -> None:
    [said] = files.wrong(load, HEAD + "  session: {scope: {dm: shared}}\n")
    assert said == (
        "gateway.yaml:7:25: channels.a.session.scope.dm: shared lets strangers share one conversation: "
        "it needs session.shared_on_purpose: true"
    )


@pytest.mark.feature("LIF-04")
def test_idle_needs_a_positive_time(files: Files) -> None:
    for after in ("0s", "-1m", "soon"):
        [said] = files.wrong(load, HEAD + f"  session: {{idle: {{after: {after}}}}}\n")
        assert said.startswith("gateway.yaml:7:27: channels.a.session.idle.after: expected a duration such as")
    for word in ("never", "off"):
        path = files.write(HEAD + f"  session: {{idle: {{after: {word}}}}}\n")
        assert load(path, {}).channels["a"].session.idle.after is None


@pytest.mark.feature("ACC-01")
def test_who_is_meant(files: Files) -> None:
    path = files.write(
        HEAD
        + """  access:
    dm: allowlist
    allow: [123, "+49 (151) 12-345", "*@Example.org", Ann@Example.org, U024BE7LH, "@staff", "@none"]
    block: ["@staff"]
  commands:
    enabled: [reset, help]
    allow: {reset: operators, help: admins, stop: ["@staff", 5], end: anyone}
people: {staff: [7, 123, 8], none: [], operators: [9]}
"""
    )
    channel = load(path, {}).channels["a"]
    listed = ("123", "+4915112345", "*@example.org", "ann@example.org", "U024BE7LH", "7", "8")
    assert channel.access.allow == listed
    assert channel.access.block == ("7", "123", "8")
    assert channel.commands.enabled == ("reset", "help")
    assert channel.commands.allow == {
        "reset": ("9",),
        "help": "admins",
        "stop": ("7", "123", "8", "5"),
        "end": "anyone",
    }


@pytest.mark.feature("ACC-01", "CMD-02")
def test_names_alone_and_unknown_groups_are_refused(files: Files) -> None:
    said = files.wrong(
        load,
        HEAD
        + """  access: {dm: pairing, allow: [ada, "Ada L.", "@ada", "", 1.5, ok1], block: 5}
  commands: {enabled: [reset, rest], allow: {reste: anyone, reset: operators, stop: [ada]}, unknown: "no"}
  group: {allow: [1, true, ""], mode: "off"}
""",
    )
    wrong = "expected an id, a phone number as +4915112345, an e-mail address or *@example.org"
    name = f"{wrong}; a name can be changed by its owner and is not accepted"
    known = ", ".join(COMMANDS)
    at = "gateway.yaml:{}: channels.a.{}".format
    assert said == [
        at("7:16", "access.dm: must be one of: open, allowlist or off"),
        at("7:33", f"access.allow[0]: {name}"),
        at("7:38", f"access.allow[1]: {name}"),
        at("7:48", "access.allow[2]: no such group of people (known: none); user names are not accepted"),
        at("7:56", f"access.allow[3]: {name}"),
        at("7:60", f"access.allow[4]: {wrong}"),
        at("7:78", "access.block: expected a list"),
        at("8:31", f"commands.enabled[1]: no such command (known: {known})"),
        at("8:46", f"commands.allow.reste: no such command (known: {known})"),
        at("8:68", "commands.allow.reset: operators are nobody yet: list their ids under people.operators"),
        at("8:86", f"commands.allow.stop[0]: {name}"),
        at("8:102", "commands.unknown: must be one of: bot or help"),
        at("9:22", "group.allow[1]: expected a chat id: put it in quotes"),
        at("9:28", "group.allow[2]: expected a chat id: put it in quotes"),
    ]


@pytest.mark.feature("FMT-05")
def test_texts_have_ids_and_placeholders(files: Files) -> None:
    said = files.wrong(
        load,
        HEAD
        + """  texts:
    reset_don: x
    failed: 5
    status: hello
    file_too_large: "{limit} {size}"
    late: "{"
    de: {ended: "", start: "{{x}}", oops: y}
    Klingon: {failed: x}
    en: {stopped: a}
    stopped: b
""",
    )
    at = "gateway.yaml:{}: channels.a.texts.{}".format
    assert [line for line in said if "no such text" not in line] == [
        at("9:13", "failed: expected text: put it in quotes"),
        at("10:13", "status: the placeholder {bot} is missing"),
        at("11:21", "file_too_large: unknown placeholder {size} (there are: {limit}; a literal brace is written {{)"),
        at("12:11", "late: unknown placeholder {} (there are: none; a literal brace is written {{)"),
        at("14:14", "Klingon: expected a language such as en or pt-BR"),
        at("16:14", "stopped: is given twice, once under en"),
    ]
    assert [line.partition("; ")[0] for line in said if "no such text" in line] == [
        at("8:16", "reset_don: no such text"),
        at("13:43", "de.oops: no such text"),
    ]
