"""The commands that a platform offers to people as they type, in all the languages that we have words for."""

from collections.abc import Mapping

import structlog

from gateway.adapter import Adapter
from gateway.channel import Channel
from gateway.commands import VERBS
from gateway.errors import SendError, StorageDown
from gateway.texts import TEXTS

_ALONE = ("start", "history", "forget")  # of no use in a group, refused there, or nobody else's business

log = structlog.get_logger()

Commands = Mapping[str, Mapping[str, str]]


async def show(channel: Channel) -> None:
    """Have the platform show this channel's commands, where it can. Failures do not matter for messages."""
    if type(channel.adapter).menu is Adapter.menu:
        return
    try:
        await channel.adapter.menu(commands(channel), commands(channel, in_groups=True))
    except (SendError, StorageDown) as error:
        log.warning("menu.failed", channel=channel.name, error=str(error))


def commands(channel: Channel, *, in_groups: bool = False) -> Commands:
    """What each command does, by language, "" for all others. Those that only some people may use are left out."""
    offered = [name for name in VERBS if _offered(channel, name, in_groups)]
    if not offered:
        return {}
    languages = ["", *(language for language in channel.settings.texts if language != "en")]
    return {language: _described(channel, language, offered) for language in languages}


def _offered(channel: Channel, name: str, in_groups: bool) -> bool:
    policy = channel.settings.commands
    if f"menu_{name}" not in TEXTS or (policy.enabled != "all" and name not in policy.enabled):
        return False
    if in_groups and (name in _ALONE or channel.settings.group.mode in ("off", "listen")):
        return False
    return policy.allow.get(name, "anyone") in ("anyone", "admins", "sender")


def _described(channel: Channel, language: str, names: list[str]) -> Mapping[str, str]:
    say = channel.say(language)
    return {name: said for name in names if (said := say(f"menu_{name}"))}
