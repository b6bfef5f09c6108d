"""What the log says: one closed list of events, with all that tells them apart, and never a secret or a forged line."""

import ast
import io
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.bot import Say
from gateway.errors import BotBroken, Retry
from gateway.log import EVENTS, LONGEST, configure
from gateway.masking import HIDDEN, Mask, escaped
from gateway.message import Outbound, Turn
from gateway.settings import LogSettings
from tests.kit import corridor
from tests.operators import YAML, desk
from tests.source import modules

Lines = Callable[[], list[dict[str, Any]]]


class Log:
    """What was written, as it was written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def configure(self, *secrets: str, json: bool = True, **settings: Any) -> None:
        configure(LogSettings(**settings), secrets, stream=self.stream, json=json)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """The log of this test; afterwards everything is as it was."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    made = Log()
    made.configure()
    yield made
    structlog.configure(**before)
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)


def _said() -> set[str]:
    """Every event that our code names."""
    found = set()
    for module in modules("gateway", "adapters"):
        for node in module.nodes:
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            named = module.dotted(node.func)
            if re.fullmatch(r"_?log(ger)?\.(debug|info|warning|error|exception|critical)", named):
                assert isinstance(node.args[0], ast.Constant), f"{module.where}:{node.lineno}: no plain name"
                found.add(str(node.args[0].value))
    return found


@pytest.mark.feature("OBS-01")
def test_events_are_one_closed_list() -> None:
    said = _said() | {"library.said"}
    assert said == EVENTS
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", event) for event in EVENTS)


@pytest.mark.feature("OBS-01")
def test_a_line_has_time_level_event_and_fields(log: Log) -> None:
    structlog.get_logger().warning("send.late", channel="p", part=7)
    (line,) = log.lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {"level": "warning", "event": "send.late", "channel": "p", "part": 7}


@pytest.mark.feature("OBS-01")
def test_only_what_is_important_enough_is_said(log: Log) -> None:
    log.configure(level="warning")
    structlog.get_logger().info("send.retry")
    structlog.get_logger().error("send.broken")
    assert [line["event"] for line in log.lines] == ["send.broken"]


@pytest.mark.feature("OBS-01")
@pytest.mark.parametrize(("format", "starts"), [("json", "{"), ("console", "20"), ("auto", "{")])
def test_the_format_is_the_operators_choice(log: Log, format: str, starts: str) -> None:
    configure(LogSettings(format=format), stream=log.stream)  # type: ignore[arg-type]
    structlog.get_logger().info("daemon.started")
    assert log.text.startswith(starts)


async def _answers(turn: Turn) -> Any:
    if turn.message.text.startswith("break"):
        raise BotBroken("the backend said 400")
    yield Say(Outbound(text="the answer to all"))


@pytest.mark.feature("OBS-01", "CFG-03")
async def test_what_people_say_is_not_written_unless_wanted(log: Log, tmp_path: Path) -> None:
    words = "my cat is called Mimi"
    for text in ("false", "true"):
        log.configure(level="debug", text=text == "true")
        async with desk(tmp_path, f"{YAML}log: {{text: {text}}}\n") as here:
            here.bot(_answers)
            await here.say(words)
            await here.say(f"break {words}")
            await here.quiet()
        assert (words in log.text, "the answer to all" in log.text) == (text == "true", text == "true")


@pytest.mark.feature("OBS-01")
async def test_lines_about_an_entry_name_it(log: Log, tmp_path: Path) -> None:
    async with corridor(
        tmp_path, "bots: {b: {kind: echo, retries: 0}}\nchannels: {p: {platform: tests.paper, bot: b}}\n"
    ) as kit:
        kit.bot(_answers)
        broken = await kit.say("break")
        await kit.quiet()
        kit.paper.fail(lambda: Retry("later", after=0))
        fine = await kit.say("hello")
        await kit.quiet()
    lines = {line["event"]: line for line in log.lines}
    for event, accepted in (("bot.failed", broken), ("inbox.dead", broken), ("send.retry", fine)):
        line = lines[event]
        assert line["channel"] == "p"
        assert (line["session"], line["entry"], line["trace"]) == (accepted.session, accepted.entry, accepted.turn)
        assert line["attempt"] == 1


SECRETS = ("s3cr3t-of-the-channel", 'quo"ted\\back', "späß/+=& 秘密", "abc")


@pytest.mark.feature("CFG-03")
@pytest.mark.parametrize("json_lines", [True, False])
def test_secrets_stand_nowhere_in_whatever_spelling(log: Log, json_lines: bool) -> None:
    log.configure(*SECRETS, json=json_lines)
    say = structlog.get_logger()
    for secret in SECRETS:
        say.error("send.broken", error=f"POST https://api.example/bot{quote(secret, safe='')}/send failed: {secret!r}")
        say.error("send.broken", **{secret: "x"})
        say.error("send.broken", error={"a": [secret, {"b": f"x {secret} y"}]}, detail=f"said {secret}.")
        logging.getLogger("some.library").error("headers: %s", json.dumps({"x-key": secret}))
        try:
            raise ValueError(f"wrong key {secret}")
        except ValueError as error:
            say.error("send.broken", exc_info=error)
    for secret in SECRETS:
        for form in (
            secret,
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            json.dumps(json.dumps(secret)[1:-1])[1:-1],
        ):
            assert not re.search(rf"(?<!\w){re.escape(form)}(?!\w)", log.text), form
    assert "send.broken" in log.text


@pytest.mark.feature("CFG-03")
@pytest.mark.parametrize(
    "credential",
    [
        "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake_-A",
        "gw_" + "aB3-_" * 8 + "xyz",
        "xoxb-1234567890-abcdefghij",
        "xapp-1-A0123-456-abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl",
        "sk-proj-abcdefghijklmnop1234",
    ],
)
def test_what_looks_like_a_credential_is_hidden_although_it_is_not_ours(log: Log, credential: str) -> None:
    path = f"bot{credential}" if credential[0].isdigit() else credential
    structlog.get_logger().error("send.broken", error=f"GET https://api.example/{path}/getMe -> 401")
    structlog.get_logger().error("send.broken", error=f"Authorization: Bearer {credential}", detail=credential)
    assert credential not in log.text
    assert credential[-12:] not in log.text
    assert "getMe" in log.text


@pytest.mark.feature("OBS-01")
def test_numbers_and_mail_addresses_are_masked_and_ids_are_not(log: Log) -> None:
    kept = "0192f0c1-7c5e-7000-8000-123456789012"
    error = f"to +49 151 1234567, whatsapp%3A%2B4915112345678, 4915112345678, ada.lovelace@example.org; turn {kept}"
    structlog.get_logger().error("send.broken", error=error, trace=kept, entry=123456789012, name="Ada Lovelace")
    (line,) = log.lines
    assert "1234567" not in line["error"].replace(kept, "")
    assert "lovelace" not in log.text.lower()
    assert "example.org" not in log.text
    assert kept in line["error"]
    assert (line["trace"], line["entry"], line["name"]) == (kept, 123456789012, HIDDEN)


FORGERIES = [
    'x\n{"level": "error", "event": "forged.line"}',
    "x\r2026-01-01 [error    ] forged.line",
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b31m",
    "a\u2028forged.line",
    "a\u2029b",
    "\u202eevil",
    "nul\x00",
    "\ud800",
    "\x7f\x85",
]


@pytest.mark.feature("OBS-01")
@pytest.mark.parametrize("json_lines", [True, False])
@pytest.mark.parametrize("forgery", FORGERIES, ids=range(len(FORGERIES)))
def test_no_text_can_forge_a_line_or_steer_a_terminal(log: Log, forgery: str, json_lines: bool) -> None:
    log.configure(json=json_lines)
    say = structlog.get_logger()
    say.info("send.retry", error=forgery, **{f"k{forgery}": [forgery], "deep": {forgery: forgery}})
    logging.getLogger("some.library").error(forgery)
    try:
        raise ValueError(forgery)
    except ValueError as error:
        say.error("send.broken", exc_info=error)
    for line in log.text.splitlines():
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", line)
        assert not line.startswith(('{"level": "error", "event": "forged', "forged"))
        if json_lines:
            assert json.loads(line)["event"] in EVENTS
        else:
            assert re.match(r"20\d\d-|    \| ", line), line


@pytest.mark.feature("OBS-01")
@given(st.text())
def test_escaping_leaves_no_control_character(text: str) -> None:
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", escaped(text))
    assert escaped(text, lines=True).count("\n") == text.count("\n")


@pytest.mark.feature("OBS-01", "CFG-03")
def test_lines_stay_short_and_a_secret_is_not_cut_into_view(log: Log) -> None:
    secret = "a-secret-that-is-quite-long"
    log.configure(secret)
    structlog.get_logger().error("send.broken", error="x" * (LONGEST - 10) + secret + "y" * 100_000)
    (line,) = log.lines
    assert len(line["error"]) < LONGEST + 50
    assert secret[:8] not in line["error"]


@pytest.mark.feature("OBS-01")
def test_libraries_speak_through_the_same_log(log: Log) -> None:
    logging.getLogger("some.library").warning("slow: %d s", 3)
    logging.getLogger("some.library").info("chatter")
    broken = logging.LogRecord("some.library", logging.ERROR, "file.py", 1, "broken %s %s", ("format",), None)
    logging.getLogger().handlers[0].emit(broken)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
    assert [(line["event"], line["level"]) for line in log.lines] == [
        ("library.said", "warning"),
        ("library.said", "error"),
        ("library.said", "warning"),
    ]
    assert log.lines[0]["message"] == "slow: 3 s"
    assert log.lines[0]["library"] == "some.library"


@pytest.mark.feature("CFG-03")
@given(st.lists(st.text(min_size=4), min_size=1, max_size=4), st.text())
def test_no_secret_survives_the_mask(secrets: list[str], around: str) -> None:
    mask = Mask(secrets)
    for secret in secrets:
        shown = mask(f"{around}{secret}{around}")
        left = shown.replace(HIDDEN, "\x00")
        assert secret not in left or secret in HIDDEN * 3


@pytest.mark.feature("OBS-01")
@pytest.mark.parametrize(
    "piece", ["a", "a.", "a@", "a@b", "eyJ", "eyJ-", "eyJa.", "1", "1:", "123456:", "+1", "xoxb-", "?key=", "://a", " "]
)
def test_masking_takes_time_in_proportion_to_the_text(piece: str) -> None:
    mask = Mask(["a-secret"])
    text = piece * (200_000 // len(piece))
    assert mask(text)  # a pattern that begins anew at each character would not end within the hour
