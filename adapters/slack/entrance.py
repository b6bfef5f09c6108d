"""Learning who we are in every workspace: the tokens are tried, and what they belong to is remembered."""

from adapters.slack.options import Options
from adapters.slack.sdk import Sdk
from adapters.slack.workspace import Workspace, Workspaces
from gateway.errors import Refused, Retry, Unknown


def tokens(options: Options) -> dict[str, str]:
    """The tokens by team id; "" where the operator gave the only one without."""
    if options.bot_token is not None:
        return {"": options.bot_token.get_secret_value()}
    return {team: token.get_secret_value() for team, token in options.workspaces.items()}


async def enter(sdk: Sdk, options: Options, homes: Workspaces) -> str:
    """Get to know all workspaces; a word on those that did not let us in, while another one did.

    Raises `Refused("auth")` when none did, `Retry` when Slack could not be asked.
    """
    shut: list[str] = []
    for team, token in tokens(options).items():
        try:
            homes.know(await _meet(sdk, team, token))
        except Unknown as error:
            raise Retry(str(error)) from None
        except Refused as error:
            if error.reason not in ("auth", "unsupported"):
                raise Retry(str(error)) from None
            shut.append(f"{team}: {error}" if team else str(error))
    if len(shut) == len(tokens(options)):
        raise Refused("auth", "; ".join(shut))
    return "; ".join(shut)


async def _meet(sdk: Sdk, team: str, token: str) -> Workspace:
    me = await sdk.ask(token, "auth.test", lambda client: client.auth_test())
    found = Workspace(token, me.text("team_id"), me.text("user_id"), me.text("bot_id"), me.text("user"))
    if not found.team or not found.user:
        raise Retry("auth.test: an answer without ids")
    if team and team != found.team:
        raise Refused("auth", f"the token belongs to {found.team}")
    return found
