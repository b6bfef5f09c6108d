"""Who calls: only what Twilio has signed is taken, by the address that the operator gave, however it signs."""

import hashlib
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from msgspec.structs import replace

from adapters.twilio.signature import RETRIES
from gateway.adapter import Call
from tests.far.twilio import TwilioServer
from tests.far.twilio.caller import Form
from tests.twilio_channel import ADA, NAME, PUBLIC, call, closed, opened, said

KEY = "webhook-key-of-the-account"
pytestmark = pytest.mark.feature("SEC-02", "SEC-01")


def hello(server: TwilioServer, text: str = "hello") -> Form:
    return server.person(ADA, "Ada").form(text)


@pytest.mark.parametrize("fragment", [False, True])
@pytest.mark.parametrize("port", [False, True])
@pytest.mark.parametrize(
    "public_url",
    ["https://chat.example.org", "http://chat.example.org", "https://chat.example.org:8443", "https://[::1]:8443/in"],
)
async def test_an_address_may_be_signed_with_its_port_and_without(public_url: str, port: bool, fragment: bool) -> None:
    async with TwilioServer() as server, closed(server, public_url=public_url) as (adapter, gate):
        server.caller.writes_port, server.caller.signs_fragment = port, fragment
        here = f"{public_url}/c/{NAME}{RETRIES}"
        assert (await adapter.handle(call(server, hello(server), here))).status == 200
        if public_url.endswith(":8443") and not port:
            bare = here.replace(":8443", "")
            assert (await adapter.handle(call(server, hello(server), bare))).status == 200
        assert len(gate.received) >= 1


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/c/help",
        "https://chat.example.org/c/other",
        "https://chat.example.org/c/help/",
        "https://chat.example.org/c/help?part=1",
        "https://chat.example.org:8443/c/help",
        "http://chat.example.org/c/help",
    ],
)
async def test_a_signature_for_another_address_is_none(url: str) -> None:
    async with TwilioServer() as server, closed(server) as (adapter, gate):
        taken = replace(call(server, hello(server), url), query={}, path=f"/c/{NAME}")
        assert (await adapter.handle(taken)).status == 401
        with_host = replace(
            taken, headers={**taken.headers, "host": "evil.example", "x-forwarded-host": "evil.example"}
        )
        assert (await adapter.handle(with_host)).status == 401
        assert (gate.received, gate.dropped) == ([], [])


async def test_without_an_address_of_ours_nothing_can_be_checked() -> None:
    async with TwilioServer() as server, opened(server, public_url="") as (adapter, gate):
        for url in ("/c/help", "http://127.0.0.1:8080/c/help"):
            assert (await adapter.handle(call(server, hello(server), url))).status == 401
        await adapter.run()
        assert gate.states[-1][0] == "up"
        assert "server.public_url is not set" in gate.states[-1][1]


async def test_repeated_fields_are_signed_once_each_and_in_order() -> None:
    async with TwilioServer() as server, closed(server) as (adapter, gate):
        form = [*hello(server), ("Tag", "b"), ("Tag", "a"), ("Tag", "b"), ("tag", "c"), ("Empty", "")]
        assert (await adapter.handle(call(server, form))).status == 200
        assert (await adapter.handle(call(server, form[::-1]))).status == 200  # the order does not count ...
        doubled = replace(call(server, form), body=urlencode([*form, ("Tag", "d")]).encode())
        assert (await adapter.handle(doubled)).status == 401  # ... and nothing may be added
        assert gate.texts == ["hello"]


async def test_fields_that_twilio_may_invent_do_not_matter() -> None:
    async with TwilioServer() as server, closed(server) as (adapter, gate):
        form = [*hello(server, "żółw + & = % 👩‍👩‍👧"), ("Брат", "да"), ("x" * 300, "y" * 3000), ("\n", "\t")]
        assert (await adapter.handle(call(server, form))).status == 200
        assert gate.texts == ["żółw + & = % 👩‍👩‍👧"]


def as_json(server: TwilioServer, data: Any, body: bytes | None = None) -> Call:
    """A webhook in JSON: only its address is signed, and holds the hash of the body."""
    sent = orjson.dumps(data)
    url = f"{PUBLIC}/c/{NAME}?bodySHA256={hashlib.sha256(sent).hexdigest()}"
    return replace(call(server, (), url), body=sent if body is None else body)


async def test_json_is_bound_by_its_hash() -> None:
    async with TwilioServer() as server, closed(server) as (adapter, gate):
        data = dict(hello(server))
        good = as_json(server, data)
        assert (await adapter.handle(good)).status == 200
        assert gate.texts == ["hello"]
        other = orjson.dumps({**data, "Body": "forged"})
        for forged in (
            as_json(server, data, other),
            as_json(server, data, b""),
            as_json(server, data, b"{"),
            replace(good, query={"bodySHA256": hashlib.sha256(other).hexdigest()}, body=other),
            replace(good, query={}, body=other),
            replace(good, query={"bodySHA256": ""}),
            replace(good, query={"bodySHA256": "\udcff"}),
            replace(good, query={**good.query, "part": "1"}),
        ):
            assert (await adapter.handle(forged)).status == 401
        assert gate.texts == ["hello"]


@pytest.mark.parametrize("data", [[], 7, "text", None, {}, {"MessageSid": ""}, {"EventType": "onMessageAdded"}])
async def test_signed_json_that_is_no_message_is_a_plain_400(data: Any) -> None:
    async with TwilioServer() as server, closed(server) as (adapter, gate):
        assert (await adapter.handle(as_json(server, data))).status == 400
        assert (gate.received, gate.dropped) == ([], [])


async def test_with_a_webhook_key_only_its_sha_256_counts() -> None:
    async with TwilioServer() as server, closed(server, webhook_key=KEY) as (adapter, gate):
        weak = call(server, hello(server))
        server.caller.key = KEY
        strong = call(server, hello(server, "strong"))
        setting = "x-twilio-webhooks-signature-settings"
        by_token = call(server, hello(server), secret=server.token)  # HMAC-SHA256, but under the auth token
        bare = {name: value for name, value in strong.headers.items() if name != setting}
        for forged in (
            weak,
            by_token,
            replace(strong, headers=bare),
            *(
                replace(strong, headers={**strong.headers, setting: value})
                for value in ("", "key=1", "key=1,algorithm=HMAC_SHA1", "algorithm=MD5", "algorithm=none", "\udcff")
            ),
            replace(weak, headers={**weak.headers, setting: "key=1,algorithm=HMAC_SHA256"}),
        ):
            assert (await adapter.handle(forged)).status == 401
        assert gate.received == []
        assert (await adapter.handle(strong)).status == 200
        assert gate.texts == ["strong"]


async def test_without_a_webhook_key_the_header_chooses_nothing() -> None:
    async with TwilioServer() as server, closed(server) as (adapter, gate):
        server.caller.key = server.token
        assert (await adapter.handle(call(server, hello(server)))).status == 401
        server.caller.key = ""
        good = call(server, hello(server))
        for value in ("key=1,algorithm=HMAC_SHA256", "algorithm=md5", "algorithm="):
            wanted = 200 if value == "algorithm=" else 401
            headers = {**good.headers, "x-twilio-webhooks-signature-settings": value}
            assert (await adapter.handle(replace(good, headers=headers))).status == wanted
        assert gate.texts == ["hello"]


@pytest.mark.feature("INB-03")
async def test_a_call_sent_again_a_thousand_times_is_one_message() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        again = call(server, hello(server))
        for _ in range(1000):
            assert (await channel.adapter.handle(again)).status == 200
        assert channel.gate.texts == ["hello"]


@pytest.mark.feature("CH-12")
async def test_twilio_is_told_to_do_nothing_more() -> None:
    async with TwilioServer() as server, opened(server) as channel:
        reply = await said(channel, server, "hello")
        assert reply.type == "text/xml"
        assert reply.body == b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
        other = replace(call(server, hello(server)), method="GET")
        assert (await channel.adapter.handle(other)).status == 405
