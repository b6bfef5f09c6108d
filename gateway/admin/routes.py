"""The routes of /admin/api: which role may do what, and which operation does it. The command line asks here too."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

from gateway.admin import changes
from gateway.admin.query import Asked, Query, entry_number
from gateway.errors import Problem
from gateway.operations import (
    channels,
    configuration,
    dead,
    dossier,
    dropped,
    ending,
    keys,
    participants,
    queues,
    sessions,
    status,
    tokens,
    transcript,
)
from gateway.operations.keys import RANKS
from gateway.operations.office import Office
from gateway.operations.queues import Sought
from gateway.operations.sessions import Wanted

PREFIX = "/admin/api"


class WrongMethod(Problem):
    """The path is right, and takes only the methods in `allow`."""

    def __init__(self, allow: str) -> None:
        super().__init__(405, "method_not_allowed", f"this route takes {allow}")
        self.allow = allow


class Document(NamedTuple):
    """An answer that is no JSON."""

    text: str
    type: str
    name: str


Handler = Callable[[Office, Asked], Awaitable[Any]]


class Route(NamedTuple):
    """`path` has no leading slash; `role` is the least that may use it."""

    method: str
    path: str
    role: str
    handler: Handler

    @property
    def steps(self) -> list[str]:
        return self.path.split("/")


async def _status(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await status.status(office)


async def _reload(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await configuration.reload(office)


async def _channels(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await channels.channels(office)


async def _bots(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await channels.bots(office)


async def _sessions(office: Office, asked: Asked) -> Any:
    query = asked.query
    states = query.text("state")
    wanted = Wanted(
        query.text("channel"),
        query.text("bot"),
        query.text("participant"),
        tuple(states.split(",")) if states else (),
        query.duration("active"),
    )
    if set(wanted.states) - set(sessions.STATES):
        raise Problem(400, "bad_parameter", f"state is one or more of {','.join(sessions.STATES)}")
    page = query.page((int, str))
    query.done()
    return await sessions.listed(office, wanted, page)


async def _session(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await sessions.shown(office, asked.names["session"])


async def _history(office: Office, asked: Asked) -> Any:
    after = asked.query.number("after", -1, -1, 1 << 53)
    limit = asked.query.number("limit", 50, 1, sessions.MOST_LINES)
    asked.query.done()
    return await sessions.lines(office, asked.names["session"], after, limit)


async def _vars(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await sessions.variables(office, asked.names["session"])


async def _export(office: Office, asked: Asked) -> Any:
    format = asked.query.choice("format", transcript.FORMATS, "txt")
    asked.query.done()
    text = await transcript.export(office, asked.names["session"], format)
    return Document(text, transcript.FORMATS[format], f"session.{format}")


async def _reset(office: Office, asked: Asked) -> Any:
    farewell = asked.query.text("farewell", longest=ending.LONGEST_FAREWELL)
    asked.query.done()
    return await ending.reset(office, asked.names["session"], farewell)


async def _close(office: Office, asked: Asked) -> Any:
    farewell = asked.query.text("farewell", longest=ending.LONGEST_FAREWELL)
    asked.query.done()
    return await ending.close(office, asked.names["session"], farewell)


async def _participants(office: Office, asked: Asked) -> Any:
    query = asked.query
    wanted = participants.Wanted(query.text("channel"), query.text("bot"), query.text("user"))
    page = query.page((int, str))
    query.done()
    return await participants.listed(office, wanted, page)


async def _erase(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await participants.erase(office, asked.names["participant"])


async def _give(office: Office, asked: Asked) -> Any:
    asked.query.done()
    text = await dossier.export(office, asked.names["participant"])
    return Document(text, "application/json", "participant.json")


def _block(*, blocked: bool) -> Handler:
    async def done(office: Office, asked: Asked) -> Any:
        asked.query.done()
        return await participants.block(office, asked.names["participant"], blocked=blocked)

    return done


async def _revoke_tokens(office: Office, asked: Asked) -> Any:
    whose = {name: asked.query.text(name) for name in ("session", "participant", "channel")}
    asked.query.done()
    return await tokens.revoke(office, **whose)


def _sought(query: Query, *, state: bool) -> Sought:
    return Sought(
        query.text("channel"), query.text("reason"), query.duration("age"), query.text("state") if state else ""
    )


def _box(box: str) -> Handler:
    async def listed(office: Office, asked: Asked) -> Any:
        sought, page = _sought(asked.query, state=True), asked.query.page((int,))
        asked.query.done()
        return await queues.listed(office, box, sought, page)

    return listed


async def _dead(office: Office, asked: Asked) -> Any:
    box = asked.query.choice("box", queues.DEAD)
    sought, page = _sought(asked.query, state=False), asked.query.page((int, str, int))
    asked.query.done()
    return await queues.dead(office, (box,) if box else tuple(queues.DEAD), sought, page)


async def _dropped(office: Office, asked: Asked) -> Any:
    query = asked.query
    missed = dropped.Missed(query.text("channel"), query.text("reason"), query.text("event"), query.duration("age"))
    page = query.page((int,))
    query.done()
    return await dropped.listed(office, missed, page)


def _letter(act: Callable[[Office, str, int], Awaitable[Any]]) -> Handler:
    async def done(office: Office, asked: Asked) -> Any:
        asked.query.done()
        box = asked.names["box"]
        if box not in queues.DEAD:
            raise Problem(404, "entry_unknown", "dead letters are named inbox/<number> or outbox/<number>")
        return await act(office, box, entry_number(asked.names["id"]))

    return done


async def _keys(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await keys.listed(office)


async def _create_key(office: Office, asked: Asked) -> Any:
    role, channel, name = (asked.query.text(part, longest=200) for part in ("role", "channel", "name"))
    asked.query.done()
    return await keys.create(office, role, channel, name)


async def _revoke_key(office: Office, asked: Asked) -> Any:
    asked.query.done()
    return await keys.revoke(office, asked.names["id"])


ROUTES = (
    Route("GET", "status", "viewer", _status),
    Route("POST", "reload", "operator", _reload),
    Route("GET", "channels", "viewer", _channels),
    Route("GET", "bots", "viewer", _bots),
    Route("GET", "sessions", "viewer", _sessions),
    Route("GET", "sessions/{session}", "viewer", _session),
    Route("GET", "sessions/{session}/history", "viewer", _history),
    Route("GET", "sessions/{session}/vars", "viewer", _vars),
    Route("GET", "sessions/{session}/export", "viewer", _export),
    Route("POST", "sessions/{session}/reset", "operator", _reset),
    Route("POST", "sessions/{session}/close", "operator", _close),
    Route("POST", "sessions/{session}/resolve", "operator", changes.resolve),
    Route("PATCH", "sessions/{session}", "operator", changes.label),
    Route("GET", "participants", "viewer", _participants),
    Route("PATCH", "participants/{participant}/data", "operator", changes.profile),
    Route("POST", "participants/{participant}/erase", "admin", _erase),
    Route("GET", "participants/{participant}/export", "operator", _give),
    Route("POST", "participants/{participant}/block", "operator", _block(blocked=True)),
    Route("POST", "participants/{participant}/unblock", "operator", _block(blocked=False)),
    Route("POST", "tokens/revoke", "operator", _revoke_tokens),
    Route("GET", "inbox", "viewer", _box("inbox")),
    Route("GET", "dropped", "viewer", _dropped),
    Route("GET", "outbox", "viewer", _box("outbox")),
    Route("GET", "dead", "viewer", _dead),
    Route("GET", "dead/{box}/{id}", "viewer", _letter(dead.shown)),
    Route("POST", "dead/{box}/{id}/requeue", "operator", _letter(dead.requeue)),
    Route("POST", "dead/{box}/{id}/discard", "operator", _letter(dead.discard)),
    Route("GET", "keys", "admin", _keys),
    Route("POST", "keys", "admin", _create_key),
    Route("DELETE", "keys/{id}", "admin", _revoke_key),
)


def match(method: str, steps: Sequence[str]) -> tuple[Route, dict[str, str]]:
    """The route of a path, given as its decoded steps. Raises `Problem` 404, or 405 naming the methods there are."""
    others = []
    for route in ROUTES:
        names = _fits(route.steps, steps)
        if names is None:
            continue
        if route.method == ("GET" if method == "HEAD" else method):
            return route, names
        others.append(route.method)
    if others:
        raise WrongMethod(", ".join(sorted(others)))
    raise Problem(404, "route_unknown", f"there is nothing here; the API stands at {PREFIX}/status and beside it")


def _fits(wanted: Sequence[str], steps: Sequence[str]) -> dict[str, str] | None:
    if len(wanted) != len(steps):
        return None
    names = {}
    for pattern, step in zip(wanted, steps, strict=True):
        if pattern.startswith("{"):
            names[pattern[1:-1]] = step
        elif pattern != step:
            return None
    return names if all(names.values()) else None


def may(role: str, needed: str) -> bool:
    """Whether a role may do what another one may."""
    return RANKS.get(role, 0) >= RANKS[needed]


async def answer(office: Office, route: Route, names: Mapping[str, str], given: Mapping[str, Any]) -> Any:
    """Do what a route is for: JSON data, or a `Document`. Raises `Problem`."""
    for name in names.values():
        Query({"path": name}).text("path")
    return await route.handler(office, Asked(names, Query(given)))
