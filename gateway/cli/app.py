"""All commands, and those that stand alone."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import configured
from gateway.cli.backups import backup, restore
from gateway.cli.configured import USUAL, Config
from gateway.cli.keys import keys
from gateway.cli.line import line
from gateway.cli.participants import participants
from gateway.cli.queues import dead, inbox, outbox
from gateway.cli.sessions import sessions
from gateway.cli.shown import FINDING, Json, as_json, complain, give_up, say, table
from gateway.cli.tokens import tokens

app = typer.Typer(
    name="gateway",
    help="One durable, ordered road between chat platforms and the bots behind them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
for name, group in (
    ("sessions", sessions),
    ("participants", participants),
    ("inbox", inbox),
    ("outbox", outbox),
    ("dead", dead),
    ("keys", keys),
    ("tokens", tokens),
):
    app.add_typer(group, name=name)
app.command()(backup)
app.command()(restore)


@app.callback()
def _before(config: Config = "") -> None:
    """One durable, ordered road between chat platforms and the bots behind them."""
    configured.named_before(config)


@app.command()
def run(
    config: Config = "",
    strict: Annotated[
        bool, typer.Option("--strict-boot", help="Do not begin with what last worked when the file cannot be used.")
    ] = False,
) -> None:
    """Serve until asked to stop (SIGTERM or Ctrl-C; a second one ends at once)."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until we follow the file: then it is looked at by itself
    from gateway.cli.running import serve

    serve(configured.path(config), strict=strict)


@app.command()
def reload(config: Config = "", json: Json = False) -> None:
    """Let the running gateway read its configuration again. Exit 2: it cannot be used, and nothing has changed."""
    with line(config) as gateway:
        found = gateway.ask("POST", "reload")
    if json:
        as_json(found)
        return
    say(f"{found['outcome']}{': ' if found['changed'] else ''}{', '.join(found['changed'])}")
    if found["later"]:
        complain(f"takes effect when the gateway is started again: {', '.join(found['later'])}")


@app.command()
def check(config: Config = "", json: Json = False) -> None:
    """Check the configuration. Exit 0: well, 2: it cannot be used."""
    from gateway.check import check

    report = check(configured.path(config), os.environ)
    print(report.json()) if json else say(report.text())
    raise typer.Exit(report.exit_code)


@app.command()
def init(file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(USUAL)) -> None:
    """Write a commented configuration to begin with. Nothing is ever overwritten."""
    from gateway.starter import NotWritten, write_starter

    try:
        write_starter(file)
    except NotWritten as error:
        give_up(f"error: {error}")
    run = "gateway run" if file == Path(USUAL) else f"gateway run -c {file}"
    say(f"{file} is written. Start it: {run}")


@app.command()
def migrate(config: Config = "", json: Json = False) -> None:
    """Make the store, or bring its schema up to date. Every start does that too."""
    from gateway.db import migrations

    with line(config, create=True) as gateway:
        served = gateway.ask("GET", "status")["state"] != "stopped"
    if served:
        complain("a gateway runs on this store: it brought it up to date when it started")
        raise typer.Exit(FINDING)
    newest = migrations()[-1][0]
    as_json({"schema": newest}) if json else say(f"the schema is version {newest}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from gateway.settings import schema

    as_json(schema())


@app.command()
def version(json: Json = False) -> None:
    """Print the version."""
    from importlib.metadata import version

    found = version("chat-gateway")
    as_json({"version": found}) if json else say(f"chat-gateway {found}")


@app.command()
def talk(
    config: Config = "",
    channel: Annotated[str, typer.Option(help="The channel to pretend to be; else the first one.")] = "",
    user: Annotated[str, typer.Option("--as", metavar="USER", help="Who speaks.")] = "you",
    group: Annotated[str, typer.Option(help="Speak in a group of this id; say @bot to address the bot.")] = "",
) -> None:
    """Talk to a bot here, by the real path, but with a store of its own and without the platform's network."""
    from gateway.cli.talking import converse

    converse(configured.settings(config), channel, user, group)


@app.command()
def status(config: Config = "", json: Json = False) -> None:
    """How the gateway, its channels and its bots do. Exit 1 when one of them does not do well."""
    with line(config) as gateway:
        found = gateway.ask("GET", "status")
    ill = [c["name"] for c in found["channels"] if c["state"] not in ("up", "starting", "stopped") or c["rolled_back"]]
    ill += [bot["name"] for bot in found["bots"] if bot["state"] == "open"]
    ill += [f"disk of {space['folder']} ({space['free'] >> 20} MB free)" for space in found["disk"] if space["low"]]
    if json:
        as_json(found)
    else:
        dead = found["dead"]
        say(f"{found['state']}, version {found['version']}, {found['turns']['running']} turns running")
        say(f"dead letters: {dead['inbox']} in, {dead['outbox']} out")
        if found["restored"]:
            say(f"restored: what was said before {found['restored']} is held back, see gateway dead list")
        if (redis := found["redis"]) is not None:
            say(f"redis at {redis['server']}: {'up' if redis['up'] else 'away, all goes on without it'}")
        rows = [{**row, **{f"in_{box}": count for box, count in row["waiting"].items()}} for row in found["channels"]]
        columns = {"name": "CHANNEL", "platform": "PLATFORM", "state": "STATE", "last_receive": "LAST RECEIVE"}
        table(rows, {**columns, "in_inbox": "INBOX", "in_outbox": "OUTBOX", "detail": "DETAIL"}, "no channels")
        table(found["bots"], {"name": "BOT", "kind": "KIND", "state": "STATE", "running": "RUNNING"}, "no bots")
    if ill and found["state"] != "stopped":
        complain(f"not well: {', '.join(ill)}")
        raise typer.Exit(FINDING)


@app.command()
def channels(config: Config = "", json: Json = False) -> None:
    """What the platform of each channel can do, as its adapter declares it."""
    from gateway.cli.abilities import abilities

    found = abilities(configured.settings(config))
    if json:
        as_json({"channels": found})
        return
    rows = [{**row, **(row["can"] or {}), "places": " ".join((row["can"] or {}).get("places", ()))} for row in found]
    wide = ("name", "platform", "bot", "places", "text", "unit", "dialect")
    table(rows, {key: key.upper() for key in wide}, "no channels")
    say("")
    able: tuple[str, ...] = (
        "groups",
        "threads",
        "edit",
        "delete",
        "draft",
        "typing",
        "buttons",
        "reactions",
        "receipts",
        "voice",
    )
    able += ("files_in", "files_out")
    table(rows, {"name": "NAME", **{key: key.upper().replace("_", " ") for key in able}}, "no channels")
    for row in found:
        if row["fault"]:
            complain(f"{row['name']}: {row['fault']}")
