"""`gateway keys`"""

from typing import Annotated

import typer

from gateway.cli.configured import Config
from gateway.cli.line import line
from gateway.cli.shown import USAGE, Json, as_json, complain, give_up, moments, say, table

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys of operators and of calling programs.")

ROLES = ("viewer", "operator", "admin")


@keys.command("create")
def _create(
    config: Config = "",
    json: Json = False,
    role: Annotated[str, typer.Option(help="For an operator: viewer, operator or admin.")] = "",
    channel: Annotated[str, typer.Option(help="For a program that calls this channel.")] = "",
    name: Annotated[str, typer.Option(help="Whose it is.")] = "",
) -> None:
    """Make a key. It is shown now, and never again."""
    if bool(role) == bool(channel) or (role and role not in ROLES):
        give_up(f"give --role ({', '.join(ROLES)}) for an operator, or --channel for a calling program", USAGE)
    with line(config, create=True) as gateway:
        made = gateway.ask("POST", "keys", role=role or "caller", channel=channel, name=name)
    if json:
        as_json(made)
        return
    say(made["key"])
    complain(f"Key {made['id']} ({made['role']}). Keep it well: it is not shown again.")


@keys.command("list")
def _list(config: Config = "", json: Json = False) -> None:
    """All keys by their ids; what they are is not kept."""
    with line(config) as gateway:
        found = gateway.ask("GET", "keys")
    if json:
        as_json(found)
        return
    columns = {"id": "KEY", "role": "ROLE", "channel": "CHANNEL", "name": "NAME", "created_at": "CREATED"}
    table(moments(found["keys"], "created_at", "revoked_at"), {**columns, "revoked_at": "REVOKED"}, "no keys")


@keys.command("revoke")
def _revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as `gateway keys list` shows it.")],
    config: Config = "",
    json: Json = False,
) -> None:
    """From now on this key opens nothing."""
    with line(config) as gateway:
        done = gateway.ask("DELETE", "keys", key)
    as_json(done) if json else say(f"{key} is revoked")
