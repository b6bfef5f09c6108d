"""Our Telegram server as a process of its own, steered from outside, and its less usual habits."""

import asyncio
import random
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from tests.far.telegram import TOKEN, TelegramServer
from tests.telegram_channel import called, opened, part, running

ROOT = Path(__file__).parent.parent


@pytest.mark.feature("DEV-03")
async def test_a_process_is_steered_by_control_calls() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.far.telegram", "--lean"), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
    try:
        async with ClientSession() as http:

            async def control(verb: str, **given: Any) -> Any:
                async with http.post(f"{url}/control/{verb}", data=orjson.dumps(given)) as response:
                    return orjson.loads(await response.read())

            async def api(method: str, **given: Any) -> Any:
                async with http.post(f"{url}/bot{TOKEN}/{method}", json=given) as response:
                    return orjson.loads(await response.read())

            await control("say", user=7, text="one")
            await control("say", user=7, text="two", chat=-100123, topic=5)
            await control("push", channel_post={})
            updates = (await api("getUpdates"))["result"]
            assert [update.get("message", {}).get("text") for update in updates] == ["one", "two", None]
            await control("fail", method="sendMessage", how=429, retry_after=3)
            assert (await api("sendMessage", chat_id=7, text="x"))["parameters"] == {"retry_after": 3}
            assert (await api("sendMessage", chat_id=7, text="x"))["ok"]
            await control("block", user=7)
            assert (await api("sendMessage", chat_id=7, text="x"))["error_code"] == 403
            moved = await control("migrate", chat=-4001, user=7)
            refused = await api("sendMessage", chat_id=-4001, text="x")
            assert refused["parameters"] == {"migrate_to_chat_id": moved}
            await control("limit", chat=[1, 60])
            assert (await api("sendMessage", chat_id=moved, text="x"))["ok"]
            assert (await api("sendMessage", chat_id=moved, text="x"))["error_code"] == 429
            async with http.get(f"{url}/control/sent?since=1") as response:
                assert [sent[1:] for sent in orjson.loads(await response.read())] == [[moved, 3, "x"]]
            async with http.get(f"{url}/control/state") as response:
                assert orjson.loads(await response.read())["sent"] == 2
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.feature("DEV-03", "INB-03")
async def test_updates_come_twice_and_in_another_order_on_request() -> None:
    async with TelegramServer() as server, called(server) as (_, gate):
        server.queue.copies = 2
        server.queue.hold()
        for number in range(20):
            server.user(number + 1).says(str(number))
        assert server.queue.pending == {}
        server.queue.release(random.Random(1))
        await server.until(lambda: len(server.pusher.deliveries) == 40)
        assert sorted(gate.texts, key=int) == [str(number) for number in range(20)]
        assert gate.texts != sorted(gate.texts, key=int)


@pytest.mark.feature("DEV-03", "KEY-08", "INB-03")
@pytest.mark.parametrize("new_first", [True, False])
async def test_a_migration_is_told_twice_and_received_once(new_first: bool) -> None:
    async with TelegramServer() as server, running(server) as (_, gate):
        group = server.group(-4001, kind="group")
        server.user(7).says("before", group)
        moved = server.migrate(group, server.user(7), new_first=new_first)
        server.user(7).says("after", moved)
        await gate.until(lambda: "after" in gate.texts)
        [migration] = [inbound for inbound, _ in gate.received if inbound.kind == "migrate"]
        assert dict(migration.extra) == {"from": "-4001", "to": str(moved.id)}
        assert [inbound.kind for inbound, _ in gate.received] == ["message", "migrate", "message"]


@pytest.mark.feature("OUT-06", "GRP-10")
async def test_blocked_and_removed_are_told_and_felt() -> None:
    async with TelegramServer() as server, running(server) as (_, gate):
        ada, group = server.user(7), server.group(-100123)
        for act in (ada.blocks, ada.unblocks, lambda: group.removes_bot(ada), lambda: group.adds_bot(ada)):
            act()
        await gate.until(lambda: len(gate.received) == 4)
        assert [inbound.kind for inbound, _ in gate.received] == ["blocked", "unblocked", "removed", "added"]


@pytest.mark.feature("DEV-03")
async def test_one_message_to_everybody_and_back() -> None:
    """A whole conversation at the far end's level: what people say, what they see."""
    async with TelegramServer() as server, opened(server) as (adapter, gate):
        run = asyncio.create_task(adapter.run())
        people = [server.user(number) for number in range(1, 51)]
        for person in people:
            person.says(f"I am {person.id}")
        await gate.until(lambda: len(gate.received) == 50)
        run.cancel()
        said = [(int(inbound.address.chat), inbound.text) for inbound, _ in gate.received]
        await asyncio.gather(*(adapter.send(part(chat, f"Hello. {text}")) for chat, text in said))
        assert [server.visible(person.id) for person in people] == [[f"Hello. I am {person.id}"] for person in people]
