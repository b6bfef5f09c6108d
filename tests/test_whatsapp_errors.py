"""What the Graph API's refusals mean to the core, and that no secret is told with them."""

from typing import Any

import pytest
from msgspec.structs import replace

from adapters.whatsapp.people import Acquaintances, e164
from adapters.whatsapp.refusal import SPAM_PAUSE, GraphError, refusal
from gateway.errors import Refused, Retry
from tests.far.whatsapp import WhatsAppServer
from tests.whatsapp_channel import closed, opened, part

MEANT: dict[int, tuple[type[Exception], str | bool]] = {
    **dict.fromkeys((4, 80007, 130429), (Retry, True)),
    131048: (Retry, True),
    **dict.fromkeys((131056, 131000, 131016, 131057, 2), (Retry, False)),
    **dict.fromkeys((190, 10, 200, 250, 299, 131005, 131031, 368), (Refused, "auth")),
    **dict.fromkeys((131026, 131041), (Refused, "gone")),
    **dict.fromkeys((131030, 131050), (Refused, "blocked")),
    131047: (Refused, "window"),
    131051: (Refused, "unsupported"),
    **dict.fromkeys((100, 131049, 131009, 132000, 132001, 999999), (Refused, "rejected")),
}


@pytest.mark.feature("OUT-05", "OUT-06", "OUT-08")
@pytest.mark.parametrize("code", MEANT)
async def test_each_code_is_told_in_the_words_of_the_core(code: int) -> None:
    kind, told = MEANT[code]
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        server.fail("messages", code)
        with pytest.raises(kind) as raised:
            await adapter.send(part(server.user(7), "hello"))
        error: Any = raised.value
        assert (error.everyone if kind is Retry else error.reason) == told
        assert str(code) in str(error)
        assert not server.sent


@pytest.mark.feature("OUT-05")
async def test_the_platforms_own_wish_is_passed_on() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.user(7).says("hi")
        for code, wish, after in ((130429, 9, 9), (131056, 8, 8), (131048, 0, SPAM_PAUSE), (131000, 0, None)):
            server.fail("messages", code, retry_after=wish)
            with pytest.raises(Retry) as raised:
                await adapter.send(part(server.user(7), "hello"))
            assert raised.value.after == after


@pytest.mark.feature("OUT-05")
async def test_a_pair_that_is_too_fast_waits_alone() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.pair = (2, 12.0)
        for user in (7, 8):
            server.user(user).says("hi")
        for text in ("one", "two"):
            await adapter.send(part(server.user(7), text, id=text))
        with pytest.raises(Retry) as raised:
            await adapter.send(part(server.user(7), "three"))
        assert not raised.value.everyone
        await adapter.send(part(server.user(8), "one"))
        server.ahead = 13
        await adapter.send(part(server.user(7), "three"))
        assert server.texts(server.user(7).id) == ["one", "two", "three"]


@pytest.mark.feature("SEC-01")
async def test_the_token_is_masked_where_meta_repeats_it() -> None:
    async with WhatsAppServer() as server, opened(server) as (adapter, _):
        server.fail("messages", 190, details=f"Malformed access token {server.token}")
        with pytest.raises(Refused) as raised:
            await adapter.send(part(server.user(7), "hello"))
        assert "Malformed access token ***" in str(raised.value)
        assert server.token not in str(raised.value)


@pytest.mark.feature("CH-22")
async def test_opening_with_a_revoked_token_stops_and_other_failures_are_tried_again() -> None:
    async with WhatsAppServer() as server, closed(server) as (adapter, _):
        server.revoked = True
        with pytest.raises(Refused) as refused:
            await adapter.open()
        assert refused.value.reason == "auth"
        server.revoked = False
        for how in (131016, "html", "reset", 100):
            server.fail("", how, 2 if how == "reset" else 1)  # what is only read is asked for twice
            with pytest.raises(Retry):
                await adapter.open()
        await adapter.open()


ODD_ERRORS: list[GraphError] = [
    GraphError(),
    GraphError(error_data="text"),
    GraphError(message="(#100) Param text['body'] must be at most 4096 characters long.", code=100),
    GraphError(code=-1),
    GraphError(code=10**18, is_transient=True),
]


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize("error", ODD_ERRORS, ids=repr)
def test_errors_of_any_shape_mean_something(error: GraphError) -> None:
    assert isinstance(refusal("messages", 400, error, None), Retry | Refused)
    assert isinstance(refusal("messages", 503, replace(error, code=7), None), Retry)
    long = refusal("messages", 400, ODD_ERRORS[2], None)
    assert isinstance(long, Refused)
    assert long.reason == "too_long"


@pytest.mark.feature("KEY-09")
@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("15550100", "+15550100"),
        ("+1 555 0100", "+15550100"),
        ("whatsapp:+1 555 0100", "+15550100"),
        ("(+1) 555-0100", "+15550100"),
        ("0015550100", "+15550100"),
        ("anonymous", "anonymous"),
        ("+1 555 CALL", "+1 555 CALL"),
        ("123", "123"),
        ("", ""),
        ("٣٤٥٦٧٨", "٣٤٥٦٧٨"),
        ("9" * 40, "9" * 40),
    ],
)
def test_numbers_are_e164(written: str, kept: str) -> None:
    assert e164(written) == kept


@pytest.mark.feature("KEY-09")
def test_whose_number_it_is_is_remembered_within_bounds() -> None:
    people = Acquaintances()
    assert people.meet("1", "p", "A")
    assert not people.meet("1", "p", "A")
    assert people.meet("2", "p", "A"), "each number of ours is a world of its own"
    assert people.meet("1", "p", "B"), "a number that somebody else has now"
    assert people.user("1", "p") == "B"
    for number in range(30_000):
        people.meet("3", str(number), "X")
    assert people.user("1", "p") == ""
