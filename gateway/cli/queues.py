"""`gateway inbox`, `gateway outbox`, `gateway dead`"""

from typing import Annotated, Any

import typer

from gateway.cli.configured import Config
from gateway.cli.line import Line, line
from gateway.cli.sessions import Cursor, Limit
from gateway.cli.shown import (
    FINDING,
    USAGE,
    Json,
    as_json,
    complain,
    confirmed,
    fields,
    give_up,
    moments,
    more,
    say,
    table,
)
from gateway.errors import Problem

inbox = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What was said and waits for an answer.")
outbox = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What waits to be sent.")
dead = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Dead letters: what was given up.")

Channel = Annotated[str, typer.Option(help="Of this channel.")]
Reason = Annotated[str, typer.Option(help="With this reason.")]
Age = Annotated[str, typer.Option(metavar="DURATION", help="At least so old: 30m, 2h, 7d.")]
State = Annotated[str, typer.Option(help="In this state, instead of all that waits.")]
Box = Annotated[str, typer.Option(help="Only of the inbox, or of the outbox.")]
Letters = Annotated[list[str], typer.Argument(metavar="LETTER...", help="inbox/12, outbox/7 ...")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_COLUMNS = {"letter": "ENTRY", "state": "STATE", "reason": "REASON", "attempts": "TRIES", "at": "SINCE", "key": "KEY"}


@inbox.command("list")
def _inbox(
    config: Config = "",
    json: Json = False,
    channel: Channel = "",
    reason: Reason = "",
    age: Age = "",
    state: State = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> None:
    """Messages that wait for an answer, oldest first."""
    _list("inbox", config, json, channel=channel, reason=reason, age=age, state=state, limit=limit, cursor=cursor)


@inbox.command("dropped")
def _dropped(
    config: Config = "",
    json: Json = False,
    channel: Channel = "",
    reason: Reason = "",
    event: Annotated[str, typer.Option(help="With this id of the platform's.")] = "",
    age: Age = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> None:
    """What was let go at the door, and why, the latest first. Of what it said nothing is kept."""
    with line(config) as gateway:
        wanted = {"channel": channel, "reason": reason, "event": event, "age": age}
        found = gateway.ask("GET", "dropped", **wanted, limit=limit, cursor=cursor)
    if json:
        as_json(found)
        return
    columns = {"event": "EVENT", "reason": "REASON", "channel": "CHANNEL", "chat": "CHAT", "at": "AT"}
    table(moments(found["dropped"], "at"), columns, "nothing was let go")
    more(found)


@outbox.command("list")
def _outbox(
    config: Config = "",
    json: Json = False,
    channel: Channel = "",
    reason: Reason = "",
    age: Age = "",
    state: State = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> None:
    """Parts that wait to be sent, oldest first."""
    _list("outbox", config, json, channel=channel, reason=reason, age=age, state=state, limit=limit, cursor=cursor)


@dead.command("list")
def _dead(
    config: Config = "",
    json: Json = False,
    box: Box = "",
    channel: Channel = "",
    reason: Reason = "",
    age: Age = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> None:
    """What was given up, newest first, with parts that may or may not have been sent (unconfirmed)."""
    _list("dead", config, json, box=box, channel=channel, reason=reason, age=age, limit=limit, cursor=cursor)


def _list(what: str, config: str, json: bool, **wanted: Any) -> None:
    with line(config) as gateway:
        found = gateway.ask("GET", what, **wanted)
    if json:
        as_json(found)
        return
    rows = [{**row, "letter": f"{row['box']}/{row['id']}"} for row in moments(found[what], "at")]
    table(rows, _COLUMNS, "nothing dead" if what == "dead" else "nothing waits")
    more(found)


@dead.command("show")
def _show(
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="inbox/12 or outbox/7")],
    config: Config = "",
    json: Json = False,
) -> None:
    """All that is kept of an entry: what it was, how often it was tried, what went wrong."""
    with line(config) as gateway:
        found = gateway.ask("GET", "dead", *_named(letter))
    as_json(found) if json else fields(found)


@dead.command("requeue")
def _requeue(
    letters: Letters = [],  # noqa: B006  (typer makes a new one)
    config: Config = "",
    json: Json = False,
    box: Box = "",
    channel: Channel = "",
    reason: Reason = "",
    age: Age = "",
    yes: Yes = False,
) -> None:
    """Try dead letters once more: those named, or all that fit the filters. Of many it asks first."""
    _each("requeue", letters, config, json, yes, box=box, channel=channel, reason=reason, age=age)


@dead.command("discard")
def _discard(
    letters: Letters = [],  # noqa: B006  (typer makes a new one)
    config: Config = "",
    json: Json = False,
    box: Box = "",
    channel: Channel = "",
    reason: Reason = "",
    age: Age = "",
    yes: Yes = False,
) -> None:
    """Let dead letters go: those named, or all that fit the filters. Of many it asks first."""
    _each("discard", letters, config, json, yes, box=box, channel=channel, reason=reason, age=age)


def _each(act: str, letters: list[str], config: str, json: bool, yes: bool, **wanted: str) -> None:
    if letters and any(wanted.values()):
        give_up("name letters, or filter them: not both", USAGE)
    if not letters and not any(wanted.values()) and not yes:
        give_up(f"name letters (inbox/12), filter them, or say --yes to {act} all", USAGE)
    named = [_named(letter) for letter in letters]
    done, failed = [], []
    with line(config) as gateway:
        chosen = named or _all(gateway, wanted)
        if len(chosen) > 1 and not confirmed(f"{act} {len(chosen)} letters?", yes=yes):
            raise typer.Exit(FINDING)
        for box, number in chosen:
            try:
                done.append(gateway.ask("POST", "dead", box, number, act))
            except Problem as problem:
                failed.append({"box": box, "id": number, "code": problem.code, "detail": problem.detail})
    _told(json, done, failed)


def _told(json: bool, done: list[Any], failed: list[dict[str, str]]) -> None:
    if json:
        as_json({"done": done, "failed": failed})
    else:
        for entry in done:
            say(f"{entry['box']}/{entry['id']}: {entry['state']}")
        for refusal in failed:
            complain(f"{refusal['box']}/{refusal['id']}: {refusal['detail']}")
        if not done and not failed:
            say("nothing dead")
    if failed:
        raise typer.Exit(FINDING)


def _all(gateway: Line, wanted: dict[str, str]) -> list[tuple[str, str]]:
    """Every letter that fits, over all pages, oldest first as they were said."""
    found: list[tuple[str, str]] = []
    cursor = ""
    while True:
        page = gateway.ask("GET", "dead", **wanted, limit=500, cursor=cursor)
        found += [(row["box"], str(row["id"])) for row in page["dead"]]
        if page["next"] is None:
            return found[::-1]
        cursor = page["next"]


def _named(letter: str) -> tuple[str, str]:
    box, _, number = letter.partition("/")
    if box not in ("inbox", "outbox") or not (number.isascii() and number.isdigit()):
        give_up(f"{letter}: a letter is named inbox/12 or outbox/7", USAGE)
    return box, number
