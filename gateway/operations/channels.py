"""Channels and bots as operators see them: what they can do, and how they do."""

from typing import Any

from gateway import retention
from gateway.adapter import Adapter, Limits
from gateway.channel import Channel
from gateway.operations.office import Office, moment
from gateway.retention import Backlog
from gateway.settings import ChannelSettings
from gateway.units import Rate


async def channels(office: Office) -> Any:
    """Every configured channel: its platform's abilities as declared, its state, what waits."""
    waiting = await _waiting(office)
    return {"channels": [_channel(office, one, waiting) for one in office.settings.channels.values()]}


async def _waiting(office: Office) -> dict[tuple[str, str], Backlog]:
    found = await office.corridor.db.read(retention.backlogs)
    return {(backlog.box, backlog.channel): backlog for backlog in found}


def _channel(office: Office, settings: ChannelSettings, waiting: dict[tuple[str, str], Backlog]) -> Any:
    can = abilities(settings.plugin) if settings.plugin is not None else None
    return {**_health(office, settings, waiting), "can": can}


def _health(office: Office, settings: ChannelSettings, waiting: dict[tuple[str, str], Backlog]) -> Any:
    running, now = office.channel(settings.name), office.now()
    inbox, outbox = (waiting.get((box, settings.name)) for box in ("inbox", "outbox"))
    heard = running.heard_at if running else None
    return {
        "name": settings.name,
        "platform": settings.platform,
        "bot": settings.bot,
        "enabled": settings.enabled,
        "state": "fault" if settings.fault else running.state if running else "stopped",
        "detail": settings.fault or (_detail(running) if running else ""),
        "rolled_back": running.kept_because or None if running else None,
        "account": running.account if running else "",
        "last_receive": moment(heard),
        "last_send": moment(running.sent_at) if running else None,
        "deaf_seconds": None if heard is None else max(0, (now - heard) / 1000),
        "waiting": {"inbox": inbox.entries if inbox else 0, "outbox": outbox.entries if outbox else 0},
        "oldest_seconds": {"inbox": _age(inbox, now), "outbox": _age(outbox, now)},
    }


def _detail(running: Channel) -> str:
    kept = f"goes on as before, the new settings were refused: {running.kept_because}" if running.kept_because else ""
    return "; ".join(filter(None, (running.detail, kept)))


def _age(backlog: Backlog | None, now: int) -> float | None:
    return None if backlog is None else max(0, (now - backlog.oldest) / 1000)


async def health(office: Office) -> list[Any]:
    """How every configured channel does."""
    waiting = await _waiting(office)
    return [_health(office, settings, waiting) for settings in office.settings.channels.values()]


def abilities(plugin: type[Adapter]) -> dict[str, Any]:
    """What an adapter declares its platform can do."""
    limits: Limits = plugin.limits
    return {
        "places": {str(place): scope for place, scope in plugin.boundary.items()},
        "text": limits.text,
        "unit": limits.unit,
        "dialect": limits.dialect,
        "caption": limits.caption,
        "edit": limits.edit,
        "delete": limits.delete,
        "draft": limits.draft,
        "typing": limits.typing > 0,
        "reactions": limits.reactions,
        "buttons": limits.buttons,
        "receipts": limits.receipts,
        "voice": limits.voice,
        "groups": limits.groups,
        "threads": limits.threads,
        "many_sessions": limits.many_sessions,
        "files_in": limits.files_in,
        "files_out": limits.files_out,
        "resend_is_safe": limits.resend_is_safe,
        "rates": {
            "account": _rate(limits.account_rate),
            "chat": _rate(limits.chat_rate),
            "group": _rate(limits.group_rate),
        },
    }


def _rate(rate: Rate | None) -> str | None:
    return None if rate is None else f"{rate.count:g} in {rate.seconds:g} s"


async def bots(office: Office) -> Any:
    """Every configured bot: its kind, how many of its turns run, and its circuit."""
    return {"bots": bot_health(office)}


def bot_health(office: Office) -> list[Any]:
    """How every configured bot does."""
    shown = []
    for name, settings in office.settings.bots.items():
        engaged = name in office.corridor.bots
        seats = office.corridor.desk.seats(name) if engaged else None
        shown.append(
            {
                "name": name,
                "kind": settings.kind,
                "state": "stopped" if seats is None else "open" if seats.breaker.open else "up",
                "running": seats.taken if seats else 0,
                "concurrency": settings.concurrency,
                "retry_in": round(seats.breaker.wait(), 1) if seats else 0,
            }
        )
    return shown
