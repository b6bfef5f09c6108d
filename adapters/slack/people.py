"""Who speaks: Slack's events carry ids, so names are asked for once and remembered for a while."""

import asyncio
from collections import OrderedDict
from typing import NamedTuple
from weakref import WeakValueDictionary

from adapters.slack.sdk import Found, Sdk
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.message import Sender

_KNOWN = 20_000
_DAY = 24 * 3600 * 1000
_SOON = 600 * 1000  # ms until a name that could not be had is asked for again
_PATIENCE = 1.0  # seconds; Slack waits for our word on the message meanwhile, and not for long


class _Person(NamedTuple):
    sender: Sender
    until: int


class People:
    """Names of the users of all workspaces; asked for in the order in which they spoke."""

    def __init__(self, gate: Gate, sdk: Sdk) -> None:
        self._gate, self._sdk = gate, sdk
        self._known: OrderedDict[tuple[str, str], _Person] = OrderedDict()
        self._asking: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def sender(self, home: Workspace, user: str, name: str = "") -> Sender:
        """The sender, with as much as can be learnt in a second; `name` is what the event itself says."""
        key = (home.team, user)
        found = self._known.get(key)
        if found is None or found.until < self._gate.now():
            lock = self._asking.get(key)
            if lock is None:
                lock = self._asking[key] = asyncio.Lock()
            async with lock:
                found = self._known.get(key)
                if found is None or found.until < self._gate.now():
                    found = await self._ask(home, user, name)
                    self._remember(key, found)
        return found.sender

    async def is_admin(self, home: Workspace, user: str) -> bool:
        """Whether a user is an owner or administrator of the workspace. Raises `Retry` when Slack does not say."""
        try:
            found = await self._info(home, user, 10)
        except (Unknown, Refused) as error:
            if isinstance(error, Refused) and error.reason == "gone":
                return False
            raise Retry(str(error)) from None
        person = found.get("user") or {}
        return any(person.get(right) is True for right in ("is_admin", "is_owner", "is_primary_owner"))

    async def _ask(self, home: Workspace, user: str, name: str) -> _Person:
        try:
            found = await self._info(home, user, _PATIENCE)
        except SendError:
            return _Person(Sender(id=user, name=name), self._gate.now() + _SOON)
        return _Person(_described(user, name, found), self._gate.now() + _DAY)

    async def _info(self, home: Workspace, user: str, seconds: float) -> Found:
        return await self._sdk.ask(
            home.token, "users.info", lambda client: client.users_info(user=user, include_locale=True), seconds
        )

    def _remember(self, key: tuple[str, str], person: _Person) -> None:
        self._known[key] = person
        self._known.move_to_end(key)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _described(user: str, name: str, found: Found) -> Sender:
    display, real = found.text("user", "profile", "display_name"), found.text("user", "profile", "real_name")
    mail, zone = found.text("user", "profile", "email"), found.text("user", "tz")
    person = found.get("user")
    return Sender(
        id=user,
        name=display or real or found.text("user", "real_name") or name or found.text("user", "name"),
        username=found.text("user", "name"),
        language=found.text("user", "locale"),
        bot=isinstance(person, dict) and person.get("is_bot") is True,
        profile={key: value for key, value in (("email", mail), ("timezone", zone)) if value},
    )
