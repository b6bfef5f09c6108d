"""Checking a bot's account with Telegram: the token, who hears it, and what it may read."""

from urllib.parse import urlsplit

import msgspec

from adapters.telegram.api import Api
from adapters.telegram.updates import ALLOWED
from adapters.telegram.webhook import Info
from gateway.adapter import Finding
from gateway.errors import Refused, SendError


class Me(msgspec.Struct, frozen=True):
    """The bot as Telegram knows it."""

    id: int
    username: str = ""
    can_read_all_group_messages: bool = False


async def findings(api: Api, webhook_url: str, polling: bool) -> list[Finding]:
    """One line for each thing looked at. Raises nothing: what cannot be asked is a finding too."""
    try:
        me = await api.call("getMe", {}, Me)
        info = await api.call("getWebhookInfo", {}, Info)
    except SendError as error:
        auth = isinstance(error, Refused) and error.reason == "auth"
        return [Finding(False, str(error), _NEW_TOKEN if auth else "Is api_base reachable from here?")]
    return [_name(me), _privacy(me), *(_polling(info) if polling else _webhook(info, webhook_url))]


_NEW_TOKEN = "Ask @BotFather for the bot's current token and set it as `token`."  # noqa: S105
_PRIVACY = "To hear all in groups: @BotFather, /setprivacy, Disable; then add the bot to its groups again."


def _name(me: Me) -> Finding:
    return Finding(True, f"the token belongs to @{me.username} ({me.id})")


def _privacy(me: Me) -> Finding:
    if me.can_read_all_group_messages:
        return Finding(True, "hears everything that is said in its groups")
    return Finding(True, "privacy mode is on: in groups it hears commands, mentions and answers to it only", _PRIVACY)


def _polling(info: Info) -> list[Finding]:
    if not info.url:
        return [Finding(True, f"polling, with {info.pending_update_count} updates waiting")]
    remedy = "It is removed when this channel starts; stop the program that sets it, or use mode: webhook."
    return [Finding(False, f"a webhook at {_place(info.url)} is set, so polling gets nothing", remedy)]


def _webhook(info: Info, ours: str) -> list[Finding]:
    if not ours:
        return [Finding(False, "nobody can call us: server.public_url is not set", "Set it, or use mode: polling.")]
    if info.url != ours:
        held = f"is set to {_place(info.url)}" if info.url else "is not set"
        return [Finding(False, f"the webhook {held}, not to {ours}", "It is set when this channel starts.")]
    found = [Finding(True, f"the webhook is ours, with {info.pending_update_count} updates waiting")]
    if info.allowed_updates and set(info.allowed_updates) != set(ALLOWED):
        found.append(
            Finding(False, "the webhook asks for other kinds of updates", "It is set right at the next start.")
        )
    if info.pending_update_count and info.last_error_message:
        remedy = "It must be reachable from the internet by https, on port 443, 80, 88 or 8443."
        found.append(Finding(False, f"Telegram's last call failed: {info.last_error_message}", remedy))
    return found


def _place(url: str) -> str:
    """Without the path: it may be somebody's secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or '?'}"
