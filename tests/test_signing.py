"""Standard Webhooks: the published example, every byte counts, old and junk signatures, rotation."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import signing

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, SECONDS, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
NOW = SECONDS * 1000
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(SECONDS), "webhook-signature": SIGNATURE}
KEYS = signing.keys(SECRET)


@pytest.mark.feature("BOT-02")
def test_the_published_example() -> None:
    assert signing.headers(KEYS, ID, NOW + 999, BODY) == HEADERS
    assert signing.verify(KEYS, HEADERS, BODY, NOW)


@pytest.mark.feature("BOT-02")
def test_what_a_secret_may_be() -> None:
    raw = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert signing.keys(SECRET) == (raw,)
    assert signing.keys("a plain secret!") == (b"a plain secret!",)
    assert signing.keys("short123") == (b"short123",)  # base64, but of too little to be meant as such
    either = SECRET.removeprefix("whsec_")
    assert signing.keys(either) == (either.encode(), raw)
    both = signing.headers(signing.keys(either), ID, NOW, BODY)
    for key in signing.keys(either):  # a receiver that knows one reading of the secret is content
        assert signing.verify((key,), both, BODY, NOW)
    for bad in ("whsec_", "whsec_not base64", "whsec_abc"):
        with pytest.raises(ValueError, match="whsec_"):
            signing.keys(bad)


@pytest.mark.feature("BOT-02", "SEC-01")
@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({"webhook-id": "msg_other"}, BODY),
        ({"webhook-id": ""}, BODY),
        ({"webhook-timestamp": str(SECONDS + 1)}, BODY),
        ({"webhook-timestamp": f"{SECONDS}.0"}, BODY),
        ({"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"}, BODY),
        ({"webhook-timestamp": "9" * 5000}, BODY),
        ({"webhook-timestamp": ""}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-signature": SIGNATURE.replace("v1,", "v2,")}, BODY),
        ({"webhook-signature": SIGNATURE.removeprefix("v1,")}, BODY),
        ({"webhook-signature": SIGNATURE[:-2]}, BODY),
        ({"webhook-signature": "v1,"}, BODY),
        ({"webhook-signature": " ".join(["v1,AAAA"] * 10 + [SIGNATURE])}, BODY),
        ({"webhook-id": "\ud800"}, BODY),
        ({}, BODY + b" "),
        ({}, b""),
    ],
)
def test_forgeries(change: dict[str, str], body: bytes) -> None:
    assert not signing.verify(KEYS, {**HEADERS, **change}, body, NOW)


@pytest.mark.feature("BOT-02", "SEC-01")
def test_old_and_early_ones() -> None:
    for seconds, well in ((300, True), (301, False), (-300, True), (-301, False)):
        assert signing.verify(KEYS, HEADERS, BODY, NOW + seconds * 1000) is well
    assert not signing.verify(KEYS, {}, BODY, NOW)
    assert not signing.verify((), HEADERS, BODY, NOW)


@pytest.mark.feature("BOT-02", "SEC-01")
def test_two_secrets_during_a_rotation() -> None:
    old, new = signing.keys("the old secret"), signing.keys("the new secret")
    sent = signing.headers(old, ID, NOW, BODY)
    assert signing.verify((*new, *old), sent, BODY, NOW)
    assert not signing.verify(new, sent, BODY, NOW)
    assert signing.verify(new, signing.headers((*old, *new), ID, NOW, BODY), BODY, NOW)


@pytest.mark.feature("BOT-02", "SEC-01")
@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from(list(HEADERS)), st.text() | st.sampled_from(list(HEADERS.values()))), st.binary()
)
def test_any_headers_are_a_plain_no(headers: dict[str, str], body: bytes) -> None:
    assert signing.verify(KEYS, headers, body, NOW) == (headers == HEADERS and body == BODY)


@pytest.mark.feature("BOT-02", "SEC-01")
@settings(deadline=None)
@given(st.integers(0, len(BODY) * 8 - 1))
def test_every_bit_counts(bit: int) -> None:
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    assert not signing.verify(KEYS, HEADERS, bytes(changed), NOW)
