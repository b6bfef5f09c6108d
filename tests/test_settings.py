"""The settings: every key has a default, and every mistake its line, column and a word on what would do."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.settings import Listen, load
from gateway.units import Rate
from tests.yaml_files import ENV, Files

pytestmark = pytest.mark.feature("CFG-02")

BOTS = "bots: {demo: {kind: echo}}\n"
PAGER = "tests.plugins.pager"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.feature("CFG-08")
def test_one_channel_its_token_and_one_bot_are_a_complete_file(files: Files) -> None:
    path = files.write(BOTS + "channels: {a: {platform: tests.plugins.pager, bot: demo, token: ${TOKEN}}}\n")
    settings = load(path, ENV)
    assert settings.server.listen == Listen("127.0.0.1", 8080)
    assert settings.server.address == "http://127.0.0.1:8080"
    assert settings.admin.listen == Listen("127.0.0.1", 8081)
    assert settings.admin.listen.loopback
    assert (settings.server.max_body, settings.server.max_connections) == (1_048_576, 10_000)
    assert (settings.server.workers, settings.server.lease, settings.server.drain) == (1000, 15, 30)
    assert settings.storage.database == Path("data/gateway.db")
    assert (settings.inbox.stale_after, settings.inbox.drop_stale, settings.inbox.attempts) == (86400, False, 5)
    assert (settings.log.level, settings.log.format, settings.log.text) == ("info", "auto", False)
    bot = settings.bots["demo"]
    assert (bot.name, bot.kind, bot.timeout, bot.retries, bot.concurrency) == ("demo", "echo", 60, 4, 200)
    channel = settings.channels["a"]
    assert (channel.name, channel.bot, channel.enabled, channel.when_disabled) == ("a", "demo", True, "drop")
    assert (channel.session.scope.dm, channel.session.idle.after) == (None, 1800)
    assert (channel.session.expire.anonymous, channel.session.expire.identified) == (7 * 86400, None)
    assert (channel.group.mode, channel.group.allow, channel.group.quote) == ("mention", "all", True)
    assert (channel.access.dm, channel.access.allow, channel.access.tell) == ("open", (), False)
    assert (channel.commands.enabled, channel.commands.allow) == ("all", {"reset": "anyone"})
    assert (channel.history.mode, channel.history.max_messages, channel.history.keep) == ("summary", 50, 30)
    assert channel.summary.by == "digest"
    assert channel.limits.messages == Rate(60, 60)
    assert (channel.limits.file, channel.limits.variables) == (10_485_760, 1_048_576)
    assert channel.limits.send is None
    assert (channel.delivery.attempts, channel.delivery.ttl) == (10, 6 * 3600)
    assert channel.delivery.on_unknown == "resend_once"
    assert (channel.format.input, channel.format.max_parts) == ("markdown", 8)
    assert (channel.stream.typing, channel.stream.edit) == (True, "auto")
    assert channel.texts == {}


def test_every_section_is_read(files: Files) -> None:
    path = files.write("""
        server:
          listen: "[::1]:0"
          public_url: https://chat.example.org/
          trusted_proxies: [10.0.0.0/8, "::1"]
          max_body: 64KB
          workers: ${COUNT}
          lease: 0.5s
        admin: {listen: localhost:9000}
        storage: {url: "sqlite:////var/lib/gateway.db", files: /srv/files}
        inbox: {drop_stale: ${FLAG}, attempts: ${MISSING:-3}}
        log: {level: debug}
        people:
        channels:
        bots:
        defaults:
    """)
    settings = load(path, ENV)
    assert str(settings.server.listen) == "[::1]:0"
    assert settings.server.address == "https://chat.example.org"
    assert settings.server.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert (settings.server.max_body, settings.server.workers, settings.server.lease) == (65536, 12, 0.5)
    assert settings.storage.database == Path("/var/lib/gateway.db")
    assert (settings.inbox.drop_stale, settings.inbox.attempts) == (True, 3)


@pytest.mark.feature("STO-01", "SEC-05")
@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://gw:h%40nter@db.example.org/gateway", {"h%40nter", "h@nter"}),
        ("postgres://gw@/gateway?host=/run/postgresql&password=hunter22", {"hunter22"}),
        ("postgresql://10.0.0.1:5432,[::1]:5433/gateway?target_session_attrs=primary", set()),
    ],
)
def test_a_database_on_a_server(files: Files, url: str, secrets: set[str]) -> None:
    text = f"storage: {{url: {url!r}, files: /srv/files, connections: 20}}\n"
    settings = load(files.write(BOTS + text), ENV)
    assert (settings.storage.url, settings.storage.connections) == (url, 20)
    assert settings.storage.database is None
    assert settings.storage.home == Path("/srv/files")  # our own small things stand with the files
    assert secrets <= settings.secrets()


LISTEN = "expected a host and a port, such as 127.0.0.1:8080 or [::1]:8080"
DURATION = "expected a duration such as 30s, 5m, 2h or 7d"
SIZE = "expected a size such as 64KB, 10MB or 1GB"
URL = "expected an address such as https://chat.example.org"
ALL = "would trust every address of the internet to name its own: list the proxies"
BLOCKS = (
    "access, coalesce, commands, dedupe, delivery, format, group, groups, history, limits, media, retention, session, "
    "stream, summary, texts, voice"
)
SERVER = "postgresql://user:password@host/database"
NOT_FILE = f"expected sqlite:///data/gateway.db or {SERVER}"
ADDRESS = f"expected {SERVER}; characters such as @ : / # in a password are written %40 %3A %2F %23"
PATH = "expected the path of a file: sqlite:///data/gateway.db, or sqlite:////var/lib/x.db"

WRONG = [
    ("server: {listen: 8080}", f"1:18: server.listen: {LISTEN}"),
    ("server: {listen: '::1:80'}", f"1:18: server.listen: {LISTEN}"),
    ("server: {listen: 'a:70000'}", f"1:18: server.listen: {LISTEN}"),
    ("server: {lisen: x}", '1:10: server: unknown key "lisen"; did you mean "listen"?'),
    ("sever: {}", '1:1: unknown key "sever"; did you mean "server"?'),
    ("server: [a]", "1:9: server: must hold keys and values"),
    ("server: {workers: 0}", "1:19: server.workers: must be at least 1"),
    ("server: {workers: '5'}", "1:19: server.workers: must be a whole number"),
    ("server: {workers: 1.5}", "1:19: server.workers: must be a whole number"),
    ("server: {workers: }", "1:10: server.workers: needs a value"),
    ("server: {workers: ${TOKEN}}", "1:19: server.workers: must be a whole number"),
    ("server: {lease: 15}", f"1:17: server.lease: {DURATION}"),
    ("server: {lease: 15 s}", f"1:17: server.lease: {DURATION}"),
    ("server: {lease: never}", f"1:17: server.lease: {DURATION}"),
    ("server: {lease: 0s}", f"1:17: server.lease: {DURATION}"),
    ("server: {lease: -5s}", f"1:17: server.lease: {DURATION}"),
    ("server: {lease: 999999999d}", f"1:17: server.lease: {DURATION}"),
    ("server: {lease: }", "1:10: server.lease: needs a value"),
    ("server: {max_body: 1mb}", f"1:20: server.max_body: {SIZE}"),
    ("server: {max_body: 1048576}", f"1:20: server.max_body: {SIZE}"),
    ("server: {max_body: 0KB}", f"1:20: server.max_body: {SIZE}"),
    ("server: {public_url: chat.example.org}", f"1:22: server.public_url: {URL}"),
    ("server: {public_url: 'https://a b'}", f"1:22: server.public_url: {URL}"),
    ("server: {public_url: 'https://[x'}", f"1:22: server.public_url: {URL}"),
    (
        "server: {public_url: 'https://u:p@h'}",
        "1:22: server.public_url: must hold neither a user name or password nor a #fragment",
    ),
    ("server: {trusted_proxies: 10.0.0.1}", "1:27: server.trusted_proxies: must be a list"),
    (
        "server: {trusted_proxies: [10.0.0.1/8]}",
        "1:28: server.trusted_proxies[0]: expected an address or a network such as 10.0.0.0/8",
    ),
    ("server: {trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]}", f"1:40: server.trusted_proxies[1]: {ALL}"),
    ("server: {trusted_proxies: ['::/0']}", f"1:28: server.trusted_proxies[0]: {ALL}"),
    ("admin: {listen: 127.0.0.1:8080}", "1:17: admin.listen: server and admin need two different addresses"),
    ("server: {listen: 127.0.0.1:8081}", "1:18: server.listen: server and admin need two different addresses"),
    ("storage: {url: 'mysql://u:hunter22@h/db'}", f"1:16: storage.url: {NOT_FILE}"),
    ("storage: {url: 'postgresql+asyncpg://u:hunter22@h/db'}", f"1:16: storage.url: {NOT_FILE}"),
    ("storage: {url: 'postgresql://u:hunter22@h'}", f"1:16: storage.url: {ADDRESS}"),
    ("storage: {url: 'postgresql://u:hunter#22@h/db'}", f"1:16: storage.url: {ADDRESS}"),
    ("storage: {url: 'postgresql://u:hunter22@h:1x/db'}", f"1:16: storage.url: {ADDRESS}"),
    ("storage: {url: 'postgresql://u:hunter22@[h/db'}", f"1:16: storage.url: {ADDRESS}"),
    ("storage: {connections: 1}", "1:24: storage.connections: must be at least 2"),
    ("storage: {url: 'sqlite://data/gateway.db'}", f"1:16: storage.url: {PATH}"),
    ("storage: {url: 'sqlite:///:memory:'}", f"1:16: storage.url: {PATH}"),
    ("storage: {files: ''}", "1:18: storage.files: must be at least 1 long"),
    ("storage: {files: [a]}", "1:18: storage.files: must be text: put it in quotes"),
    ("inbox: {drop_stale: yes}", "1:21: inbox.drop_stale: must be true or false"),
    ("inbox: {attempts: 1000}", "1:19: inbox.attempts: must be at most 100"),
    ("log: {level: INFO}", "1:14: log.level: must be one of: debug, info, warning or error"),
    ("log: {level: [info]}", "1:14: log.level: must be one of: debug, info, warning or error"),
    ("people: [a]", "1:9: people: must hold keys and values"),
    ("people: {staff: 5}", "1:17: people.staff: expected a list"),
    ("people: {The Staff: [1]}", "1:10: people.?: is not a name that fits here"),
    (
        "people: {a: ['@b'], b: [1]}",
        "1:14: people.a[0]: no such group of people (known: none); user names are not accepted",
    ),
    ("bots: [a]", "1:7: bots: must hold names, each with keys and values"),
    ("bots: {demo: echo}", "1:14: bots.demo: must hold keys and values"),
    ("bots: {demo: {}}", '1:8: bots.demo: "kind" is missing'),
    ("bots: {Demo: {kind: echo}}", "1:8: bots.Demo: a name is made of a-z, 0-9, _ and -, at most 63 of them"),
    ("bots: {demo: {kind: ehco}}", '1:21: bots.demo.kind: unknown kind "ehco"; did you mean "echo"?'),
    ("bots: {demo: {kind: 5}}", "1:21: bots.demo.kind: must be text: put it in quotes"),
    (
        "bots: {demo: {kind: tests.plugins.empty}}",
        "1:21: bots.demo.kind: tests.plugins.empty has no subclass of Bot, one is needed",
    ),
    (
        "bots: {demo: {kind: tests.plugins.broken}}",
        "1:21: bots.demo.kind: cannot be imported (RuntimeError in tests.plugins.broken)",
    ),
    ("bots: {demo: {kind: echo, timeot: 5s}}", '1:27: bots.demo: unknown key "timeot"; did you mean "timeout"?'),
    ("bots: {demo: {kind: echo, timeout: 5}}", f"1:36: bots.demo.timeout: {DURATION}"),
    ("defaults: 5", "1:11: defaults: must hold blocks such as session, group, limits"),
    ("defaults: {platform: web}", f'1:12: defaults: unknown key "platform"; known: {BLOCKS}'),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[text[:60] for text, _ in WRONG])
def test_each_mistake_has_its_place(files: Files, text: str, said: str) -> None:
    assert files.wrong(load, text) == [f"gateway.yaml:{said}"]


OPTIONS = [
    ("pause: 1", f": {DURATION}"),
    ("until: 5", f": {DURATION}, or never"),
    ("size: 5", f": {SIZE}"),
    ("pace: 60", ": expected a rate such as 1/s, 60/m, 500/h or 1000/d"),
    ("pace: 0/s", ": expected a rate such as 1/s, 60/m, 500/h or 1000/d"),
    ("url: ftp://x", f": {URL}"),
    ("secret: ''", ": is empty: a secret is needed here"),
    ("secret: undefined", ": is a placeholder, not a secret"),
    ("secret: CHANGEME", ": is a placeholder, not a secret"),
    ("secret: 'null'", ": is a placeholder, not a secret"),
    ("secret: '<token>'", ": is a placeholder, not a secret"),
    ("secret: 'a '", ": has white space around it"),
    ("secret: 12345", ": expected text: put it in quotes"),
    ("ids: 5", ": must be a list"),
    ("ids: [1.5]", "[0]: expected an id: put it in quotes"),
    ("flag: on", ": must be true or false"),
    ("count: '1'", ": must be a whole number"),
    ("share: 2", ": must be at most 1"),
    ("share: x", ": must be a number"),
    ("word: 5", ": must be text: put it in quotes"),
    ("word: ''", ": must be at least 1 long"),
    ("word: abcdefghijk", ": must be at most 10 long"),
    ("inner: {depth: 0}", ".depth: must be at least 1"),
    ("inner: {dept: 0}", ': unknown key "dept"; did you mean "depth"?'),
    ("extra: 5", ": must hold keys and values"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), OPTIONS, ids=[text for text, _ in OPTIONS])
@pytest.mark.feature("SEC-01")
def test_types_of_options(files: Files, text: str, said: str) -> None:
    name, _, value = text.partition(": ")
    column = 3 + len(name) + 2
    if said.startswith(("[0]", ".")) or "unknown" in said:
        column += 1 + (7 if said.startswith(".") else 0)
    found = files.wrong(load, f"bots:\n demo:\n  kind: {PAGER}\n  {name}: {value}\n")
    assert found == [f"gateway.yaml:4:{column}: bots.demo.{name}{said}"]


def test_well_formed_options(files: Files) -> None:
    path = files.write(f"""
        bots:
          demo:
            kind: {PAGER}
            pause: 90s
            until: 2h
            size: 1.5MB
            pace: 30/m
            url: http://127.0.0.1:9000/
            secret: ${{TOKEN}}
            ids: [1, -100200, U01, "+49"]
            share: 1
            inner: {{depth: ${{COUNT}}}}
            extra: {{anything: [1, {{x: null}}]}}
            word: ${{MISSING:-}}
    """)
    settings = load(path, ENV)
    bot: object = settings.bots["demo"].options
    shown = repr(bot)
    assert ENV["TOKEN"] not in shown
    assert settings.secrets() == {ENV["TOKEN"]}
    assert bot.model_dump(exclude={"secret"}) == {  # type: ignore[attr-defined]
        "pause": 90,
        "until": 7200,
        "size": 1_572_864,
        "pace": Rate(30, 60),
        "url": "http://127.0.0.1:9000",
        "ids": ("1", "-100200", "U01", "+49"),
        "flag": False,
        "count": 1,
        "share": 1,
        "word": "x",
        "inner": {"depth": 12},
        "extra": {"anything": [1, {"x": None}]},
    }


def test_settings_are_equal_when_they_ask_for_the_same(files: Files) -> None:
    text = f"channels: {{a: {{platform: {PAGER}, bot: demo, token: abc}}}}\n"
    first, same = load(files.write(BOTS + text), {}), load(files.write("\n# moved\n" + text + BOTS), {})
    other = load(files.write(BOTS + text.replace("abc", "abd")), {})
    assert first.channels == same.channels
    assert first.bots == same.bots
    assert first.channels != other.channels
