"""Edits and deletions: of what waits, of what is being answered, of what was answered last, and of what came before."""

from pathlib import Path
from typing import Any

import pytest

from tests.amended import Slow, answered, change, lines
from tests.kit import YAML, corridor, said
from tests.leap import leap

pytestmark = [pytest.mark.feature("LIF-17"), pytest.mark.store]


def policy(word: str) -> str:
    return YAML.replace("bot: b,", f"bot: b, session: {{on_edit: {word}}},")


async def test_what_waits_is_answered_as_it_reads_now(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        await kit.say("first", ref="m1")
        await kit.say("secnd", ref="m2")
        await kit.say("third", ref="m3")
        assert (await change(kit, "edit", "m2", "second")).outcome == "stored"
        assert (await change(kit, "revoke", "m3")).outcome == "stored"
        slow.go.set()
        await kit.quiet()
        assert slow.asked == ["first", "second"]
        assert await kit.rows("SELECT state, reason, body, raw FROM inbox WHERE seq = 3") == [
            ("dropped", "revoked", None, None)
        ]


async def test_what_is_being_answered_is_answered_anew_as_another_turn(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        await kit.say("helo", ref="m1")
        await kit.say("next", ref="m2")
        await kit.until(lambda: slow.asked == ["helo"])
        assert (await change(kit, "edit", "m1", "hello")).outcome == "stored"
        await kit.until(lambda: slow.asked == ["helo", "hello"])
        slow.go.set()
        await kit.quiet()
        assert slow.asked == ["helo", "hello", "next"]
        assert kit.paper.texts() == ["re: hello", "re: next"]
        assert await lines(kit) == [
            *(("user", "hello"), ("assistant", "re: hello"), ("user", "next"), ("assistant", "re: next"))
        ]
        first, second = slow.bot.turns[:2]
        assert first.id != second.id, "a bot that knows turns by their ids does not take it for a retry"
        assert second.attempt == 1


async def test_what_is_being_answered_and_is_deleted_is_not_answered(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        await kit.say("secret", ref="m1")
        await kit.say("next", ref="m2")
        await kit.until(lambda: slow.asked == ["secret"])
        await change(kit, "revoke", "m1")
        slow.go.set()
        await kit.quiet()
        assert kit.paper.texts() == ["re: next"]
        assert await lines(kit) == [("user", "next"), ("assistant", "re: next")]
        assert await kit.rows("SELECT body FROM inbox WHERE seq = 1") == [(None,)]


async def test_the_last_message_is_answered_anew_and_the_old_answer_counts_no_more(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = await answered(kit, "before", "helo")
        assert (await change(kit, "edit", "m1", "hello")).outcome == "stored"
        await kit.quiet()
        assert slow.asked == ["before", "helo", "hello"]
        turn = slow.bot.turns[-1]
        assert [(line.role, line.text) for line in turn.history] == [("user", "before"), ("assistant", "re: before")]
        assert turn.id != slow.bot.turns[1].id
        assert kit.paper.texts() == ["re: before", "re: helo", "re: hello"]
        assert await lines(kit) == [
            *(("user", "before"), ("assistant", "re: before")),
            *(("user", "hello"), ("system", "re: helo"), ("assistant", "re: hello")),
        ]
        assert await kit.rows("SELECT message_count FROM session") == [(4,)]
        await kit.say("after", ref="m2")
        await kit.quiet()
        assert [line.text for line in slow.bot.turns[-1].history] == ["before", "re: before", "hello", "re: hello"]


async def test_of_what_was_said_before_only_the_history_changes(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        for ref, text in (("m1", "on"), ("m2", "two")):
            await kit.say(text, ref=ref)
            await kit.quiet()
        assert (await change(kit, "edit", "m1", "one")).outcome == "stored"
        await kit.quiet()
        assert slow.asked == ["on", "two"]
        await kit.say("three", ref="m3")
        await kit.quiet()
        assert [line.text for line in slow.bot.turns[-1].history] == ["one", "re: on", "two", "re: two"]


async def test_an_edit_behind_which_something_waits_is_history(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        await kit.say("on", ref="m1")
        await kit.quiet()
        slow.go.clear()
        await kit.say("two", ref="m2")
        await change(kit, "edit", "m1", "one")
        slow.go.set()
        await kit.quiet()
        assert slow.asked == ["on", "two"]
        assert (await lines(kit))[0] == ("user", "one")


async def test_what_was_deleted_is_blanked_wherever_it_is_kept(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        await kit.receive(said(kit.here, "my password", ref="m1"), b"raw my password")
        await kit.quiet()
        assert (await change(kit, "revoke", "m1")).outcome == "stored"
        assert (await change(kit, "revoke", "m1")).outcome == "unchanged"
        await kit.say("hello", ref="m2")
        await kit.quiet()
        assert [line.text for line in slow.bot.turns[-1].history] == ["[deleted]", "re: my password"]
        assert await kit.rows("SELECT body, raw FROM inbox ORDER BY id LIMIT 1") == [(None, None)]
        assert (await change(kit, "edit", "m1", "my password again")).outcome == "stored"
        await kit.quiet()
        assert slow.asked == ["my password", "hello"], "what it was is not known any more"


@pytest.mark.parametrize(
    ("word", "asked", "first"),
    [("reanswer_last", ["helo", "hello"], "hello"), ("history", ["helo"], "hello"), ("ignore", ["helo"], "helo")],
)
async def test_the_operator_decides_what_edits_do(word: str, asked: list[str], first: str, tmp_path: Path) -> None:
    async with corridor(tmp_path, policy(word)) as kit:
        slow = Slow(kit)
        slow.go.set()
        await kit.say("helo", ref="m1")
        await kit.quiet()
        await change(kit, "edit", "m1", "hello")
        await kit.quiet()
        assert slow.asked == asked
        assert (await lines(kit))[0] == ("user", first)


NOTHING: list[tuple[dict[str, Any], str]] = [
    ({"ref": "m1", "text": "hello"}, "unchanged"),
    ({"ref": "m9", "text": "never heard"}, "unroutable"),
    ({"ref": "", "text": "no id"}, "unroutable"),
    ({"ref": "m1", "text": "of another chat", "user": "eve"}, "unroutable"),
    ({"ref": "m1", "text": "ours", "user": "acct", "chat": "ada"}, "own_echo"),
]


@pytest.mark.parametrize(("edit", "outcome"), NOTHING)
async def test_an_edit_of_nothing_is_let_go_with_a_reason(edit: dict[str, Any], outcome: str, tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        await kit.say("hello", ref="m1")
        await kit.quiet()
        accepted = await change(kit, "edit", **edit)
        await kit.quiet()
        assert accepted.outcome == outcome
        assert slow.asked == ["hello"]
        assert await kit.rows("SELECT reason FROM dropped") == [(outcome,)]


async def test_an_edit_told_twice_is_answered_once(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        await kit.say("helo", ref="m1")
        await kit.quiet()
        for _ in range(2):
            await change(kit, "edit", "m1", "hello", event="edit-1")
            await kit.quiet()
        assert slow.asked == ["helo", "hello"]


async def test_after_a_reset_what_was_said_before_it_is_not_answered_anew(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        await kit.say("helo", ref="m1")
        await kit.quiet()
        await kit.say("/reset")
        assert (await change(kit, "edit", "m1", "hello")).outcome == "unroutable"
        await kit.quiet()
        assert slow.asked == ["helo"]


@pytest.mark.feature("ORD-05")
async def test_one_of_several_messages_that_wait_together_is_changed(tmp_path: Path) -> None:
    quiet = YAML.replace("bot: b,", "bot: b, coalesce: {quiet: 3s},")
    async with corridor(tmp_path, quiet) as kit:
        slow = Slow(kit)
        slow.go.set()
        for ref, text in (("m1", "a"), ("m2", "b"), ("m3", "c")):
            await kit.say(text, ref=ref)
        await change(kit, "edit", "m2", "B")
        await change(kit, "revoke", "m3")
        kit.clock.ahead += 3.1
        leap(3.1)
        kit.router.ring_bot("b")
        await kit.until(lambda: slow.asked == ["a\nB"])
        await kit.quiet()
        await change(kit, "edit", "m1", "A")
        await kit.until(lambda: slow.asked == ["a\nB", "A\nB"])
        await kit.quiet()
        assert [text for role, text in await lines(kit) if role == "user"] == ["A", "B"]


# --- before the message itself


async def test_what_was_deleted_before_it_came_is_not_answered(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        assert (await change(kit, "revoke", "m1")).outcome == "unroutable"
        assert (await change(kit, "edit", "m1", "too late")).outcome == "unroutable"
        assert (await kit.say("secret", ref="m1", event="e1")).outcome == "revoked"
        assert (await kit.say("secret", ref="m1", event="e1")).outcome == "duplicate"
        await kit.say("next", ref="m2")
        await kit.quiet()
        assert slow.asked == ["next"]
        assert await kit.rows("SELECT reason FROM dropped ORDER BY id") == [("unroutable",)] * 2 + [("revoked",)]
        assert not any(b"secret" in path.read_bytes() for path in tmp_path.glob("gateway.db*"))


async def test_what_was_edited_before_it_came_is_answered_as_it_reads_now(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        await change(kit, "edit", "m1", "helo")
        await change(kit, "edit", "m1", "hello")
        await kit.say("hlo", ref="m1")
        await kit.say("hlo", user="bob", ref="m1")
        await kit.quiet()
        assert sorted(slow.asked) == ["hello", "hlo"]


@pytest.mark.parametrize(("seconds", "asked"), [(59, "hello"), (61, "helo")])
async def test_a_change_is_expected_for_a_minute(seconds: int, asked: str, tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        slow = Slow(kit)
        slow.go.set()
        await change(kit, "edit", "m1", "hello")
        kit.clock.ahead += seconds
        await kit.say("helo", ref="m1")
        await kit.quiet()
        assert slow.asked == [asked]


async def test_where_edits_mean_nothing_they_change_nothing_that_comes(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("ignore")) as kit:
        slow = Slow(kit)
        slow.go.set()
        await change(kit, "edit", "m1", "hello")
        await kit.say("helo", ref="m1")
        await kit.quiet()
        assert slow.asked == ["helo"]
