"""Socket Mode: nothing is acknowledged before it is on disk, and there is always a connection."""

import asyncio

import orjson
import pytest

from adapters.slack.line import HEARTBEAT
from gateway.errors import Refused, Retry
from tests.far.slack import SlackServer
from tests.leap import leap
from tests.slack_channel import opened, running


def acks(server: SlackServer) -> list[int]:
    return [number for what, number in server.sockets.log if what == "ack"]


def lines(server: SlackServer) -> list[tuple[str, int]]:
    return [entry for entry in server.sockets.log if entry[0] != "ack"]


@pytest.mark.feature("CH-07")
async def test_what_was_said_is_received_in_order_with_its_raw_bytes() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        ada, bob = server.user("U7", "Ada"), server.user("U8", "Bob")
        ada.says("one")
        bob.says("two")
        ada.says("three")
        await server.until(lambda: not server.feed.pending)
        assert gate.texts == ["one", "two", "three"]
        inbound, raw = gate.received[0]
        assert (inbound.channel, inbound.account, inbound.address.user) == ("help", "T1", "U7")
        assert inbound.sender is not None
        assert (inbound.sender.name, inbound.sender.language) == ("Ada", "en-US")
        assert orjson.loads(raw)["payload"]["event"]["text"] == "one"
        assert acks(server) == [1, 2, 3]
        assert len(server.asked("users.info")) == 2  # once for each of them


@pytest.mark.feature("CH-07", "INB-01", "CMD-06", "FMT-04")
async def test_nothing_of_any_kind_is_acknowledged_before_it_is_written() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        ada = server.user("U7", "Ada")
        server.told.echoes = False
        blocks = [{"type": "actions", "elements": [_button("Yes")]}]
        server.speaking.write(ada.team, ada.direct, {"text": "Sure?", "blocks": blocks})
        gate.open_store.clear()
        ada.says("hello")
        ada.commands("/reset")
        ada.presses("Yes")
        ada.opens_assistant()
        await server.until(lambda: len(server.feed.pending) == 4 and server.asked("users.info"))
        for _ in range(50):  # whatever else wants to run may run
            await asyncio.sleep(0.001)
        assert acks(server) == []
        gate.open_store.set()
        await server.until(lambda: not server.feed.pending)
        assert acks(server) == [1, 2, 3, 4]
        assert [(inbound.kind, inbound.text) for inbound, _ in gate.received] == [
            ("message", "hello"),
            ("message", "/reset"),
            ("button", "yes"),
        ]


def _button(label: str) -> dict[str, object]:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "text": text, "action_id": "choice:0", "value": label.lower()}


@pytest.mark.feature("CH-07")
@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
async def test_a_new_connection_is_there_before_the_old_one_goes(reason: str) -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        ada = server.user("U7", "Ada")
        for round in range(3):
            gate.open_store.clear()
            ada.says(f"before {round}")
            await server.until(lambda: server.sockets.live)
            await server.sockets.disconnect(reason)
            await server.until(lambda: server.sockets.live)
            ada.says(f"after {round}")
            gate.open_store.set()
            await server.until(lambda: not server.feed.pending and len(server.sockets.connections) == 1)
        assert lines(server) == [
            *[("open", 1), ("open", 2), ("close", 1), ("open", 3), ("close", 2), ("open", 4), ("close", 3)]
        ]
        assert sorted(gate.texts) == sorted(f"{when} {round}" for when in ("before", "after") for round in range(3))
        assert gate.pauses == []
        assert gate.state == "up"


@pytest.mark.feature("CH-07", "CH-23", "CH-22")
async def test_a_lost_connection_is_made_anew_and_nothing_is_missed() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        ada = server.user("U7", "Ada")
        for round in range(5):
            ada.says(f"{round}")
            await server.until(lambda: not server.feed.pending)
            opened_before = sum(what == "open" for what, _ in server.sockets.log)
            await server.sockets.cut()
            await server.until(lambda: sum(what == "open" for what, _ in server.sockets.log) > opened_before)  # noqa: B023
            ada.says(f"{round} again")
            await server.until(lambda: not server.feed.pending)
        assert gate.texts == [text for round in range(5) for text in (f"{round}", f"{round} again")]
        assert ("retrying", "the connection to Slack was lost") in gate.states
        assert gate.state == "up"


@pytest.mark.feature("CH-23")
async def test_a_connection_on_which_nobody_speaks_is_heard_by_the_answers_to_our_pings() -> None:
    async with SlackServer() as server, running(server) as (adapter, gate):
        assert adapter.hears_every == HEARTBEAT
        for _ in range(3):
            rounds = gate.rounds
            leap(HEARTBEAT + 1)
            await gate.until(lambda: gate.rounds > rounds)  # noqa: B023
        assert len([entry for entry in lines(server) if entry[0] == "open"]) == 1


@pytest.mark.feature("CH-23")
async def test_a_silent_connection_is_noticed_and_one_that_answers_is_heard() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        rounds = gate.rounds
        await server.sockets.ping()
        await gate.until(lambda: gate.rounds > rounds)
        server.sockets.silent = True
        server.user("U7").says("into a dead line")
        rounds = gate.rounds
        leap(16)  # our ping goes out ...
        await asyncio.sleep(0.05)
        server.sockets.silent = False
        leap(10)  # ... and has not been answered
        await gate.until(lambda: gate.texts == ["into a dead line"])
        assert len([entry for entry in lines(server) if entry[0] == "open"]) == 2


@pytest.mark.feature("CH-07", "CH-22")
async def test_what_slack_refuses_stops_the_channel_and_what_passes_is_waited_out() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        server.fail("apps.connections.open", 429, retry_after=33)
        server.fail("apps.connections.open", "html", 2)
        server.app_revoked = False
        run = asyncio.create_task(adapter.run())
        await gate.until(lambda: gate.state == "up")
        assert gate.pauses[0] >= 33
        assert len(gate.pauses) == 3
        server.app_revoked = True
        await server.sockets.cut()
        with pytest.raises(Refused, match="app_token") as raised:
            await run
        assert raised.value.reason == "auth"


@pytest.mark.feature("CH-07")
async def test_socket_mode_that_is_switched_off_is_told() -> None:
    async with SlackServer() as server, opened(server) as (adapter, gate):
        run = asyncio.create_task(adapter.run())
        await gate.until(lambda: gate.state == "up")
        await server.sockets.disconnect("link_disabled")
        with pytest.raises(Refused, match="switched off"):
            await run


@pytest.mark.feature("CH-07")
async def test_with_too_many_connections_the_old_one_goes_first() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        await server.sockets.disconnect("too_many_websockets")
        await server.until(lambda: len(lines(server)) == 3)
        assert lines(server) == [("open", 1), ("close", 1), ("open", 2)]
        server.user("U7").says("hello")
        await gate.until(lambda: gate.texts == ["hello"])


@pytest.mark.feature("CH-07", "SEC-01")
async def test_frames_of_any_kind_do_not_end_the_connection() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        forms = ("events_api", "slash_commands", "interactive", "news")
        for frame in ("", "{", "[]", "null", '{"type":7}', '{"type":"events_api"}', '{"envelope_id":7}'):
            await server.sockets.send_raw(frame)
        for number, payload in enumerate(("{}", "7", '{"type":"event_callback","event":7}', '{"type":7}', "[]")):
            for form in forms:
                frame = f'{{"envelope_id":"e{number}{form}","type":"{form}","payload":{payload}}}'
                await server.sockets.send_raw(frame)
        server.user("U7").says("still here")
        await gate.until(lambda: gate.texts == ["still here"])
        wanted = {f"e{number}{form}" for number in range(5) for form in forms}
        await server.until(lambda: wanted <= {frame["envelope_id"] for frame in server.sockets.frames})
        assert lines(server) == [("open", 1)]


@pytest.mark.feature("INB-01")
async def test_while_the_store_is_away_it_is_insisted_on() -> None:
    async with SlackServer() as server, running(server) as (_, gate):
        gate.storage_down = 3
        server.user("U7").says("hello")
        await server.until(lambda: not server.feed.pending)
        assert gate.texts == ["hello"]
        assert len(gate.pauses) == 3
        assert [state for state, _ in gate.states].count("retrying") == 3
        assert gate.state == "up"


@pytest.mark.feature("CH-22")
async def test_opening_tells_a_wrong_answer_from_a_wrong_token() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.fail("auth.test", "html")
        with pytest.raises(Retry):
            await adapter.open()
        server.fail("auth.test", "account_inactive")
        with pytest.raises(Refused):
            await adapter.open()
