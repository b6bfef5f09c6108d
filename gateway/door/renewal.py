"""A new session of the same conversation gets a new token, in the transaction that opens it; the old one dies."""

from typing import Any

from gateway import tokens
from gateway.db import Tx
from gateway.door.access import Visit
from gateway.door.house import House, life
from gateway.intake import Accepted, Effect, Outcome, Scene
from gateway.tokens import Grant


class Renewal:
    """The token that a visitor gets when what they ask for opens another session."""

    def __init__(self, visit: Visit) -> None:
        self._channel = visit.channel
        self._token = tokens.new_token()
        self._ttl = life(visit.channel, visit.held.level)

    def with_command(self, effect: Effect | None) -> Effect | None:
        """A command that goes on to give the token out when it has opened a session."""
        if effect is None:
            return None

        def act(scene: Scene) -> Tx[Outcome]:
            outcome = yield from effect(scene)
            if outcome.session not in (None, scene.lane.session):
                grant = Grant(self._channel.name, scene.lane.id, str(outcome.session), scene.participant, self._ttl)
                yield from tokens.issue(tokens.digest(self._token), grant, scene.arrival.now)
            return outcome

        return act

    def told(self, house: House, accepted: Accepted) -> dict[str, Any]:
        """What to tell the client: the new session, when there is one."""
        if not accepted.left or accepted.session == accepted.left:
            return {}
        session = {
            "session_id": accepted.session,
            "token": self._token,
            "expires_at": tokens.expiry(self._ttl, house.now),
            "channel": self._channel.name,
            "bot": self._channel.bot,
        }
        return {"session": session}
