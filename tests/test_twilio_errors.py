"""Twilio's ways of saying no, in the three words of the core; and what a part becomes that was sent in several."""

from typing import Any

import pytest

from adapters.twilio.refusal import refusal
from gateway.errors import Refused, Retry, SendError, Unknown
from gateway.message import File
from tests.far.twilio import NUMBER, TwilioServer
from tests.twilio_channel import ADA, opened, part

PHOTO = File(id="f1", name="a.png", mime="image/png", size=9, url="https://example.org/f1", kind="photo")
PLAN = File(id="f2", name="plan.pdf", mime="application/pdf", size=9, url="https://example.org/f2")


@pytest.mark.feature("OUT-06", "OUT-08", "OUT-02", "CH-22")
@pytest.mark.parametrize(
    ("status", "code", "error", "reason"),
    [
        (401, 20003, Refused, "auth"),
        (403, 20003, Refused, "auth"),
        (400, 21610, Refused, "blocked"),
        (400, 63015, Refused, "blocked"),
        (400, 21211, Refused, "gone"),
        (400, 21614, Refused, "gone"),
        (400, 63003, Refused, "gone"),
        (400, 63024, Refused, "gone"),
        (400, 63016, Refused, "window"),
        (400, 21617, Refused, "too_long"),
        (400, 21620, Refused, "unsupported"),
        (400, 21602, Refused, "rejected"),
        (404, 20404, Refused, "rejected"),
        (429, 20429, Retry, ""),
        (429, 0, Retry, ""),
        (400, 63018, Retry, ""),
        (400, 21611, Retry, ""),
        (503, 20503, Retry, ""),
        (400, 63012, Retry, ""),
        (500, 20500, Unknown, ""),
        (504, 0, Unknown, ""),
    ],
)
async def test_each_code_has_its_word(status: int, code: int, error: type[SendError], reason: str) -> None:
    async with TwilioServer() as server, opened(server) as (adapter, _):
        server.fail("messages", status, code=code)
        with pytest.raises(error) as raised:
            await adapter.send(part("hello"))
        assert getattr(raised.value, "reason", "") == reason
        assert server.sent == []


@pytest.mark.feature("OUT-02")
@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("", None), ("soon", None), ("-1", None), ("9" * 30, None), ("99999", 3600)]
)
def test_how_long_to_wait_is_told_in_seconds(header: str, seconds: float | None) -> None:
    told = refusal("message", 429, 20429, "Too Many Requests", header)
    assert isinstance(told, Retry)
    assert (told.after, told.everyone) == (seconds, True)


@pytest.mark.feature("OUT-02", "OUT-04")
def test_only_the_accounts_own_rate_stops_everybody() -> None:
    told = refusal("message", 400, 63018, "Rate limit exceeded for Channel")
    assert isinstance(told, Retry)
    assert not told.everyone


@pytest.mark.feature("SEC-01")
async def test_no_error_tells_the_token() -> None:
    async with TwilioServer() as server, opened(server) as (adapter, _):
        for sentence in (server.token, f"bad token {server.token}!"):
            server.fail("messages", 400, code=20001, sentence=sentence)
            with pytest.raises(Refused) as raised:
                await adapter.send(part("hello"))
            assert server.token not in str(raised.value)


@pytest.mark.feature("OUT-03", "MED-04")
async def test_a_part_of_several_messages_goes_on_where_it_ended() -> None:
    async with TwilioServer() as server, opened(server, order_wait="off") as (adapter, _):
        person = server.person(ADA)
        person.window = True
        server.published[PLAN.url] = b"%PDF"
        whole = part("the plan", files=(PLAN,))
        for how in (503, "accept_then_reset", "reset"):
            server.fail("messages", how, after=int(how == 503))
            with pytest.raises((Retry, Unknown)):
                await adapter.send(whole)
        assert await adapter.send(whole) == server.sent[-1].sid
        assert server.texts() == ["the plan", "", ""]  # the file that was in doubt was sent again, the words were not
        assert [sent.media for sent in server.sent] == [(), (PLAN.url,), (PLAN.url,)]
        await adapter.send(whole)
        assert server.texts()[3:] == ["the plan", ""]  # said once more, it is said whole


@pytest.mark.feature("MED-04")
async def test_a_file_that_is_refused_after_its_words_is_a_link() -> None:
    async with TwilioServer() as server, opened(server, order_wait="off") as (adapter, _):
        server.person(ADA).window = True
        server.fail("messages", 400, code=21620, after=1)
        await adapter.send(part("the plan", files=(PLAN,)))
        assert server.texts() == ["the plan", f"plan.pdf: {PLAN.url}"]


@pytest.mark.feature("MED-04", "MED-02")
@pytest.mark.parametrize(
    "file",
    [
        File(name="a.zip", mime="application/zip", size=9, url="https://example.org/a"),
        File(name="a.png", mime="image/png", size=6 << 20, url="https://example.org/a"),
        File(name="a.pdf", mime="application/pdf", size=17 << 20, url="https://example.org/a"),
        File(name="a.pdf", mime="application/pdf", size=9),
        File(name="a.pdf", mime="application/pdf", size=9, url="file:///etc/passwd"),
    ],
)
async def test_what_whatsapp_does_not_take_is_refused_before_anything_is_sent(file: File) -> None:
    async with TwilioServer() as server, opened(server) as (adapter, _):
        with pytest.raises(Refused) as raised:
            await adapter.send(part("look", files=(file,)))
        assert raised.value.reason in ("unsupported", "rejected")
        assert server.calls[-1][0] != "messages"


@pytest.mark.feature("MED-04")
async def test_pictures_of_an_mms_go_together_with_their_words() -> None:
    async with TwilioServer() as server, opened(server, **{"from": NUMBER}) as (adapter, _):
        server.published |= {PHOTO.url: b"png", "https://example.org/f3": b"gif"}
        other = File(id="f3", name="b.gif", mime="image/gif", size=9, url="https://example.org/f3", kind="photo")
        await adapter.send(part("look", files=(PHOTO, other)))
        assert [(sent.body, sent.contents) for sent in server.sent] == [("look", (b"png", b"gif"))]
        too_large: Any = [File(id=f"{n}", name="a", mime="image/png", size=3 << 20, url=PHOTO.url) for n in range(2)]
        for files in (too_large, [PLAN]):
            with pytest.raises(Refused):
                await adapter.send(part("look", id="2", files=tuple(files)))
