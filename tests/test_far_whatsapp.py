"""Our WhatsApp server is as strict as Meta: with its own API the sender of the tests cannot get away with anything."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, web

from tests.far.whatsapp import NUMBER, WABA, WhatsAppServer
from tests.far.whatsapp.graph import DAY

pytestmark = pytest.mark.feature("DEV-03")


@pytest.fixture
async def server() -> AsyncIterator[WhatsAppServer]:
    async with WhatsAppServer() as server:
        server.user(7, "Ada").says("hi")
        yield server


async def post(server: WhatsAppServer, edge: str = "messages", token: str = "", **asked: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token or server.token}"}
    url = f"{server.url}/v24.0/{NUMBER}/{edge}"
    async with ClientSession() as http, http.post(url, json=asked, headers=headers) as response:
        return response.status, orjson.loads(await response.read())


def message(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    to = {} if {"to", "recipient"} & more.keys() else {"recipient": f"US.{10**15 + 7}"}
    return {"messaging_product": "whatsapp", **to, "type": kind, kind: content, **more}


def interactive(form: str, text: str = "x", **action: Any) -> dict[str, Any]:
    return message("interactive", {"type": form, "body": {"text": text}, "action": action})


def replies(*titles: str) -> dict[str, Any]:
    buttons = [{"type": "reply", "reply": {"id": str(index), "title": title}} for index, title in enumerate(titles)]
    return interactive("button", buttons=buttons)


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "no product": ({"type": "text", "text": {"body": "x"}, "to": "1"}, 100),
    "no text": (message("text", {"body": ""}), 100),
    "too long": (message("text", {"body": "x" * 4097}), 100),
    "no such type": (message("hologram", {"x": 1}), 131051),
    "nobody": (message("text", {"body": "x"}, to=""), 100),
    "a stranger": (message("text", {"body": "x"}, to="4917000000"), 131026),
    "an id as a number": (message("text", {"body": "x"}, to=f"US.{10**15 + 7}"), 131026),
    "no such group": (message("text", {"body": "x"}, recipient_type="group", to="G"), 131041),
    "four buttons": (replies("a", "b", "c", "d"), 100),
    "a long title": (replies("x" * 21), 100),
    "the same title": (replies("a", "a"), 100),
    "a long body": (interactive("button", "x" * 1025, buttons=[]), 100),
    "an unknown file": (message("image", {"id": "1"}), 100),
    "an unknown template": (message("template", {"name": "x", "language": {"code": "en"}}), 132001),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_meta_refuses_is_refused(case: str, server: WhatsAppServer) -> None:
    asked, code = REFUSED[case]
    status, answer = await post(server, **asked)
    assert (status >= 400, answer["error"]["code"]) == (True, code)
    assert not server.sent


async def test_what_is_well_is_taken_and_kept(server: WhatsAppServer) -> None:
    status, answer = await post(server, **message("text", {"body": "hello"}))
    assert status == 200
    assert answer["contacts"][0]["wa_id"] == "15550000007"
    assert [(sent.message_id, sent.text) for sent in server.sent] == [(answer["messages"][0]["id"], "hello")]


async def test_the_token_is_needed(server: WhatsAppServer) -> None:
    for token in ("x", ""):
        server.revoked = not token
        status, answer = await post(server, token=token, **message("text", {"body": "x"}))
        assert (status, answer["error"]["code"]) == (401, 190)


async def test_outside_the_window_only_templates_go_through(server: WhatsAppServer) -> None:
    server.templates = {("hello", "en")}
    server.ahead = DAY + 1
    status, answer = await post(server, **message("text", {"body": "late"}))
    assert (status, answer["error"]["code"]) == (400, 131047)
    body = {"type": "body", "parameters": [{"type": "text", "text": "late"}]}
    hello = {"name": "hello", "language": {"code": "en"}, "components": [body]}
    assert (await post(server, **message("template", hello)))[0] == 200
    hello["components"] = [{"type": "body", "parameters": [{"type": "text", "text": "two\nlines"}]}]
    assert (await post(server, **message("template", hello)))[0] == 400
    server.late = True
    assert (await post(server, **message("text", {"body": "late"})))[0] == 200
    told = orjson.loads(server.pusher.told[-1])["entry"][0]["changes"][0]["value"]["statuses"][0]
    assert (told["status"], told["errors"][0]["code"]) == ("failed", 131047)


async def test_faults_come_in_order_and_are_used_up(server: WhatsAppServer) -> None:
    server.fail("messages", 131000, 2, after=1)
    codes = [(await post(server, **message("text", {"body": "x"})))[0] for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]
    server.fail("messages", 130429, retry_after=7)
    assert (await post(server, **message("text", {"body": "x"})))[0] == 429
    server.fail("messages", "html")
    with pytest.raises(orjson.JSONDecodeError):
        await post(server, **message("text", {"body": "x"}))


async def test_subscribing_needs_the_challenge_back() -> None:
    echoes = True

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=request.query["hub.challenge"] if echoes else "no")

    app = web.Application()
    app.router.add_get("/c/help", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with WhatsAppServer() as server:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/c/help"
            assert await server.subscribe(url, "word") == 200
            assert server.pusher.url == url
        echoes = False
        async with WhatsAppServer() as server:
            await server.subscribe(url, "word")
            assert server.pusher.url == ""
    finally:
        await runner.cleanup()


async def test_things_told_together_stand_as_meta_puts_them(server: WhatsAppServer) -> None:
    server.pusher.hold()
    for user in (7, 7, 8):
        server.user(user).says("x")
    server.group("G").created()
    server.pusher.release(together=True)
    (entry,) = orjson.loads(server.pusher.told[-1])["entry"]
    assert entry["id"] == WABA
    messages, groups = entry["changes"]
    assert (len(messages["value"]["messages"]), len(messages["value"]["contacts"])) == (3, 2)
    assert (groups["field"], len(groups["value"]["groups"])) == ("group_lifecycle_update", 1)
