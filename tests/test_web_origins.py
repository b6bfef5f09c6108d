"""Who may embed the web channel, and what an operator may say of it."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.web import Adapter
from adapters.web.origins import admits
from tests.web_channel import channel, get

REFUSED = [
    "null",
    "https://evil.example",
    "http://shop.example",  # another scheme
    "https://shop.example:8443",  # another port
    "https://shop.example.evil.example",
    "https://evilshop.example",
    "https://example.org",  # a wildcard is not its own domain
    "https://evilexample.org",
    "http://a.example.org",
    "https://a.example.org:444",
    "https://a.example.org.evil.example",
    "https://*.example.org",
    "https://shop.example/",
    "https://shop.example@evil.example",
    "https://evil.example#.example.org",
    "https://evil.example/.example.org",
    "https://evil.example?.example.org",
    "https://SHOP.example",
    "https://shop.example:443",
    "https://shop.example:x",
    "shop.example",
    "//shop.example",
    "file://",
    "https://[::1",
]
ALLOWED = ["https://shop.example", "https://a.example.org", "https://a.b.example.org", "https://chat.example.org"]
LIST = ("https://shop.example", "https://*.example.org")


@pytest.mark.feature("WEB-09")
@pytest.mark.parametrize("origin", ALLOWED)
async def test_settings_are_given_to_allowed_origins(origin: str) -> None:
    reply = await get(channel(origins=LIST), "/c/site", origin=origin)
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, origin)
    assert "Origin" in reply.headers["vary"]
    assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.feature("WEB-09")
@pytest.mark.parametrize("origin", REFUSED)
async def test_settings_are_refused_to_others(origin: str) -> None:
    reply = await get(channel(origins=LIST), "/c/site", origin=origin, host="chat.example.org")
    assert (reply.status, json.loads(reply.body)["code"]) == (403, "origin_refused")
    assert "access-control-allow-origin" not in reply.headers


@pytest.mark.feature("WEB-09")
def test_its_own_origin_always_may() -> None:
    adapter = channel("http://127.0.0.1:8080")
    assert adapter.admits("http://127.0.0.1:8080")
    assert adapter.admits("http://localhost:9000", "localhost:9000")
    assert not adapter.admits("http://127.0.0.1:8081", "localhost:9000")


@pytest.mark.feature("WEB-09")
@given(st.text(max_size=40))
def test_no_text_is_an_origin_by_chance(text: str) -> None:
    assert not admits(LIST, text) or re.fullmatch(r"https://(shop\.example|[a-z0-9_.-]+\.example\.org)", text)


@pytest.mark.feature("WEB-09", "ID-04", "ID-07")
def test_options_are_read() -> None:
    origins = ["https://Example.org:443", "*.shop.example", "http://localhost:3000"]
    options = {"origins": origins, "token_ttl": "never", "identity_secret": "x" * 32}
    read = Adapter.Options.model_validate(options)
    assert read.origins == ("https://example.org", "https://*.shop.example", "http://localhost:3000")
    assert read.token_ttl is None
    assert read.path is None
    assert Adapter.Options().token_ttl == 7 * 86_400


BAD = [
    {"origins": ["example.org"]},
    {"origins": ["https://example.org/path"]},
    {"origins": ["https://*"]},
    {"origins": ["https://*.org"]},
    {"origins": ["https://a.*.org"]},
    {"origins": ["*"]},
    {"origins": ["null"]},
    {"origins": ["https://a; script-src *"]},
    {"origins": ["https://user@example.org"]},
    {"origins": "https://example.org"},
    {"identity_secret": "x" * 31},
    {"colour": "red"},
    {"colour": "#12345g"},
    {"colour": "#123456;}"},
    {"title": ""},
    {"position": "top"},
    {"token_ttl": 7},
    {"starters": [""]},
    {"starters": ["?"] * 9},
    {"colour": "#123456\n"},
]


@pytest.mark.feature("WEB-09", "ID-07", "CFG-02")
@pytest.mark.parametrize("options", BAD, ids=str)
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Adapter.Options.model_validate(options)
