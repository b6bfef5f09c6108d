"""How the gateway does, at one look."""

from importlib.metadata import version
from typing import Any

from gateway.db import Tx
from gateway.operations import channels, configuration
from gateway.operations.office import Office, moment

NAME = "chat-gateway"


async def status(office: Office) -> Any:
    """The process, its store, its Redis, its turns, and how every channel and bot does."""
    c = office.corridor
    stored = await c.db.read(_stored)
    state = "draining" if c.desk.draining else "running" if office.running else "stopped"
    return {
        "state": state,
        "version": version(NAME),
        "turns": {"running": c.desk.taken, "workers": c.desk.places},
        "watching": len(c.live),
        "journal": None if office.router.spool is None else office.router.spool.rows,
        **stored,
        "disk": [space._asdict() for space in c.disk.spaces()],
        "restored": moment(c.recovering),
        "redis": None if c.redis is None else {"server": c.redis.place, "up": c.redis.up},
        "config": None if office.reloading is None else configuration.shown(office.reloading.last),
        "warnings": [str(warning) for warning in office.settings.warnings],
        "channels": await channels.health(office),
        "bots": channels.bot_health(office),
    }


def _stored() -> Tx[dict[str, Any]]:
    dead = yield "SELECT COUNT(*) FROM inbox WHERE state = 'dead'", ()
    odd = yield "SELECT COUNT(*) FROM outbox WHERE state IN ('unconfirmed', 'dead')", ()
    return {"dead": {"inbox": dead[0][0], "outbox": odd[0][0]}}
