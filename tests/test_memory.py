"""What is remembered and what goes along with a turn."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.errors import BotUnavailable
from gateway.message import File, Message, Outbound, Turn
from gateway.summary import LONGEST_DIGEST, digest
from tests.kit import corridor, echoes

pytestmark = pytest.mark.store

POLICY = """
bots: {{b: {{kind: echo}}, s: {{kind: echo}}}}
channels: {{p: {{platform: tests.paper, bot: b, limits: {{send: off, messages: off, variables: 1KB}}, {policy}}}}}
"""


def remembered(turn: Turn) -> list[str]:
    return [line.text for line in turn.history]


@pytest.mark.feature("MEM-02")
async def test_the_last_messages_go_along_oldest_first(tmp_path: Path) -> None:
    async with corridor(tmp_path, POLICY.format(policy="history: {mode: window, max_messages: 4}")) as kit:
        bot = kit.bot()
        for number in range(5):
            await kit.say(f"m{number}")
        await kit.quiet()
        assert remembered(bot.turns[-1]) == ["m2", "m2", "m3", "m3"]
        assert bot.turns[-1].summary is None


@pytest.mark.feature("MEM-02")
@pytest.mark.parametrize("policy", ["history: {mode: none}", "history: {max_messages: 0}"])
async def test_no_history_where_none_is_wanted(tmp_path: Path, policy: str) -> None:
    async with corridor(tmp_path, POLICY.format(policy=policy)) as kit:
        bot = kit.bot()
        for text in ("one", "two"):
            await kit.say(text)
        await kit.quiet()
        assert remembered(bot.turns[-1]) == []
        assert len(await kit.rows("SELECT 1 FROM message")) == 4


@pytest.mark.feature("MEM-02", "MEM-03", "MEM-04")
async def test_every_message_is_in_the_summary_or_verbatim(tmp_path: Path) -> None:
    async with corridor(tmp_path, POLICY.format(policy="history: {max_messages: 10, keep: 4}")) as kit:
        bot = kit.bot()
        for number in range(40):
            await kit.say(f"m{number}.")
        await kit.quiet()
        for number, turn in enumerate(bot.turns):
            assert len(turn.history) <= 10
            told = (turn.summary or "") + "\n" + "\n".join(remembered(turn))
            assert [n for n in range(number) if f"m{n}." not in told] == []
        assert min(len(turn.history) for turn in bot.turns if turn.summary) == 4  # so many are left as they were
        kept = (await kit.rows("SELECT summary, summary_upto FROM session"))[0]
        assert kept[0] == bot.turns[-1].summary
        assert 0 < kept[1] <= 78
    async with corridor(tmp_path, POLICY.format(policy="history: {max_messages: 10, keep: 4}")) as kit:
        bot = kit.bot()
        await kit.say("after the restart")
        await kit.quiet()
        told = (bot.turns[0].summary or "") + "\n" + "\n".join(remembered(bot.turns[0]))
        assert [n for n in range(40) if f"m{n}." not in told] == []


@pytest.mark.feature("MEM-03", "LIF-10")
async def test_a_reset_clears_the_summary(tmp_path: Path) -> None:
    async with corridor(tmp_path, POLICY.format(policy="history: {max_messages: 4, keep: 2}")) as kit:
        bot = kit.bot()
        for number in range(6):
            await kit.say(f"m{number}")
        await kit.quiet()
        await kit.say("/reset")
        await kit.say("new")
        await kit.quiet()
        assert bot.turns[-2].summary is not None
        assert bot.turns[-1].summary is None
        assert bot.turns[-1].history == ()


@pytest.mark.feature("MEM-04")
async def test_a_bot_summarises_and_never_delays_an_answer(tmp_path: Path) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def summarises(turn: Turn) -> AsyncIterator[Piece]:
        assert turn.type == "summarize"
        assert turn.message.text == "In short?"
        asked.set()
        await go_on.wait()
        yield Say(Outbound(text=f"{turn.summary or ''}<{len(turn.history)}>"))

    policy = "history: {max_messages: 4, keep: 2}, summary: {by: s, prompt: In short?}"
    async with corridor(tmp_path, POLICY.format(policy=policy)) as kit:
        bot, second = kit.bot(), kit.bot(summarises, "s")
        for number in range(4):
            await kit.say(f"m{number}")
        await asked.wait()
        await kit.say("while it is at work")
        await kit.quiet()
        assert kit.paper.texts()[-1] == "while it is at work"
        assert remembered(bot.turns[-1])[0] == "m0"  # nothing is left out because the summary is late
        go_on.set()
        await kit.stored("SELECT summary FROM session", (f"<{len(second.turns[0].history)}>",))
        await kit.say("next")
        await kit.quiet()
        assert bot.turns[-1].summary == f"<{len(second.turns[0].history)}>"
        assert remembered(bot.turns[-1])[-1] == "while it is at work"


@pytest.mark.feature("MEM-04")
async def test_a_failed_summary_keeps_the_old_one_and_is_tried_again(tmp_path: Path) -> None:
    async def fails_once(turn: Turn) -> AsyncIterator[Piece]:
        if len(second.turns) == 1:
            raise BotUnavailable("away")
        yield Say(Outbound(text="in short"))

    policy = "history: {max_messages: 4, keep: 2}, summary: {by: s}"
    async with corridor(tmp_path, POLICY.format(policy=policy)) as kit:
        bot, second = kit.bot(), kit.bot(fails_once, "s")
        for number in range(6):
            await kit.say(f"m{number}")
            await kit.quiet()
        await kit.until(lambda: len(second.turns) >= 2)
        await kit.say("last")
        await kit.quiet()
        assert bot.turns[-1].summary == "in short"
        assert kit.paper.texts()[-1] == "last"


@pytest.mark.feature("MEM-04")
def test_a_digest_is_extended_and_stays_short() -> None:
    lines = [Message(seq=n, role="user", name="Ada", text=f"Sentence s{n}. And more of it.", at=0) for n in range(200)]
    first = digest(None, lines[:3])
    assert first.split("\n") == ["Ada: Sentence s0.", "Ada: Sentence s1.", "Ada: Sentence s2."]
    longer = digest(first, lines[3:])
    assert len(longer) <= LONGEST_DIGEST
    assert longer.endswith("Ada: Sentence s199.")


@pytest.mark.feature("MEM-06")
async def test_a_message_without_words_gets_a_placeholder(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        bot = kit.bot()
        await kit.say("", files=(File(id="f1", kind="photo"),))
        await kit.say("   ")
        await kit.say("and now?")
        await kit.quiet()
        stored = [text for (text,) in await kit.rows("SELECT text FROM message WHERE role = 'user' ORDER BY seq")]
        assert stored == ["[photo]", "[empty message]", "and now?"]
        assert "[photo]" in remembered(bot.turns[-1])


@pytest.mark.feature("MEM-01")
async def test_a_line_is_kept_with_who_said_it_when_and_under_which_id(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot()
        before = kit.clock.now()
        await kit.say("look", ref="m-7", files=(File(id="f1", name="cat.png", mime="image/png", size=3, kind="photo"),))
        await kit.quiet()
        await kit.say("/help")
        await kit.quiet()
        rows = await kit.rows("SELECT role, text, name, sender, ref, extra, at, turn FROM message ORDER BY seq")
        user, bot, notice = rows
        assert user[:5] == ("user", "look", "Ada", "ada", "m-7")
        assert '"name":"cat.png"' in user[5]
        assert bot[:6] == ("assistant", "look", "", "", "", None)
        assert (notice[0], notice[1].split("\n")[0]) == ("system", "Commands:")
        assert all(before <= row[6] <= kit.clock.now() for row in rows)
        assert user[7] == bot[7] != notice[7]
        # What the platform calls the answer, and what became of it, stands with its parts.
        parts = await kit.rows("SELECT state, ref FROM outbox ORDER BY id")
        assert parts == [("sent", "ref-1"), ("sent", "ref-2")]


@pytest.mark.feature("OUT-11")
@pytest.mark.parametrize(
    "pieces", [[], [Say(Outbound(text="NO_REPLY"))], [Say(Outbound(text="x")), Change(silent=True)]]
)
async def test_silence_is_an_answer(tmp_path: Path, pieces: list[Piece]) -> None:
    async def silent(turn: Turn) -> AsyncIterator[Piece]:
        for piece in pieces:
            yield piece

    async with corridor(tmp_path) as kit:
        kit.bot(silent)
        await kit.say("hello")
        await kit.quiet()
        assert kit.paper.texts() == []
        assert await kit.rows("SELECT state, reason FROM inbox") == [("done", None)]
        assert await kit.rows("SELECT role FROM message") == [("user",)]


@pytest.mark.feature("MEM-01")
async def test_nothing_said_is_ever_deleted_by_reset_or_summary(tmp_path: Path) -> None:
    async with corridor(tmp_path, POLICY.format(policy="history: {max_messages: 4, keep: 2}")) as kit:
        kit.bot(echoes)
        for number in range(8):
            await kit.say(f"m{number}")
        await kit.quiet()
        await kit.say("/reset")
        await kit.quiet()
        said = await kit.rows("SELECT role, text FROM message WHERE role <> 'system' ORDER BY seq")
        assert said == [(role, f"m{number}") for number in range(8) for role in ("user", "assistant")]
