"""`gateway participants`"""

from json import loads
from typing import Annotated

import typer

from gateway.cli.configured import Config
from gateway.cli.line import line
from gateway.cli.shown import Json, as_json, confirmed, fields, moments, more, say, table

participants = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="People: list, block, export, erase.")

Which = Annotated[str, typer.Argument(metavar="PARTICIPANT", help="An id, as `list` shows it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@participants.command("list")
def _list(
    config: Config = "",
    json: Json = False,
    channel: Annotated[str, typer.Option(help="Of this channel.")] = "",
    bot: Annotated[str, typer.Option(help="Who met this bot.")] = "",
    user: Annotated[str, typer.Option(help="The platform's id of a person.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    cursor: Annotated[str, typer.Option(help="Where the page before ended.")] = "",
) -> None:
    """People, those met last first."""
    with line(config) as gateway:
        found = gateway.ask("GET", "participants", channel=channel, bot=bot, user=user, limit=limit, cursor=cursor)
    if json:
        as_json(found)
        return
    columns = {"id": "PARTICIPANT", "channel": "CHANNEL", "bot": "BOT", "user": "USER", "name": "NAME"}
    table(moments(found["participants"], "first_seen"), {**columns, "first_seen": "FIRST SEEN"}, "nobody")
    more(found)


@participants.command("block")
def _block(which: Which, config: Config = "", json: Json = False) -> None:
    """Take in nothing more that somebody writes, whatever the lists of the configuration say."""
    _blocked(which, config, json, "block")


@participants.command("unblock")
def _unblock(which: Which, config: Config = "", json: Json = False) -> None:
    """Take in again what somebody writes, as far as the lists of the configuration allow it."""
    _blocked(which, config, json, "unblock")


def _blocked(which: str, config: str, json: bool, act: str) -> None:
    with line(config) as gateway:
        done = gateway.ask("POST", "participants", which, act)
    as_json(done) if json else say(f"{which} is {act}ed")


@participants.command("export")
def _export(which: Which, config: Config = "") -> None:
    """Print everything that is known of a person as one JSON document, to be given to them."""
    with line(config) as gateway:
        found = gateway.ask("GET", "participants", which, "export")
    as_json(loads(found))


@participants.command("erase")
def _erase(
    which: Which,
    config: Config = "",
    json: Json = False,
    yes: Yes = False,
) -> None:
    """Delete everything that is known of a person; in groups their words are blanked. It cannot be undone."""
    if not confirmed(f"Erase everything that is known of {which}?", yes=yes):
        return
    with line(config) as gateway:
        done = gateway.ask("POST", "participants", which, "erase")
    if json:
        as_json(done)
        return
    say(f"{which} is erased")
    fields(done["erased"])
