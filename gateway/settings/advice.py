"""What an operator should know about a configuration that is otherwise well."""

from config import Document, Path, Problem
from gateway.adapter import Adapter
from gateway.settings.entries import ChannelSettings
from gateway.settings.groups import Manners
from gateway.settings.process import Process

DAY = 86_400  # seconds


def advice(document: Document, process: Process, channels: dict[str, ChannelSettings]) -> list[Problem]:
    """Warnings, each with its place."""
    found = [] if channels else [_at(document, ("channels",), "there is no channel: nobody can write")]
    if not process.admin.listen.loopback:
        said = "other machines can reach the admin listener, and only its keys keep them out"
        found.append(_at(document, ("admin", "listen"), said, "listen on 127.0.0.1"))
    for name, channel in channels.items():
        found += _of_channel(document, ("channels", name), channel)
    return sorted(found)


def _of_channel(document: Document, path: Path, channel: ChannelSettings) -> list[Problem]:
    found = []
    access = channel.access
    if channel.fault:
        found.append(_at(document, (*path, "platform"), f"the channel will not start: {channel.fault}"))
    if access.dm == "open" and channel.enabled:
        pace = "" if channel.limits.messages else ", as fast as they like"
        said = f"anyone may write to this channel{pace}, and every message may ask the bot"
        found.append(_at(document, path, said, "access.dm: allowlist admits only those it lists"))
    if access.dm == "allowlist" and not access.allow:
        found.append(_at(document, (*path, "access"), "its list of those who may write is empty: it admits nobody"))
    for kind, age in channel.retention:
        if age is not None and age < DAY:
            place = next(
                at for at in ((*path, "retention", kind), ("defaults", "retention", kind), path) if at in document
            )
            found.append(_at(document, place, f"{kind} are put away after less than a day, once a day", "1d or more"))
    if channel.plugin is not None and channel.plugin.is_admin is Adapter.is_admin:
        said = "this platform names no admins of groups: nobody may /reset there"
        blocks: dict[Path, Manners] = {
            ("group",): channel.group,
            **{("groups", name): one for name, one in channel.groups.items()},
        }
        for way, block in blocks.items():
            if (place := (*path, *way, "reset_by")) in document and block.reset_by == "admins":
                found.append(_at(document, place, said, "anyone, or sender: who began the conversation"))
    return found


def _at(document: Document, path: Path, message: str, hint: str = "") -> Problem:
    return Problem.at(document.where_key(path), path, document.hide(message), hint)
