"""`gateway tokens`"""

from typing import Annotated

import typer

from gateway.cli.configured import Config
from gateway.cli.line import line
from gateway.cli.shown import USAGE, Json, as_json, give_up, say

tokens = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What opens visitors their conversations.")


@tokens.callback()
def _group() -> None:
    """What opens visitors their conversations: the tokens that browsers hold."""


@tokens.command("revoke")
def _revoke(
    config: Config = "",
    json: Json = False,
    session: Annotated[str, typer.Option(help="The token of this session, by its id or key.")] = "",
    participant: Annotated[str, typer.Option(help="All tokens of this person.")] = "",
    channel: Annotated[str, typer.Option(help="All tokens of this channel.")] = "",
) -> None:
    """From now on these tokens open nothing: whoever holds one begins anew. Conversations stay as they are."""
    if sum(map(bool, (session, participant, channel))) != 1:
        give_up("give one of them: --session, --participant or --channel", USAGE)
    with line(config) as gateway:
        done = gateway.ask("POST", "tokens", "revoke", session=session, participant=participant, channel=channel)
    as_json(done) if json else say(f"{done['revoked']} revoked")
