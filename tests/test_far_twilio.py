"""Our Twilio server is as strict as Twilio: with it the sender of the tests cannot get away with anything."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from tests.far.twilio import NUMBER, PAGE, WHATSAPP, TwilioServer

pytestmark = pytest.mark.feature("DEV-03")

ADA = "whatsapp:+15550100"


@pytest.fixture
async def server() -> AsyncIterator[TwilioServer]:
    async with TwilioServer() as server:
        server.reports = ()
        server.person("+15550100", "Ada").window = True
        yield server


async def post(server: TwilioServer, path: str = "", token: str = "", json: Any = None, **form: Any) -> tuple[int, Any]:
    url = server.url + (path or f"/2010-04-01/Accounts/{server.account}/Messages.json")
    basic = b64encode(f"{server.account}:{token or server.token}".encode()).decode()
    asked = {"json": json} if json is not None else {"data": form}
    headers = {"Authorization": f"Basic {basic}"}
    async with ClientSession() as http, http.post(url, headers=headers, **asked) as response:
        return response.status, orjson.loads(await response.read())


def message(body: str = "hello", to: str = ADA, **more: Any) -> dict[str, Any]:
    return {"To": to, "From": WHATSAPP, "Body": body, **more}


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "nobody": (message(to=""), 21604),
    "no such sender": (message(From="whatsapp:+19995550111"), 63007),
    "no such number": (message(to="+15550100", From="+19995550111"), 21606),
    "another channel": (message(From=NUMBER), 21910),
    "no number": (message(to="whatsapp:ada"), 21211),
    "no words": (message(" "), 21602),
    "too long": (message("x" * 1601), 21617),
    "too long in emoji": (message("\N{GRINNING FACE}" * 801), 21617),
    "no file there": (message(MediaUrl="http://127.0.0.1:1/f"), 21620),
    "an unknown template": (message("", ContentSid="HX9"), 21655),
    "variables that are no JSON": (message("", ContentSid="HX1", ContentVariables="{"), 21656),
    "an empty variable": (message("", ContentSid="HX1", ContentVariables='{"1": ""}'), 21656),
    "a variable of two lines": (message("", ContentSid="HX1", ContentVariables='{"1": "a\\nb"}'), 21656),
    "a long variable": (message("", ContentSid="HX1", ContentVariables=f'{{"1": "{"x" * 1601}"}}'), 21658),
    "a long label": (message("", ContentSid="HX2", ContentVariables=f'{{"1": "x", "2": "{"x" * 21}"}}'), 21656),
    "long words above buttons": (message("", ContentSid="HX2", ContentVariables=f'{{"1": "{"x" * 1025}"}}'), 21656),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_twilio_refuses_is_refused(case: str, server: TwilioServer) -> None:
    server.contents["HX1"] = {"types": {"twilio/text": {"body": "{{1}}"}}}
    server.contents["HX2"] = {
        "types": {"twilio/quick-reply": {"body": "{{1}}", "actions": [{"title": "{{2}}", "id": "y"}]}}
    }
    asked, code = REFUSED[case]
    status, answer = await post(server, **asked)
    assert (status, answer["code"]) == (400, code)
    assert not server.sent


async def test_what_is_well_is_taken_and_kept(server: TwilioServer) -> None:
    status, answer = await post(server, **message("hello"))
    assert (status, answer["status"]) == (201, "queued")
    assert [(sent.sid, sent.body, sent.to) for sent in server.sent] == [(answer["sid"], "hello", ADA)]
    assert (await post(server, **message(to="messenger:42", From=PAGE)))[0] == 201


async def test_the_token_is_needed(server: TwilioServer) -> None:
    status, answer = await post(server, token="another", **message())
    assert (status, answer["code"]) == (401, 20003)
    assert (await post(server, path="/2010-04-01/Accounts/AC1/Messages.json", **message()))[0] == 404


async def test_who_has_said_stop_is_sent_nothing(server: TwilioServer) -> None:
    server.people[ADA].stopped = True
    assert (await post(server, **message()))[1]["code"] == 21610


@pytest.mark.parametrize("asked", [{}, {"types": {"twilio/hologram": {}}}, {"types": {}}])
async def test_what_is_no_template_is_refused(asked: Any, server: TwilioServer) -> None:
    assert (await post(server, "/v1/Content", json=asked))[0] == 400


async def test_a_line_needs_a_conversation_and_words(server: TwilioServer) -> None:
    path = "/v1/Conversations/CH1/Messages"
    assert (await post(server, path, Author="helper", Body="x"))[0] == 404
    chat = server.conversation("CH1")
    assert (await post(server, path, Author="helper", Body=" "))[1]["code"] == 50511
    assert (await post(server, path, Author="helper", Body="x" * 1601))[1]["code"] == 50507
    assert (await post(server, path, Author="helper", Body="x"))[0] == 201
    assert (await post(server, path, Author="helper", MediaSid="ME1"))[1]["code"] == 50510
    assert (await post(server, path, Author="helper", MediaSid=server.store(b"png", "image/png")))[0] == 201
    assert (chat.lines, chat.files) == ([("helper", "x"), ("helper", "[image/png]")], [b"png"])


async def test_faults_come_in_order_and_are_used_up(server: TwilioServer) -> None:
    server.fail("messages", 500, 2, after=1)
    assert [(await post(server, **message()))[0] for _ in range(5)] == [201, 500, 500, 201, 201]
    server.fail("messages", 429, retry_after=7, to="whatsapp:+15550101")
    assert (await post(server, **message()))[0] == 201
    assert (await post(server, **message(to="whatsapp:+15550101")))[0] == 429
    server.fail("messages", "accept_then_reset")
    before = len(server.sent)
    with pytest.raises(ClientError):
        await post(server, **message())
    assert len(server.sent) == before + 1, "it took effect all the same"
    server.fail("messages", "hang")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(post(server, **message()), 0.05)
    assert len(server.sent) == before + 1


async def test_reports_are_told_in_order_and_a_closed_window_only_there() -> None:
    heard: list[tuple[str, str]] = []
    statuses = iter((200, 200, 503, 200))

    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        heard.append((str(form["MessageStatus"]), str(form.get("ErrorCode", ""))))
        assert request.headers["X-Twilio-Signature"]
        return web.Response(status=next(statuses))

    app = web.Application()
    app.router.add_post("/c/help", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/c/help"
    try:
        async with TwilioServer() as server:
            server.person("+15550100", "Ada").window = True
            await post(server, **message(StatusCallback=url))
            await server.until(lambda: len(heard) == 2)
            server.people[ADA].window = False
            assert (await post(server, **message(StatusCallback=f"{url}#rc=1&rp=5xx")))[0] == 201
            await server.until(lambda: len(heard) == 4)  # once more, since the address asks for it
        assert heard == [("sent", ""), ("delivered", ""), ("failed", "63016"), ("failed", "63016")]
    finally:
        await runner.cleanup()


async def test_without_an_answer_nothing_is_told_again(server: TwilioServer) -> None:
    async with ClientSession(timeout=ClientTimeout(total=5)):
        assert await server.caller.call("http://127.0.0.1:1/c/help", [("MessageSid", "SM1")]) == 0
    assert [delivery.status for delivery in server.caller.deliveries] == [0]
