"""Learning who we are in every workspace: the tokens are tried, and what they belong to is remembered."""

from contextlib import suppress

from adapters.slack.options import Options
from adapters.slack.sdk import Sdk
from adapters.slack.workspace import Workspace, Workspaces
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown

CHECK = 300.0  # seconds between two looks at tokens with which Slack calls us ...
PATIENCE = 20.0  # ... and that a look at one of them may take
SHUT = 900.0  # seconds until a workspace that refused us is tried again, while others go on


def tokens(options: Options) -> dict[str, str]:
    """The tokens by team id; "" where the operator gave the only one without."""
    if options.bot_token is not None:
        return {"": options.bot_token.get_secret_value()}
    return {team: token.get_secret_value() for team, token in options.workspaces.items()}


class Entrance:
    """Into all workspaces of one channel. `shut` is a word on those that did not let us in, while another one did;
    `known` whether all have been asked once: until then nobody can tell whose an event is.
    """

    def __init__(self, gate: Gate, sdk: Sdk, options: Options, homes: Workspaces) -> None:
        self._gate, self._sdk, self._homes = gate, sdk, homes
        self._tokens = tokens(options)
        self.shut = ""
        self.known = False

    @property
    def looks_every(self) -> float:
        """Seconds within which `watch` has asked everywhere once more."""
        return CHECK + PATIENCE * len(self._tokens)

    async def enter(self) -> None:
        """Get to know all workspaces. Raises `Refused("auth")` when none let us in, `Retry` when Slack is away."""
        shut: list[str] = []
        for team, token in self._tokens.items():
            try:
                self._homes.know(await self._meet(team, token))
            except Unknown as error:
                raise Retry(str(error)) from None
            except Refused as error:
                if error.reason not in ("auth", "unsupported"):
                    raise Retry(str(error)) from None
                shut.append(f"{team}: {error}" if team else str(error))
        self.shut = "; ".join(shut)
        if len(shut) == len(self._tokens):
            raise Refused("auth", self.shut)
        self.known = True

    def up(self) -> None:
        """Tell that events come."""
        self._gate.health("up", self.shut)

    async def watch(self) -> None:
        """Look every few minutes whether the tokens still hold. Raises what `enter` raises."""
        while True:
            self.up()
            await self._gate.pause(CHECK)
            await self.enter()
            self._gate.heard()

    async def knock(self) -> None:
        """Try again and again while we are shut out somewhere; raises nothing."""
        while self.shut:
            await self._gate.pause(SHUT)
            with suppress(SendError):
                await self.enter()
                self.up()

    async def _meet(self, team: str, token: str) -> Workspace:
        me = await self._sdk.ask(token, "auth.test", lambda client: client.auth_test())
        own = "enterprise_id" if me.get("is_enterprise_install") is True else "team_id"  # one token for all its teams
        found = Workspace(token, me.text(own), me.text("user_id"), me.text("bot_id"), me.text("user"))
        if not found.team or not found.user:
            raise Retry("auth.test: an answer without ids")
        if team and team != found.team:
            raise Refused("auth", f"the token belongs to {found.team}")
        return found
