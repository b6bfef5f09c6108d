"""What Slack's refusals mean to the core, that nothing is tried twice here, and that no token is told."""

from typing import Any

import pytest

from adapters.slack.refusal import refusal, wait
from gateway.errors import Refused, Retry, Unknown
from gateway.message import Address
from tests.far.slack import BOT_TOKEN, SlackServer
from tests.slack_channel import call, closed, opened, part

MEANT: dict[str, tuple[type[Exception], str]] = {
    **dict.fromkeys(("ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable"), (Retry, "")),
    **dict.fromkeys(("internal_error", "fatal_error", "duplicate_message_not_found"), (Unknown, "")),
    **dict.fromkeys(("invalid_auth", "account_inactive", "token_revoked", "missing_scope"), (Refused, "auth")),
    **dict.fromkeys(("channel_not_found", "is_archived", "user_not_found"), (Refused, "gone")),
    **dict.fromkeys(("not_in_channel", "restricted_action", "messages_tab_disabled"), (Refused, "blocked")),
    **dict.fromkeys(("msg_too_long", "msg_blocks_too_long"), (Refused, "too_long")),
    **dict.fromkeys(("invalid_blocks", "no_text", "something_new", ""), (Refused, "rejected")),
}


@pytest.mark.feature("OUT-02", "OUT-06")
@pytest.mark.parametrize("word", [word for word in MEANT if word])
async def test_each_word_is_told_in_the_words_of_the_core(word: str) -> None:
    kind, reason = MEANT[word]
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.fail("chat.postMessage", word)
        with pytest.raises(kind, match=word) as raised:
            await adapter.send(part("hello"))
        assert getattr(raised.value, "reason", "") == reason
        assert not server.sent


@pytest.mark.feature("OUT-06")
def test_a_scope_that_is_missing_stops_only_what_needs_it() -> None:
    for method, reason in (("chat.postMessage", "auth"), ("reactions.add", "unsupported")):
        found = refusal(method, "missing_scope", "some:scope")
        assert isinstance(found, Refused)
        assert found.reason == reason
        assert "give the app the scope some:scope and install it again" in str(found)


@pytest.mark.feature("OUT-02", "OUT-04")
async def test_retry_after_is_passed_on_and_one_channel_waits_alone() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        server.pace.channel = (1, 30.0)
        for user in ("U7", "U8"):
            server.user(user)
        await adapter.send(part("one"))
        with pytest.raises(Retry) as raised:
            await adapter.send(part("two"))
        assert (raised.value.after, raised.value.everyone) == (30, False)
        await adapter.send(part("one", user="U8"))
        assert len(server.asked("chat.postMessage")) == 3, "it is the core that tries again"
        server.fail("reactions.add", 429, retry_after=7)
        with pytest.raises(Retry) as raised:
            await adapter.react(part("").address, server.sent[0].ts, "👀")
        assert raised.value.after == 7, "also by the SDK, whose own retries are off"
        assert len(server.asked("reactions.add")) == 1


@pytest.mark.feature("OUT-02")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30.0), ("0", 0.0), (None, None), ("", None), ("-1", None), ("1.5", None), ("9" * 7, None), ("٣", None)],
)
def test_a_wait_that_makes_no_sense_is_none(header: str | None, seconds: float | None) -> None:
    assert wait(header) == seconds


DOUBT = [
    ("reset", Unknown),
    ("html", Unknown),
    (503, Unknown),
    (403, Retry),
    ("accept_then_reset", Unknown),
    ("accept_then_cut", Unknown),
]


@pytest.mark.feature("OUT-05")
@pytest.mark.parametrize(("how", "kind"), DOUBT, ids=[str(how) for how, _ in DOUBT])
async def test_a_call_whose_answer_is_lost_is_made_once_and_in_doubt(how: Any, kind: type[Exception]) -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        theirs = server.user("U7").says("hi")
        server.fail("chat.postMessage", how)
        with pytest.raises(kind):
            await adapter.send(part("hello"))
        assert len(server.asked("chat.postMessage")) == 1
        server.fail("reactions.add", how)
        with pytest.raises((Unknown, Retry)):
            await adapter.react(part("").address, theirs, "👀")
        assert len(server.asked("reactions.add")) == 1


@pytest.mark.feature("OUT-05")
async def test_without_a_server_nothing_was_sent() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        await server.stop()
        with pytest.raises(Retry):
            await adapter.send(part("hello"))
        with pytest.raises(Retry):
            await adapter.react(part("").address, "1.000001", "👀")


@pytest.mark.feature("SEC-01", "OUT-06")
@pytest.mark.parametrize("how", ["invalid_auth", "html", "reset", 429, "missing_scope"])
async def test_no_error_tells_the_token_nor_holds_the_request(how: Any) -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        for method, ask in (
            ("chat.postMessage", lambda: adapter.send(part("hello"))),
            ("reactions.add", lambda: adapter.react(part("").address, "1.000001", "👀")),
        ):
            server.fail(method, how)
            with pytest.raises((Refused, Retry, Unknown)) as raised:
                await ask()
            error: BaseException | None = raised.value
            while error is not None:
                assert BOT_TOKEN not in f"{error!r} {error} {error.__dict__}"
                error = error.__cause__ or error.__context__


@pytest.mark.feature("FMT-01")
async def test_half_a_character_is_refused_by_us() -> None:
    async with SlackServer() as server, opened(server) as (adapter, _):
        with pytest.raises(Refused):
            await adapter.send(part("half \ud83d"))
        assert not server.asked("chat.postMessage")


@pytest.mark.feature("CH-22")
async def test_opening_tells_who_we_are_or_why_not() -> None:
    async with SlackServer() as server:
        async with opened(server) as (adapter, _):
            assert (adapter.account, adapter.mention) == ("T1", "far_bot")
        async with closed(server, bot_token="xoxb-9999999999-wrong") as (adapter, _):
            with pytest.raises(Refused, match="invalid_auth") as refused:
                await adapter.open()
            assert refused.value.reason == "auth"
        async with closed(server, bot_token=None, workspaces={"T5": BOT_TOKEN}) as (adapter, _):
            with pytest.raises(Refused, match="T5: the token belongs to T1"):
                await adapter.open()


@pytest.mark.feature("CH-22", "KEY-06")
async def test_a_workspace_that_does_not_let_us_in_is_told_and_tried_again() -> None:
    second = "xoxb-4444444444-token_of_the_second"
    async with SlackServer() as server:
        server.team("T2", second).revoked = True
        async with opened(server, bot_token=None, workspaces={"T1": BOT_TOKEN, "T2": second}) as (adapter, gate):
            adapter._entrance.up()
            assert gate.states == [("up", "T2: auth.test: token_revoked")]
            server.fail("auth.test", "html")  # another failure is waited for like the first one
            server.world.teams["T2"].revoked = False
            await adapter._entrance.knock()
            assert gate.pauses == [900, 900]
            assert gate.states[-1] == ("up", "")
            server.user("U7", team="T2")
            await adapter.send(part("hello", address=Address(chat="DU7", account="T2")))
            assert server.visible("DU7", team="T2") == ["hello"]


@pytest.mark.feature("KEY-09")
async def test_one_token_of_a_whole_organisation_is_known_by_its_id() -> None:
    async with SlackServer() as server:
        server.organisation = "E1"
        async with opened(server, mode="http") as (adapter, gate):
            assert adapter.account == "E1"
            ada = server.user("U7", "Ada")
            ada.says("hello")
            ada.commands("/status")
            for happening in server.feed.pending.values():
                assert (await adapter.handle(call(happening.body))).status == 200
            assert [(one.account, one.text) for one, _ in gate.received] == [("E1", "hello"), ("E1", "/status")]
