"""`gateway sessions`"""

from typing import Annotated

import typer

from gateway.cli.configured import Config
from gateway.cli.line import line
from gateway.cli.shown import Json, as_json, fields, moments, more, say, table

sessions = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Conversations: list, read, end them.")

Which = Annotated[str, typer.Argument(metavar="SESSION", help="An id, or a key: its open session, else the newest.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="At most so many.")]
Cursor = Annotated[str, typer.Option(help="Where the page before ended.")]
Farewell = Annotated[str, typer.Option(help="Words for the user.")]


@sessions.command("list")
def _list(
    config: Config = "",
    json: Json = False,
    active: Annotated[str, typer.Option(metavar="DURATION", help="Used within 30m, 2h, 7d.")] = "",
    channel: Annotated[str, typer.Option(help="Of this channel.")] = "",
    bot: Annotated[str, typer.Option(help="Of this bot.")] = "",
    state: Annotated[str, typer.Option(help="active, dormant, handoff, closed, expired; several with commas.")] = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> None:
    """Sessions, most recently used first."""
    with line(config) as gateway:
        wanted = {"active": active, "channel": channel, "bot": bot, "state": state}
        found = gateway.ask("GET", "sessions", **wanted, limit=limit, cursor=cursor)
    if json:
        as_json(found)
        return
    columns = {"id": "SESSION", "state": "STATE", "message_count": "MESSAGES", "last_activity": "LAST USED"}
    table(moments(found["sessions"], "last_activity"), {**columns, "key": "KEY"}, "no sessions")
    more(found)


@sessions.command("show")
def _show(which: Which, config: Config = "", json: Json = False) -> None:
    """Everything about a session but what was said in it."""
    with line(config) as gateway:
        found = gateway.ask("GET", "sessions", which)
    as_json(found) if json else fields(found)


@sessions.command("history")
def _history(
    which: Which,
    config: Config = "",
    json: Json = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many lines.")] = 50,
    after: Annotated[int | None, typer.Option(min=0, help="Lines after this position; else the last ones.")] = None,
) -> None:
    """What was said in a session."""
    with line(config) as gateway:
        found = gateway.ask("GET", "sessions", which, "history", limit=limit, after=after)
    if json:
        as_json(found)
        return
    for message in moments(found["messages"], "at"):
        who = message.get("name") or message["role"]
        flag = f" ({message['flag']})" if "flag" in message else ""
        say(f"{message['seq']}  {message['at']}  {who}{flag}: {message['text']}")


@sessions.command("vars")
def _vars(which: Which, config: Config = "", json: Json = False) -> None:
    """The variables and the context that the bot keeps with a session."""
    with line(config) as gateway:
        found = gateway.ask("GET", "sessions", which, "vars")
    context = {f"context.{name}": value for name, value in found["context"].items()}
    as_json(found) if json else fields({**found["variables"], **context})


@sessions.command("reset")
def _reset(which: Which, config: Config = "", json: Json = False, farewell: Farewell = "") -> None:
    """End a session and open the next one: nothing said before is known in it."""
    with line(config) as gateway:
        done = gateway.ask("POST", "sessions", which, "reset", farewell=farewell)
    as_json(done) if json else say(f"{done['closed']} is closed; {done['session']} is open")


@sessions.command("close")
def _close(which: Which, config: Config = "", json: Json = False, farewell: Farewell = "") -> None:
    """End a session; the next message opens another one."""
    with line(config) as gateway:
        done = gateway.ask("POST", "sessions", which, "close", farewell=farewell)
    as_json(done) if json else say(f"{done['closed']} is closed")


@sessions.command("export")
def _export(
    which: Which,
    config: Config = "",
    format: Annotated[str, typer.Option(help="txt, md or json.")] = "txt",
) -> None:
    """A whole conversation as a document."""
    with line(config) as gateway:
        text = gateway.ask("GET", "sessions", which, "export", format=format)
    say(text.rstrip("\n"))
