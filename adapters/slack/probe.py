"""Checking an app's account with Slack: the tokens, what they may do, and whether events can come."""

from adapters.slack.options import Options
from adapters.slack.sdk import Answer, Sdk
from gateway.adapter import Finding
from gateway.errors import Refused, SendError

_NEEDED = ("chat:write", "im:history", "app_mentions:read")
_USED = {
    "users:read": "names of users are not known",
    "files:read": "files that users send cannot be read",
    "files:write": "files cannot be sent",
    "reactions:write": "reactions cannot be put on messages",
    "reactions:read": "👍 and 👎 below answers are not heard of",
    "channels:history": "in threads the bot must be mentioned every time",
    "groups:history": "in threads of private channels the bot must be mentioned every time",
}
_TOKEN = "Slack: OAuth & Permissions, Bot User OAuth Token; set it as `bot_token`."  # noqa: S105
_APP = "Slack: Basic Information, App-Level Tokens, scope connections:write; set it as `app_token`."
_SCOPES = "Slack: OAuth & Permissions, Scopes; add it and install the app again."


async def findings(sdk: Sdk, options: Options, tokens: dict[str, str], url: str) -> list[Finding]:
    """One line for each thing looked at. Raises nothing: what cannot be asked is a finding too."""
    found: list[Finding] = []
    for team, token in tokens.items():
        found += await _workspace(sdk, team, token)
    if options.mode == "socket" and options.app_token is not None:
        found.append(await _socket(sdk, options.app_token.get_secret_value()))
    elif options.mode == "http":
        found.append(_http(url))
    return found


async def _workspace(sdk: Sdk, team: str, token: str) -> list[Finding]:
    try:
        me = await sdk.ask(token, "auth.test", lambda client: client.auth_test())
    except SendError as error:
        return [_unreachable(error, _TOKEN)]
    who = f"@{me.text('user')} in {me.text('team')} ({me.text('team_id')})"
    if team and team != me.text("team_id"):
        return [Finding(False, f"the token under workspaces.{team} belongs to {who}", "Put it under its own team id.")]
    return [Finding(True, f"the token belongs to {who}"), *_rights(me)]


def _rights(me: Answer) -> list[Finding]:
    """Slack tells the scopes of a token in a header of every answer."""
    told = me.headers.get("x-oauth-scopes", "")
    scopes = {scope.strip() for scope in told.split(",")}
    if not told:
        return []
    lacking = [Finding(False, f"the scope {scope} is missing", _SCOPES) for scope in _NEEDED if scope not in scopes]
    return lacking + [
        Finding(True, f"without the scope {scope} {effect}", _SCOPES)
        for scope, effect in _USED.items()
        if scope not in scopes
    ]


async def _socket(sdk: Sdk, token: str) -> Finding:
    try:
        await sdk.ask(token, "apps.connections.open", lambda client: client.apps_connections_open(app_token=token))
    except SendError as error:
        return _unreachable(error, _APP)
    return Finding(True, "Socket Mode can be connected")


def _http(url: str) -> Finding:
    if not url:
        return Finding(False, "nobody can call us: server.public_url is not set", "Set it, or use mode: socket.")
    return Finding(True, f"set the app's request URLs (events, interactivity, slash commands) to {url}")


def _unreachable(error: SendError, remedy: str) -> Finding:
    wrong = isinstance(error, Refused) and error.reason in ("auth", "unsupported")
    return Finding(False, str(error), remedy if wrong else "Is api_base reachable from here?")
