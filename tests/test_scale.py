"""A million stored sessions make nothing slower: every statement takes the same steps as among few, by an index."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.clock import Clock
from gateway.db.sqlite_file import connect
from gateway.housekeeping import Housekeeping
from tests.crowd import DAY, gather
from tests.doors import Visitor, running
from tests.operators import Desk
from tests.postgres import CHOSEN
from tests.uploads import upload
from tests.weighing import Scales, scans, weighing

YAML = """
server: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
storage: {url: sqlite:///gateway.db, files: files}
bots: {b: {kind: echo}}
channels:
  p: {platform: tests.paper, bot: b, sheet: "SHEET", limits: {send: off, messages: off}}
  site: {platform: web, bot: b, limits: {messages: off}}
  brief: {platform: web, bot: b, session: {expire: {anonymous: 30m}}}
  partners: {platform: api, bot: b, limits: {messages: off}}
"""
pytestmark = pytest.mark.skipif(CHOSEN, reason="what is weighed is SQLite's work")

SESSIONS = int(os.environ.get("GW_SESSIONS", "30000"))  # a million in a long run
Weights = Mapping[str, list[int]]

# What a message passes through on its way; a scenario that no longer does these proves nothing.
MUST_RUN = (
    "INSERT INTO dedupe",
    "FROM lane WHERE key = ?1",
    "INSERT INTO inbox",
    "UPDATE lane SET in_holder = ?1, in_fence = in_fence + 1, in_due_at = ?2 WHERE id IN (SELECT",
    "UPDATE lane SET in_due_at = ?1 WHERE in_holder",
    "UPDATE lane SET out_due_at = ?1 WHERE out_holder",
    "FROM inbox WHERE lane = ?1 AND state = 'waiting'",
    "FROM message WHERE session = ?1",
    "INSERT INTO message",
    "UPDATE session SET next_message",
    "INSERT INTO outbox",
    "UPDATE outbox SET state = 'sent'",
    "FROM token t JOIN session",
    "INSERT INTO token",
    "INSERT INTO participant",
    "FROM participant WHERE channel",
    "FROM participant p JOIN session",
)
# Read as a whole, and small however many sessions there are.
SMALL_TABLES = {"SCAN chat_alias", "SCAN api_key"}


@asynccontextmanager
async def among(folder: Path, count: int) -> AsyncIterator[tuple[Desk, Scales]]:
    """A gateway on a store with so many sessions, everything it does being weighed."""
    folder.mkdir()
    # The crowd was here an hour ago or days before, and none of it is due to be put away during the test.
    await gather(folder / "gateway.db", count, Clock().now() + DAY)
    with weighing() as scales:
        async with running(folder, YAML.replace("SHEET", folder.name)) as gateway:
            desk = Desk(gateway, folder)
            await desk.until(lambda: desk.here.state == "up")
            yield desk, scales


async def talking(desk: Desk) -> None:
    """Old and new people write by every kind of channel, are answered, reset, wait, and come back."""
    for user in ("crowd3", "crowd6", "crowd30", "new", "newer"):
        await desk.say("hello", user=user)
        await settled(desk)
        await desk.say("again", user=user, event=f"{user}-again")
        assert (await desk.say("again", user=user, event=f"{user}-again")).outcome == "duplicate"
        await settled(desk)
    for command in ("/help", "/reset", "/stop", "after"):
        await desk.say(command, user="crowd3")
        await settled(desk)
    desk.corridor.desk.draining = True
    for user in ("crowd9", "crowd12", "new"):
        await desk.say("waiting", user=user)
    await desk.router.renew()
    desk.corridor.desk.draining = False
    desk.router.ring_bot("b")
    await desk.until(lambda: desk.paper.texts("new").count("waiting") == 1)
    await settled(desk)
    await visiting(await desk.gateway.begin("site"))
    key = str((await desk.ask("POST", "keys", {"role": "caller", "channel": "partners"})).json["key"])
    for user in ("crowd2", "crowd5", "new"):
        answer = await desk.gateway.ask("POST", "/c/partners", {"user": user, "message": "hello"}, key)
        assert answer.json["messages"][0]["text"] == "hello", answer.body


async def visiting(visitor: Visitor) -> None:
    """All that a page may ask for its visitor."""
    for text in ("hello", "again"):
        assert (await visitor.say(text)).status == 200
    assert len((await visitor.history())["messages"]) == 4
    (file,) = (await upload(visitor, ("notes.txt", b"notes"))).json["files"]
    assert (await visitor.say("look", files=[file["id"]])).status == 200
    for method, path, body in (
        ("GET", "/api/session", None),
        ("PATCH", "/api/session/variables", {"step": 3}),
        ("GET", "/api/session/export", None),
        ("DELETE", "/api/chat/turn", None),
    ):
        assert (await visitor.ask(method, path, body)).status in (200, 204, 409), path
    async with visitor.events(last_event_id="2") as events:
        await visitor.say("more")
        await events.until("message")
    renewed = (await visitor.ask("POST", "/api/session/reset")).json
    visitor.token, visitor.session = renewed["token"], renewed["session_id"]
    assert (await visitor.say("anew")).status == 200
    assert (await visitor.ask("POST", "/api/session/end")).status == 200


async def settled(desk: Desk) -> None:
    await desk.until(lambda: not desk.router.turns.running and not desk.router.delivery.held)


async def sweeping(desk: Desk) -> None:
    """Housekeeping with nothing to do, and with a few sessions whose time has come."""
    housekeeping = Housekeeping(desk.corridor, desk.router.erasure)
    await housekeeping.round()
    await housekeeping.day()
    visitor = await desk.gateway.begin("brief")
    desk.clock.ahead += 3600
    await housekeeping.round()
    assert await desk.rows("SELECT state FROM session WHERE id = $1", visitor.session) == [("expired",)]
    assert (await desk.ask("GET", "status")).status == 200


def heavier(few: Weights, many: Weights) -> dict[str, tuple[int, int]]:
    """The statements whose heaviest run is heavier among many than among few."""
    pairs = {sql: (max(few.get(sql, [0])), max(steps)) for sql, steps in many.items()}
    return {sql: (small, large) for sql, (small, large) in pairs.items() if large > small * 1.5 + 60}


async def compare(folder: Path, few: int, many: int) -> None:
    weights: dict[int, tuple[Weights, Weights]] = {}
    for count in (few, many):
        async with among(folder / str(count), count) as (desk, scales):
            scales.take()
            await talking(desk)
            talk = scales.take()
            await sweeping(desk)
            weights[count] = talk, scales.take()
    talks, sweeps = zip(weights[few], weights[many], strict=True)
    missing = [part for part in MUST_RUN if not any(part in sql for sql in talks[1])]
    assert not missing
    assert heavier(*talks) == {}
    assert heavier(*sweeps) == {}
    # Nor are there more statements: the sum differs only by how often the gateway has looked for work meanwhile.
    small, large = (sum(map(sum, talk.values())) for talk in talks)
    assert large < small * 1.5


@pytest.mark.feature("STO-10")
@pytest.mark.timeout(900)
async def test_a_message_takes_no_more_steps_among_many_sessions(tmp_path: Path) -> None:
    await compare(tmp_path, 3_000, SESSIONS)


@pytest.mark.feature("STO-10")
async def test_every_statement_goes_by_an_index(tmp_path: Path) -> None:
    async with among(tmp_path / "store", 100) as (desk, scales):
        await talking(desk)
        await sweeping(desk)
    path = tmp_path / "store" / "gateway.db"
    found = {sql: set(scans(path, sql)) - SMALL_TABLES for sql in scales.statements}
    assert len(found) > 60
    assert {sql: lines for sql, lines in found.items() if lines} == {}


@pytest.mark.feature("STO-10")
async def test_scans_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    await gather(path, 100, DAY)
    assert scans(path, "SELECT id FROM session WHERE last_activity < ?1") == ["SCAN session"]
    assert scans(path, "SELECT 1 FROM lane WHERE chat = ?1") == ["SCAN lane USING COVERING INDEX lane_chat"]
    assert scans(path, "SELECT COUNT(*) FROM token") != []
    assert scans(path, "SELECT COUNT(*) FROM inbox WHERE state = 'waiting'") == []
    assert scans(path, "SELECT 1 FROM lane WHERE id = ?1") == []
    with weighing() as scales:
        weights, connection = list[Weights](), connect(path, read_only=True)
        for count in (10, 100):
            connection.execute("SELECT SUM(next_seq) FROM lane WHERE id <= ?1 AND chat <> 'x'", (count,)).fetchall()
            weights.append(scales.take())
        connection.close()
    assert heavier(*weights)
