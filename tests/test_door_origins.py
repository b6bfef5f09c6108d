"""Which pages may use the chat, where the pages of channels stand, and what is known of the API."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest

from tests.doors import YAML, Gateway, running

SITES = """
  a: {platform: web, bot: echo, origins: ["https://example.org", "https://*.example.net"]}
  b: {platform: web, bot: echo, origins: ["https://other.example"]}
"""


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    yaml = YAML.replace('{listen: "127.0.0.1:0"}', '{listen: "127.0.0.1:0", public_url: https://chat.example}', 1)
    async with running(tmp_path, yaml + SITES) as one:
        yield one


ADMITTED = ["https://example.org", "https://www.example.net", "https://deep.er.example.net", "https://chat.example"]
REFUSED = [
    "null",
    "https://evil.example",
    "http://example.org",
    "https://example.org:8443",
    "https://example.org.evil.example",
    "https://evilexample.org",
    "https://sub.example.org",
    "https://example.net",
    "https://evilexample.net",
    "https://www.example.net.evil.example",
    "https://*.example.net",
    "https://EXAMPLE.org/",
    "https://example.org@evil.example",
    "file://",
    "x",
    "http://[",
]


@pytest.mark.feature("WEB-09")
@pytest.mark.parametrize("origin", [*ADMITTED, "own"])
async def test_pages_that_may(gateway: Gateway, origin: str) -> None:
    origin = gateway.url if origin == "own" else origin
    headers = {"Origin": origin}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = await gateway.ask("OPTIONS", "/api/chat", headers=headers | asked)
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "POST" in preflight.headers["access-control-allow-methods"]
    allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "prefer", "last-event-id"} <= set(allowed)
    begun = await gateway.ask("POST", "/api/session", {"channel": "a"}, headers=headers)
    assert begun.status == 201
    bearer = headers | {"Authorization": f"Bearer {begun.json['token']}"}
    for method, path, body in (("POST", "/api/chat", {"message": "hi"}), ("GET", "/api/chat", None)):
        answer = await gateway.ask(method, path, body, headers=bearer)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin"
    # A page may read what it did wrong, too.
    wrong = await gateway.ask("POST", "/api/chat", {}, headers=bearer)
    assert (wrong.status, wrong.headers["access-control-allow-origin"]) == (400, origin)
    async with gateway.http.get(f"{gateway.url}/api/chat/events", headers=bearer) as events:
        assert events.headers["Access-Control-Allow-Origin"] == origin
    socket = await gateway.http.ws_connect(f"{gateway.url}/api/chat/ws", headers=headers)
    await socket.send_json({"token": begun.json["token"]})
    assert (await socket.receive_json())["event"] == "message"
    await socket.close()


@pytest.mark.feature("WEB-09")
@pytest.mark.parametrize("origin", REFUSED)
async def test_pages_that_may_not(gateway: Gateway, origin: str) -> None:
    visitor = await gateway.begin("a")
    headers = {"Origin": origin}
    for method, path, body in (
        ("OPTIONS", "/api/chat", None),
        ("POST", "/api/session", {"channel": "a"}),
        ("POST", "/api/chat", {"message": "hi"}),
        ("DELETE", "/api/chat/turn", None),
        ("PATCH", "/api/session/variables", {"a": 1}),
        ("GET", "/api/chat", None),
    ):
        answer = await visitor.ask(method, path, body, headers=headers)
        assert (answer.status, answer.code) == (403, "origin_refused")
        assert "access-control-allow-origin" not in answer.headers
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await gateway.http.ws_connect(f"{gateway.url}/api/chat/ws", headers=headers)
    assert await gateway.rows("SELECT 1 FROM inbox") == []


@pytest.mark.feature("WEB-09")
async def test_each_channel_has_its_own_sites(gateway: Gateway) -> None:
    headers = {"Origin": "https://other.example"}
    for channel, status in (("b", 201), ("a", 403)):
        assert (await gateway.ask("POST", "/api/session", {"channel": channel}, headers=headers)).status == status
    visitor = await gateway.begin("a")
    assert (await visitor.ask("GET", "/api/chat", headers=headers)).code == "origin_refused"
    socket = await gateway.http.ws_connect(f"{gateway.url}/api/chat/ws", headers=headers)
    await socket.send_json({"token": visitor.token})
    assert (await socket.receive_json())["data"]["code"] == "origin_refused"
    await socket.close()


@pytest.mark.feature("WEB-09")
async def test_who_is_no_browser_needs_no_origin(gateway: Gateway) -> None:
    answer = await (await gateway.begin("a")).say("hi")
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


# --- pages


@pytest.mark.feature("CH-18", "CH-14")
async def test_each_channel_has_its_page(gateway: Gateway) -> None:
    pages = {path: await gateway.ask("GET", path) for path in ("/", "/site", "/talk", "/a", "/b")}
    assert {path: page.status for path, page in pages.items()} == dict.fromkeys(pages, 200)
    assert pages["/"].body == pages["/site"].body  # the default one
    for name in ("site", "talk", "a"):
        assert f"&quot;channel&quot;:&quot;{name}&quot;" in pages[f"/{name}"].body.decode()
    frames = pages["/a"].headers["content-security-policy"].split("frame-ancestors ")[1].split(";")[0]
    assert frames == "'self' https://example.org https://*.example.net"


@pytest.mark.feature("CH-18", "WEB-06")
async def test_files_of_the_widget(gateway: Gateway) -> None:
    widget = await gateway.ask("GET", "/widget.js")
    assert (widget.status, widget.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    again = await gateway.ask("GET", "/widget.js", headers={"If-None-Match": widget.headers["etag"].removeprefix("W/")})
    assert again.status == 304
    settings = (await gateway.ask("GET", "/widget.json")).json
    assert settings["channel"] == "site"
    assert (await gateway.ask("GET", f"/{settings['panel']}")).status == 200
    assert (await gateway.ask("GET", "/c/talk")).json["channel"] == "talk"
    assert (await gateway.ask("HEAD", "/site")).body == b""


@pytest.mark.feature("CH-18")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/partners", 404),
        ("GET", "/widget/000000000000/nothing.js", 404),
        ("GET", "/c/nowhere", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/admin/api/status", 404),  # that is another listener
        ("GET", "/metrics", 404),
        ("POST", "/site", 405),
        ("PUT", "/c/site", 405),
        ("GET", "/c/partners", 405),
        ("DELETE", "/api/session", 405),
    ],
)
async def test_where_nothing_is(gateway: Gateway, method: str, path: str, status: int) -> None:
    answer = await gateway.ask(method, path)
    assert answer.status == status
    assert answer.code == {404: "not_found", 405: "method_not_allowed"}[status] or "/widget/" in path
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.feature("CH-18")
async def test_a_slash_too_many(gateway: Gateway) -> None:
    answer = await gateway.ask("GET", "/site/", allow_redirects=False)
    assert (answer.status, answer.headers["location"]) == (308, "../site")
    assert (await gateway.ask("GET", "/site/")).status == 200


@pytest.mark.feature("CH-18")
async def test_conversations_of_two_pages_are_apart(gateway: Gateway) -> None:
    a, b = await gateway.begin("a"), await gateway.begin("b")
    await a.say("for a")
    assert (await b.history())["messages"] == []


# --- the description


@pytest.mark.feature("WEB-04")
async def test_the_description_is_that_of_the_routes(gateway: Gateway) -> None:
    document: Any = (await gateway.ask("GET", "/api/openapi.json")).json
    assert document["openapi"].startswith("3.1")
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    routes = gateway.daemon.servers.door.routes
    assert described == {(path, method) for path, methods in routes.items() for method in methods}
    for path, method in described:
        told = document["paths"][path][method.lower()]
        assert told["summary"]
        answer = await gateway.ask(method, path)
        known = told["responses"].get(str(answer.status), told["responses"]["default"])
        assert answer.headers["content-type"] in known["content"]
    names = {
        "NewSession",
        "Session",
        "Message",
        "Answer",
        "Accepted",
        "Page",
        "Problem",
        "File",
        "Say",
        "Opinion",
        "Begin",
    }
    assert set(document["components"]["schemas"]) == names


@pytest.mark.feature("WEB-04", "WEB-01", "WEB-02")
async def test_answers_are_as_described(gateway: Gateway) -> None:
    document = (await gateway.ask("GET", "/api/openapi.json")).json

    def check(value: Any, name: str) -> None:
        schema = {**document, "$ref": f"#/components/schemas/{name}"}
        jsonschema.Draft202012Validator(schema).validate(value)

    begun = await gateway.ask("POST", "/api/session")
    check(begun.json, "NewSession")
    token = begun.json["token"]
    check((await gateway.ask("POST", "/api/chat", {"message": "hi"}, token)).json, "Answer")
    check((await gateway.ask("GET", "/api/chat", token=token)).json, "Page")
    check((await gateway.ask("GET", "/api/session", token=token)).json, "Session")
    opinion = {"seq": 2, "score": 1}
    check(opinion, "Opinion")
    check((await gateway.ask("POST", "/api/session/feedback", opinion, token)).json, "Opinion")
    check((await gateway.ask("GET", "/api/chat", token=token)).json, "Page")
    check((await gateway.ask("POST", "/api/chat", {}, token)).json, "Problem")
    check((await gateway.ask("POST", "/api/chat", {"message": "/reset"}, token)).json, "Answer")
