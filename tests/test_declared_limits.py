"""What we take each platform to allow, in numbers: a slip in one of them would be seen only there."""

from typing import Any

import pytest

from adapters.api import Adapter as Api
from adapters.slack import Adapter as Slack
from adapters.telegram import Adapter as Telegram
from adapters.twilio import Adapter as Twilio
from adapters.web import Adapter as Web
from adapters.whatsapp import Adapter as WhatsApp
from gateway.units import Rate

MB = 1024 * 1024


@pytest.mark.feature("INB-10")
@pytest.mark.parametrize(
    ("adapter", "body"), [(WhatsApp, 3 * MB), (Slack, MB), (Telegram, 256 * 1024), (Twilio, 64 * 1024)]
)
def test_largest_webhooks(adapter: Any, body: int) -> None:
    assert adapter.limits.body == body


@pytest.mark.feature("FMT-02")
@pytest.mark.parametrize(
    ("adapter", "text", "unit", "caption"),
    [
        (Telegram, 4096, "utf16", 1024),
        (Slack, 3900, "chars", 3900),
        (Twilio, 1600, "utf16", 1024),
        (WhatsApp, 4096, "chars", 1024),
    ],
)
def test_longest_texts(adapter: Any, text: int, unit: str, caption: int) -> None:
    limits = adapter.limits
    assert (limits.text, limits.unit, limits.caption) == (text, unit, caption)


@pytest.mark.feature("OUT-04")
@pytest.mark.parametrize(
    ("adapter", "account", "chat", "group", "shared"),
    [
        (Telegram, Rate(30, 1), Rate(1, 1), Rate(20, 60), False),
        (Slack, None, Rate(1, 1), None, False),
        (Twilio, Rate(10, 1), None, None, False),
        (WhatsApp, Rate(80, 1), Rate(10, 60, burst=10), None, True),
        (Web, None, None, None, False),
        (Api, None, None, None, False),
    ],
)
def test_paces(adapter: Any, account: Rate | None, chat: Rate | None, group: Rate | None, shared: bool) -> None:
    limits = adapter.limits
    assert (limits.account_rate, limits.chat_rate, limits.group_rate) == (account, chat, group)
    assert limits.rate_is_shared is shared


@pytest.mark.feature("STR-01")
@pytest.mark.parametrize(("adapter", "seconds"), [(Telegram, 4), (WhatsApp, 20), (Twilio, 20)])
def test_how_often_typing_is_said_again(adapter: Any, seconds: float) -> None:
    assert adapter.limits.typing == seconds
