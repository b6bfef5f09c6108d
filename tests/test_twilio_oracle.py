"""Twilio's own validator as the judge: it and the channel take and refuse the same calls, whatever they hold."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import SecretStr
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from adapters.twilio.fields import read_form
from adapters.twilio.signature import HEADER, RETRIES, SETTINGS, Signature
from gateway.adapter import Call
from tests.far.twilio.caller import FORM, Caller, gathered

pytestmark = pytest.mark.feature("SEC-02", "SEC-01", "DEV-03")

NAME, TOKEN, KEY = "help", "0123456789abcdeffedcba9876543210", "key-of-the-account"
PATIENT = settings(max_examples=300, deadline=None)

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
forms = st.lists(st.tuples(words, words), max_size=8)
publics = st.sampled_from(
    ["https://chat.example.org", "http://chat.example.org", "https://chat.example.org:8443", "https://example.org/in"]
)
queries = st.dictionaries(st.sampled_from(["part", "message", "x"]), words, max_size=2)
keys = st.sampled_from(["", KEY])

Pairs = Sequence[tuple[str, str]]


def channel(key: str) -> Signature:
    return Signature(NAME, SecretStr(TOKEN), SecretStr(key) if key else None)


def caller(key: str, *, port: bool = False, fragment: bool = False) -> Caller:
    far = Caller(TOKEN, lambda: None)
    far.key, far.writes_port, far.signs_fragment = key, port, fragment
    return far


def address(public_url: str, query: dict[str, str]) -> str:
    return f"{public_url}/c/{NAME}" + (f"?{urlencode(query)}" if query else "")


def called(form: Pairs, query: dict[str, str], headers: dict[str, str]) -> Call:
    named = {name.lower(): value for name, value in headers.items()}
    return Call("POST", f"/c/{NAME}", query, {"content-type": FORM, **named}, urlencode(form).encode(), "192.0.2.7")


def judged(key: str, public_url: str, call: Call) -> bool:
    """What Twilio's validator says of a call to us, both ways of treating the fragment of the address counted in."""
    algorithm = "HMAC_SHA256" if key else "HMAC_SHA1"
    pairs = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    validator, given = RequestValidator(key or TOKEN), call.headers.get(HEADER, "")
    here = address(public_url, dict(call.query))
    return any(validator.validate(here + end, gathered(pairs), given, algorithm) for end in ("", RETRIES))


@PATIENT
@given(form=forms, public_url=publics, query=queries, key=keys, port=st.booleans(), fragment=st.booleans())
def test_what_twilio_signs_is_taken_by_both(
    form: Pairs, public_url: str, query: dict[str, str], key: str, port: bool, fragment: bool
) -> None:
    here = address(public_url, query) + RETRIES
    call = called(form, query, caller(key, port=port, fragment=fragment).signed(here, form))
    assert judged(key, public_url, call)
    fields = channel(key).fields(public_url, call)
    assert fields is not None
    assert dict(fields) == dict(gathered(parse_qsl(urlencode(form), keep_blank_values=True)))


@PATIENT
@given(form=forms, public_url=publics, query=queries, key=keys)
def test_the_signature_is_what_twilio_describes(form: Pairs, public_url: str, query: dict[str, str], key: str) -> None:
    """Written down once more, from its description: the address, then each name with its values, all in order."""
    here = address(public_url, query)
    base = here + "".join(name + value for name, value in sorted(set(form)))
    digest = hmac.new((key or TOKEN).encode(), base.encode(), hashlib.sha256 if key else hashlib.sha1).digest()
    headers = {HEADER: b64encode(digest).decode()}
    if key:
        headers[SETTINGS] = "key=1,algorithm=HMAC_SHA256"
    assert channel(key).fields(public_url, called(form, query, headers)) is not None


def changed(draw: Any, call: Call) -> Call:
    """The same call with one thing about it another."""
    what = draw(st.sampled_from(["body", "added", "signature", "query", "setting", "cut", "none"]))
    given = call.headers[HEADER]
    if what == "body" and call.body:
        place = draw(st.integers(0, len(call.body) - 1))
        return replace(call, body=call.body[:place] + draw(st.binary(max_size=2)) + call.body[place + 1 :])
    if what == "added":
        return replace(call, body=call.body + b"&" + urlencode([draw(st.tuples(words, words))]).encode())
    if what == "query":
        return replace(call, query=draw(queries))
    if what == "setting":
        value = draw(st.sampled_from(["", "key=1,algorithm=HMAC_SHA1", "key=1,algorithm=HMAC_SHA256", "algorithm=MD5"]))
        return replace(call, headers={**call.headers, SETTINGS: value})
    if what in ("signature", "cut"):
        other = draw(st.text("ABCDabcd0189+/=", min_size=28, max_size=28)) if what == "signature" else given[:-1]
        return replace(call, headers={**call.headers, HEADER: other})
    return call


@PATIENT
@given(st.data())
def test_what_was_tampered_with_is_judged_alike(data: Any) -> None:
    form, public_url, query, key = (data.draw(one) for one in (forms, publics, queries, keys))
    signed_by = data.draw(st.sampled_from([key, "", KEY, "another"]))
    to = address(data.draw(st.sampled_from([public_url, "https://evil.example"])), query)
    call = changed(data.draw, called(form, query, caller(signed_by).signed(to, form)))
    algorithm = "HMAC_SHA256" if key else "HMAC_SHA1"
    told = call.headers.get(SETTINGS, "").rpartition("=")[2] or "HMAC_SHA1"
    wanted = judged(key, public_url, call) and told == algorithm  # the header never chooses
    fields = channel(key).fields(public_url, call)
    assert (fields is not None) == wanted
    assert fields is None or fields == read_form(call.body)


@PATIENT
@given(body=st.binary(max_size=60), other=st.binary(max_size=60), public_url=publics, key=keys)
def test_json_is_judged_alike(body: bytes, other: bytes, public_url: str, key: str) -> None:
    query = {"bodySHA256": hashlib.sha256(body).hexdigest()}
    here = address(public_url, query)
    call = replace(called((), query, caller(key).signed(here, ())), body=body)
    algorithm = "HMAC_SHA256" if key else "HMAC_SHA1"
    for sent in (body, other):
        try:
            text = sent.decode()
        except UnicodeDecodeError:
            wanted = sent == body  # Twilio's validator is given text: what is none it cannot judge
        else:
            wanted = RequestValidator(key or TOKEN).validate(here, text, call.headers[HEADER], algorithm)
        assert (channel(key).fields(public_url, replace(call, body=sent)) is not None) == wanted
