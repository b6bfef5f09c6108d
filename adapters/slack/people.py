"""Who speaks: Slack's events carry ids, so names are asked for once and remembered for a while."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from adapters.slack.kept import SOON, Found, Kept
from adapters.slack.sdk import Answer, Sdk
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.message import Sender

_KNOWN = 20_000
_PATIENCE = 1.0  # seconds; Slack waits for our word on the message meanwhile, and not for long


class _Person(NamedTuple):
    sender: Sender
    team: str  # in channels that organisations share, people of others speak too


class People:
    """Names of the users of all workspaces; asked for in the order in which they spoke."""

    def __init__(self, gate: Gate, sdk: Sdk) -> None:
        self._sdk = sdk
        self._known: Kept[_Person] = Kept(gate, _KNOWN)

    async def sender(self, home: Workspace, user: str, name: str = "") -> Sender:
        """The sender, with as much as can be learnt in a second; `name` is what the event itself says."""
        return (await self._known.get((home.team, user), lambda: self._ask(home, user, name))).sender

    async def names(self, home: Workspace, users: Sequence[str]) -> dict[str, str]:
        """What these are called, as far as it can be learnt in a second."""
        found = await asyncio.gather(*(self.sender(home, user) for user in users))
        return {person.id: person.name for person in found if person.name}

    async def team(self, home: Workspace, user: str) -> str:
        """The workspace that a user belongs to."""
        return (await self._known.get((home.team, user), lambda: self._ask(home, user, ""))).team

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

    async def _ask(self, home: Workspace, user: str, name: str) -> Found[_Person]:
        try:
            answer = await self._info(home, user, _PATIENCE)
        except SendError:
            return Found(_Person(Sender(id=user, name=name), home.team), SOON)
        return Found(_Person(_described(user, name, answer), answer.text("user", "team_id") or home.team))

    async def _info(self, home: Workspace, user: str, seconds: float) -> Answer:
        return await self._sdk.ask(
            home.token, "users.info", lambda client: client.users_info(user=user, include_locale=True), seconds
        )


def _described(user: str, name: str, found: Answer) -> Sender:
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
