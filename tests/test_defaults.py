"""What holds where the operator says nothing: every default that is promised, in one place."""

from pathlib import Path
from typing import Any

import pytest

from adapters import api, slack, telegram, terminal, twilio, web, whatsapp
from gateway.adapter import Adapter
from gateway.settings import Settings
from gateway.texts import TEXTS
from tests.kit import configure

DAY = 24 * 3600

SAID = [
    pytest.param("enabled", True, marks=pytest.mark.feature("CH-02")),
    pytest.param("when_disabled", "drop", marks=pytest.mark.feature("CH-02")),
    pytest.param("group.mode", "mention", marks=pytest.mark.feature("GRP-01")),
    pytest.param("group.context", 0, marks=pytest.mark.feature("GRP-01")),
    pytest.param("group.wake_on_everyone", False, marks=pytest.mark.feature("GRP-02")),
    pytest.param("group.allow", "all", marks=pytest.mark.feature("GRP-05")),
    pytest.param("group.leave_unlisted", False, marks=pytest.mark.feature("GRP-05")),
    pytest.param("group.attribution", True, marks=pytest.mark.feature("GRP-06")),
    pytest.param("group.quote", True, marks=pytest.mark.feature("GRP-08")),
    pytest.param("group.allow_bots", False, marks=pytest.mark.feature("CH-24")),
    pytest.param("session.expire.anonymous", 7 * DAY, marks=pytest.mark.feature("LIF-09")),
    pytest.param("session.expire.identified", None, marks=pytest.mark.feature("LIF-09")),
    pytest.param("session.idle.after", 30 * 60, marks=pytest.mark.feature("LIF-04")),
    pytest.param("session.shared_on_purpose", False, marks=pytest.mark.feature("KEY-04")),
    pytest.param("commands.enabled", "all", marks=pytest.mark.feature("CMD-02")),
    pytest.param("commands.allow", {"reset": "anyone"}, marks=pytest.mark.feature("CMD-02")),
    pytest.param("commands.unknown", "bot", marks=pytest.mark.feature("CMD-02")),
    pytest.param("history.mode", "summary", marks=pytest.mark.feature("MEM-02")),
    pytest.param("history.max_messages", 50, marks=pytest.mark.feature("MEM-02")),
    pytest.param("history.keep", 30, marks=pytest.mark.feature("MEM-03")),
    pytest.param("summary.by", "digest", marks=pytest.mark.feature("MEM-04")),
    pytest.param("limits.variables", 1_048_576, marks=pytest.mark.feature("MEM-08")),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configure(tmp_path, "bots: {b: {kind: echo}}\nchannels: {p: {platform: tests.paper, bot: b}}\n")


@pytest.mark.feature("CFG-08")
@pytest.mark.parametrize(("path", "wanted"), SAID)
def test_a_channel_of_which_nothing_is_said(settings: Settings, path: str, wanted: Any) -> None:
    found: Any = settings.channels["p"]
    for step in path.split("."):
        found = getattr(found, step)
    assert found == wanted


BOUNDARIES: dict[type[Adapter], dict[str, str]] = {
    telegram.Adapter: {"dm": "user", "group": "chat", "topic": "thread"},
    slack.Adapter: {"dm": "thread", "group": "chat", "thread": "thread"},
    whatsapp.Adapter: {"dm": "user", "group": "chat"},
    twilio.Adapter: {"dm": "user", "group": "chat"},
    web.Adapter: {"conversation": "conversation"},
    api.Adapter: {"conversation": "conversation"},
    terminal.Adapter: {"dm": "user", "group": "chat"},
}


@pytest.mark.feature("KEY-03", "KEY-04", "CH-25")
@pytest.mark.parametrize("adapter", BOUNDARIES, ids=lambda adapter: adapter.__module__.split(".")[1])
def test_who_shares_a_conversation_on_each_platform(adapter: type[Adapter]) -> None:
    assert dict(adapter.boundary) == BOUNDARIES[adapter]


@pytest.mark.feature("KEY-05", "CH-25")
@pytest.mark.parametrize("adapter", BOUNDARIES, ids=lambda adapter: adapter.__module__.split(".")[1])
def test_where_one_person_may_have_several_conversations_at_once(adapter: type[Adapter]) -> None:
    assert adapter.limits.many_sessions is (adapter in (slack.Adapter, web.Adapter, api.Adapter))


@pytest.mark.feature("CH-02", "GRP-10")
def test_what_is_said_only_where_the_operator_gives_the_words() -> None:
    assert TEXTS["disabled"] == TEXTS["group_welcome"] == ""


@pytest.mark.feature("CH-14")
def test_where_it_listens(settings: Settings) -> None:
    assert str(settings.server.listen) == "127.0.0.1:8080"


@pytest.mark.feature("CH-04")
def test_telegram_polls_unless_it_is_told_otherwise() -> None:
    given = telegram.Adapter.Options.model_validate({"token": "42:" + "x" * 35})
    assert vars(given)["mode"] == "polling"
