"""Bolt's opinion, which is Slack's own framework: of what our Slack server signs and sends, and of how we read it."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from gateway.message import Inbound
from tests.far.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer
from tests.far.slack.feed import Happening
from tests.far.slack.pusher import signed
from tests.slack_channel import call, opened
from tests.test_slack_payloads import PAYLOADS, _intake, _read


class Heard(NamedTuple):
    """What Bolt gives to those who listen."""

    team: str
    user: str
    chat: str
    thread: str


class Peer:
    """An app of Bolt's, whose bot is `user` and `bot`; what passes all of its own middleware is `heard`."""

    def __init__(self, user: str, bot: str, base: str = "http://127.0.0.1:9/api/") -> None:
        self.heard: list[Heard] = []

        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None, team_id="T1", bot_token=BOT_TOKEN, bot_id=bot, bot_user_id=user, user_id=None
            )

        self.client = AsyncWebClient(base_url=base)
        self.app = AsyncApp(signing_secret=SIGNING_SECRET, authorize=authorize, client=self.client)
        self.app.middleware(self._hear)

    async def _hear(self, context: AsyncBoltContext, next: Callable[[], Any]) -> BoltResponse:
        found = (context.team_id, context.user_id, context.channel_id, context.thread_ts)
        self.heard.append(Heard(*(one or "" for one in found)))
        return BoltResponse(status=200, body="heard")

    async def told(self, body: bytes, kind: str = "application/json", **more: Any) -> BoltResponse:
        headers = {"Content-Type": kind, **signed(more.pop("secret", SIGNING_SECRET), body, int(time.time())), **more}
        return await self.app.async_dispatch(AsyncBoltRequest(body=body.decode(), headers=headers))


@asynccontextmanager
async def _eventful() -> AsyncIterator[tuple[SlackServer, list[Happening]]]:
    """Some of everything that our Slack server tells."""
    async with SlackServer() as server:
        ada, room = server.user("U7", "Ada"), server.room("C1")
        begun = ada.says("@far_bot hello & <welcome> ü", room)
        below = ada.says("in the thread", room, thread=begun)
        ada.edits(below, "edited", room)
        ada.unfurls(below, room)
        ada.reacts(begun, "+1", room)
        ada.deletes(below, room)
        ada.shares(b"x", "a.txt", "text/plain", "a file")
        ada.opens_assistant()
        ada.commands("/reset", "now & then", room)
        button = {
            "type": "button",
            "text": {"type": "plain_text", "text": "Yes"},
            "action_id": "choice:0",
            "value": "y",
        }
        blocks = [{"type": "actions", "elements": [button]}]
        server.speaking.write(room.team, room.channel, {"text": "Sure?", "blocks": blocks, "thread_ts": begun})
        ada.presses("Yes", room)
        room.bot_says("from another")
        yield server, list(server.feed.pending.values())


@pytest.mark.feature("DEV-03", "CH-06", "SEC-01")
async def test_bolt_takes_what_our_slack_signs_and_nothing_else() -> None:
    async with _eventful() as (server, happened):
        bot = server.world.teams["T1"].bot
        peer = Peer(bot.id, bot.bot_id)
        for happening in happened:
            assert (await peer.told(happening.body, happening.content_type)).status == 200
            assert (await peer.told(happening.body, happening.content_type, secret="another_secret")).status == 401
            stale = signed(SIGNING_SECRET, happening.body, int(time.time()) - 400)
            assert (await peer.told(happening.body, happening.content_type, **stale)).status == 401
        challenge = b'{"type":"url_verification","token":"t","challenge":"3eZbrw1a"}'
        theirs = await peer.told(challenge)
        async with opened(server, mode="http") as (adapter, _):
            ours = await adapter.handle(call(challenge))
        assert (theirs.status, orjson.loads(theirs.body)) == (ours.status, orjson.loads(ours.body))


@pytest.mark.feature("DEV-03", "CH-08", "CH-24")
async def test_bolt_hears_all_but_our_own_words_as_we_do() -> None:
    async with _eventful() as (server, happened), opened(server, mode="http") as (adapter, gate):
        bot = server.world.teams["T1"].bot
        peer = Peer(bot.id, bot.bot_id)
        for happening in happened:
            before = len(peer.heard), sum(reason == "own_echo" for _, _, reason in gate.dropped)
            await peer.told(happening.body, happening.content_type)
            assert (await adapter.handle(call(happening.body))).status == 200
            echo = sum(reason == "own_echo" for _, _, reason in gate.dropped) - before[1]
            assert len(peer.heard) - before[0] == 1 - echo, happening.payload
        assert {one.team for one in peer.heard} == {"T1"}


def _sent(payload: Path) -> tuple[bytes, str]:
    """The recorded payload as Slack would send it."""
    data = orjson.loads(payload.read_bytes())
    if payload.name.endswith(".form.json"):
        return urlencode(data).encode(), "application/x-www-form-urlencoded"
    if payload.name.endswith(".interactive.json"):
        return urlencode({"payload": orjson.dumps(data).decode()}).encode(), "application/x-www-form-urlencoded"
    return orjson.dumps(data), "application/json"


TAKEN = [file for file in PAYLOADS if b'"dropped"' not in file.with_suffix(".inbound.json").read_bytes()]
_BESIDES = {"added": "UBOT", "removed": "UBOT", "revoke": "USLACKBOT"}  # whose membership; who stands in for the author


@pytest.mark.feature("DEV-03", "CH-08", "KEY-09")
@pytest.mark.parametrize("payload", TAKEN, ids=lambda file: file.stem)
async def test_bolt_finds_the_same_user_channel_and_thread_in_each_payload(payload: Path) -> None:
    peer = Peer("UBOT", "BBOT")
    async with _intake() as intake:
        found = await _read(intake, payload)
    assert isinstance(found, Inbound)
    body, kind = _sent(payload)
    assert (await peer.told(body, kind)).body == "heard"
    (theirs,) = peer.heard
    assert found.kind == "migrate" or theirs.chat == found.address.chat
    assert theirs.user in ("", found.address.user, _BESIDES.get(found.kind, ""))
    if theirs.thread:
        assert theirs.thread == found.address.thread
    elif found.address.place == "thread":
        assert found.address.thread in (found.ref, found.extra.get("button", {}).get("ref")), "it begins its thread"


@pytest.mark.feature("DEV-03", "CH-07")
async def test_bolts_own_socket_mode_gets_everything_from_our_slack() -> None:
    async with _eventful() as (server, happened):
        bot = server.world.teams["T1"].bot
        peer = Peer(bot.id, bot.bot_id, f"{server.url}/")
        handler = AsyncSocketModeHandler(peer.app, APP_TOKEN, web_client=peer.client, ping_interval=60)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            await server.until(lambda: not server.feed.pending)
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]
        acknowledged = {number for what, number in server.sockets.log if what == "ack"}
        assert acknowledged == {happening.number for happening in happened}
