"""Forgers at every door: what is not proven is not taken in, whatever it is made of, and never costs us more than a no.

Each door is tried with a table of forgeries, and with authentic letters in which single bytes were changed by chance.
"""

import asyncio
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.far.twilio import NUMBER as SMS
from tests.forgers import MOVES, PLACE, REFUSED, Forger, Move, forgeries
from tests.forging import BEARER, META, STAMP, TWILIO, house
from tests.loop import Loop

DOORS = ("telegram", "slack", "whatsapp", "twilio", "partners", "site")

pytestmark = pytest.mark.feature("SEC-01")
chance = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def tireless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forger]:
    with asyncio.Runner(loop_factory=Loop) as runner:
        context = house(tmp_path_factory.mktemp("house"))
        found = runner.run(context.__aenter__())
        yield Forger(runner, found)
        runner.run(context.__aexit__(None, None, None))


@pytest.fixture
def forger(tireless: Forger) -> Forger:
    """A minute later: nobody has guessed too often."""
    tireless.house.gateway.clock.ahead += 61
    return tireless


@pytest.mark.feature("SEC-02")
@pytest.mark.parametrize("name", DOORS)
def test_no_forgery_is_taken_in(name: str, forger: Forger) -> None:
    door = forger.house.doors[name]
    good, other = door.letter("hello", ""), door.letter("hello you", "")
    tried = [forger.refused(letter, what) for what, letter in forgeries(door, good, other)]
    assert len(tried) > 15
    assert 401 in tried
    assert forger.taken(good) == 1, "the letter that they were made of was authentic"


@pytest.mark.parametrize("name", DOORS)
def test_a_letter_for_one_door_opens_no_other(name: str, forger: Forger) -> None:
    letter = forger.house.doors[name].letter("hello", "")
    for other in DOORS:
        path = forger.house.doors[other].letter("", "").path
        if other != name:
            forger.refused(letter._replace(path=path), f"{name} to {other}")
    reads = () if name == "site" else ("GET", "HEAD")  # whoever has a token may read
    for method in (*reads, "PUT", "DELETE", "PATCH", "TRACE"):
        forger.refused(letter._replace(method=method, body=b""), method)
    assert forger.taken(letter) == 1


@pytest.mark.parametrize("name", DOORS)
def test_a_letter_that_breaks_off_is_not_taken_in(name: str, forger: Forger) -> None:
    written = forger.house.doors[name].letter("hello", "").written
    body, before = written.index(b"\r\n\r\n") + 4, forger.does(forger.house.taken())
    with capture_logs() as logs:
        for end in (1, len(written) // 3, body - 2, body, len(written) - 1):
            assert forger.does(forger.house.send(written[:end], ends=True)) in REFUSED | {0, 408}, end
        forger.does(forger.house.gateway.rows("SELECT 1"))
    assert not [one for one in logs if one["log_level"] in ("warning", "error")], "strangers could fill the log"
    assert forger.does(forger.house.taken()) == before
    assert forger.does(forger.house.send(written)) in (200, 202)


@pytest.mark.feature("INB-03", "SEC-02")
@pytest.mark.parametrize("name", DOORS)
def test_a_letter_that_is_replayed_is_the_same_letter(name: str, forger: Forger) -> None:
    letter = forger.house.doors[name].letter("hello", "")
    assert forger.taken(letter) == 1
    assert [forger.taken(letter) for _ in range(5)] == [0] * 5


@pytest.mark.feature("CH-06")
def test_what_slack_signed_six_minutes_ago_or_will_sign_is_refused(forger: Forger) -> None:
    house, now = forger.house, forger.house.gateway.clock.now() // 1000
    body = house.doors["slack"].letter("hello", "").body
    for off in (-360, -3600, 360, -now, 10**11):
        assert forger.refused(house.slack_signed(body, now + off), f"{off} seconds") == 401
    other = house.slack_signed(body, now)
    stamp = other.headers[STAMP]
    for odd in (f"+{stamp}", f"{stamp}.0", f"-{stamp}", "0x68", "1e9", "٣", f"{stamp} "):
        headers = {**other.headers, STAMP: odd.encode().decode("latin-1")}
        if odd.strip() != stamp:
            assert forger.refused(other._replace(headers=headers), odd) == 401
    assert forger.taken(other) == 1


@pytest.mark.feature("SEC-02")
def test_a_signature_of_a_weaker_kind_is_none(forger: Forger) -> None:
    for name, header, weaker in (
        ("whatsapp", META, {"x-hub-signature": "sha1={}"}),
        ("whatsapp", META, {META: "sha1={}"}),
        ("twilio", TWILIO, {"x-twilio-webhooks-signature-settings": "key=1,algorithm=HMAC_SHA256"}),
        ("twilio", TWILIO, {"x-twilio-webhooks-signature-settings": "algorithm=none"}),
    ):
        good = forger.house.doors[name].letter("hello", "")
        rest = {key: value for key, value in good.headers.items() if key != header or name == "twilio"}
        digest = good.headers[header].rpartition("=")[2][:40]
        forged = {**rest, **{key: value.format(digest) for key, value in weaker.items()}}
        assert forger.refused(good._replace(headers=forged), str(weaker)) == 401


@pytest.mark.feature("SEC-02", "INB-09", "KEY-09")
def test_what_is_authentic_but_for_another_account_is_let_go(forger: Forger) -> None:
    """It is answered 200, since the platform would come again, and is on record as a drop or a dead letter."""
    house = forger.house
    slack = orjson.loads(house.doors["slack"].letter("hello", "").body)
    now = house.gateway.clock.now() // 1000
    for letter, dead in (
        (house.slack_signed(orjson.dumps({**slack, "team_id": "T999"}), now), 0),
        (house.meta_signed(house.webhook("hello", "106540352249999")), 1),
        (house.twilio_signed("hello", AccountSid="AC" + "66" * 16), 0),
        (house.twilio_signed("hello", To=SMS), 0),
    ):
        inbox, dropped = forger.does(house.taken())
        assert forger.does(house.post(letter)) == 200
        assert forger.does(house.taken()) == (inbox + dead, dropped + 1 - dead), letter.path
    states = forger.does(house.gateway.rows("SELECT DISTINCT state FROM inbox WHERE reason = 'unroutable'"))
    assert states == [("dead",)]
    reasons = forger.does(house.gateway.rows("SELECT DISTINCT reason FROM dropped"))
    assert reasons == [("unroutable",)]


@pytest.mark.feature("SEC-02", "INB-03")
@pytest.mark.parametrize("place", ["alone", "in a group"])
def test_a_form_cut_elsewhere_is_not_another_message(place: str, forger: Forger) -> None:
    """Twilio signs names and values in one string without seams: whoever has heard one call could move them."""
    house = forger.house
    good = house.in_conversation("@helper hello") if place == "in a group" else house.twilio_signed("hello")
    assert forger.taken(good) == 1
    form = dict(parse_qsl(good.body.decode(), keep_blank_values=True))
    names, before = sorted(form), forger.does(house.taken())[0]
    for at, name in enumerate(names):
        for more in range(1, len(names) - at):
            swallowed = names[at + 1 : at + 1 + more]
            other = {key: value for key, value in form.items() if key not in swallowed}
            other[name] += "".join(key + form[key] for key in swallowed)
            forged = good._replace(body=urlencode(other).encode())
            assert house.doors["twilio"].same(good.body, forged.body), "the signature is good for it"
            assert forger.does(house.post(forged)) in REFUSED | {200}
    assert forger.does(house.taken())[0] == before


def test_a_key_to_another_channel_opens_nothing(forger: Forger) -> None:
    for name in ("partners", "site"):
        assert forger.refused(forger.house.doors[name].letter("hello", forger.house.elsewhere), name) in (401, 429)


@pytest.mark.parametrize("name", DOORS)
def test_no_changed_byte_of_a_proof_is_overlooked(name: str, forger: Forger) -> None:
    door, tried = forger.house.doors[name], []

    @chance
    @given(st.sampled_from(door.proof), PLACE, st.integers(1, 255))
    def forge(header: str, place: int, by: int) -> None:
        good = door.letter("hello", "")
        proof = good.headers[header]
        first = len("Bearer ") if header == BEARER else 0
        at = first + place % (len(proof) - first)
        sign = chr(ord(proof[at]) ^ by)
        forged = good._replace(headers={**good.headers, header: proof[:at] + sign + proof[at + 1 :]})
        tried.append(forger.refused(forged, f"{header}: {sign!r} at {at}"))

    forge()
    assert len(tried) >= 40
    assert 401 in tried
    assert forger.taken(door.letter("hello", "")) == 1


@pytest.mark.feature("SEC-02")
@pytest.mark.parametrize("name", ["slack", "whatsapp", "twilio"])
def test_no_changed_byte_of_a_signed_body_is_overlooked(name: str, forger: Forger) -> None:
    door, tried = forger.house.doors[name], []

    @chance
    @given(MOVES)
    def forge(move: Move) -> None:
        good = door.letter("hello", "")
        body = move.make(good.body)
        if not door.same(good.body, body):
            tried.append(forger.refused(good._replace(body=body), repr(body)))

    forge()
    assert set(tried) == {401}
    assert len(tried) >= 40
    assert forger.taken(door.letter("hello", "")) == 1


@pytest.mark.feature("INB-09")
@pytest.mark.parametrize("name", ["telegram", "partners", "site"])
def test_a_changed_byte_of_an_unsigned_body_is_no_fault_of_ours(name: str, forger: Forger) -> None:
    """A secret says nothing about the words: they are taken as they come, or refused."""
    door = forger.house.doors[name]

    @chance
    @given(MOVES)
    def forge(move: Move) -> None:
        good = door.letter("hello", "")
        forged = good._replace(body=move.make(good.body))
        assert forger.does(forger.house.post(forged)) in REFUSED | {200, 202, 409}, forged.body

    forge()
