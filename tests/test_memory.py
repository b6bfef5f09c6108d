"""What is remembered and what goes along with a turn."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.errors import BotUnavailable
from gateway.message import Address, File, Inbound, Message, Outbound, Sender, Turn
from gateway.summary import LONGEST_DIGEST, digest
from tests.kit import corridor, echoes

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


@pytest.mark.feature("MEM-07", "MEM-11")
async def test_variables_and_context_are_changes_not_documents(tmp_path: Path) -> None:
    changes = iter(
        [
            Change(variables={"a": 1, "b": 2}, context={"prompt": "short"}),
            Change(variables={"b": None, "c": 3}),
            Change(context={"prompt": None}),
        ]
    )

    async def sets(turn: Turn) -> AsyncIterator[Piece]:
        if (change := next(changes, None)) is not None:
            yield change
        yield Say(Outbound(text="ok"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(sets)
        for number in range(4):
            await kit.say(str(number))
        await kit.quiet()
        seen = [(dict(turn.session.variables), dict(turn.session.context)) for turn in bot.turns]
        assert seen == [
            ({}, {}),
            ({"a": 1, "b": 2}, {"prompt": "short"}),
            ({"a": 1, "c": 3}, {"prompt": "short"}),
            ({"a": 1, "c": 3}, {}),
        ]


@pytest.mark.feature("MEM-08")
async def test_variables_that_are_too_large_are_left_out_and_the_text_is_sent(tmp_path: Path) -> None:
    async def hoards(turn: Turn) -> AsyncIterator[Piece]:
        yield Change(variables={"small": 1} if turn.message.text == "one" else {"big": "x" * 2000})
        yield Say(Outbound(text="kept" if turn.session.variables else "empty"))

    async with corridor(tmp_path, POLICY.format(policy="enabled: true")) as kit:
        bot = kit.bot(hoards)
        for text in ("one", "two", "three"):
            await kit.say(text)
        await kit.quiet()
        assert kit.paper.texts() == ["empty", "kept", "kept"]
        assert bot.turns[-1].session.variables == {"small": 1}


@pytest.mark.feature("MEM-09")
async def test_participant_data_is_set_appended_incremented_and_unset(tmp_path: Path) -> None:
    async def learns(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "one":
            yield Change(participant_set={"a": 1}, participant_append={"l": "x"}, participant_increment={"n": 2})
        else:
            yield Change(participant_unset=("a",), participant_append={"l": "y"}, participant_increment={"n": 0.5})
        yield Say(Outbound(text="ok"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(learns)
        for text in ("one", "two", "/reset", "three"):
            await kit.say(text)
            await kit.quiet()
        assert [dict(turn.participant.data) for turn in bot.turns] == [
            {},
            {"a": 1, "l": ["x"], "n": 2},
            {"l": ["x", "y"], "n": 2.5},
        ]


@pytest.mark.feature("ID-19")
async def test_the_bot_may_correct_a_name_and_a_new_name_makes_no_new_person(tmp_path: Path) -> None:
    async def corrects(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "call me Countess":
            yield Change(participant_set={"name": "Countess"})
        yield Say(Outbound(text=turn.participant.name))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(corrects)
        for number, (name, text) in enumerate(
            [("Ada", "hi"), ("Ada L.", "hi"), ("Ada L.", "call me Countess"), ("Ada King", "hi")]
        ):
            sender = Sender(id="ada", name=name, language="en")
            address = Address(chat="ada", user="ada")
            await kit.receive(
                Inbound(channel="p", account="acct", ids=(f"n{number}",), address=address, text=text, sender=sender)
            )
            await kit.quiet()
        assert kit.paper.texts() == ["Ada", "Ada L.", "Ada L.", "Countess"]
        assert len({turn.participant.id for turn in bot.turns}) == 1
        profile = (await kit.rows("SELECT profile FROM participant"))[0][0]
        assert '"source":"bot"' in profile
        assert '"source":"platform"' in profile


@pytest.mark.feature("MEM-11", "KEY-06")
async def test_a_hundred_sessions_at_once_each_with_its_own_secret(tmp_path: Path) -> None:
    async def keeps(turn: Turn) -> AsyncIterator[Piece]:
        who = turn.participant.user
        yield Change(
            variables={"secret": f"v-{who}"}, context={"prompt": f"c-{who}"}, participant_set={"d": f"p-{who}"}
        )
        yield Say(Outbound(text=f"w-{turn.message.text}"))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(keeps)
        people = [f"u{number:03}" for number in range(100)]
        for _ in range(3):
            await asyncio.gather(*(kit.say(f"word of {who}", user=who) for who in people))
        await kit.quiet()
        assert len(bot.turns) == 300
        for turn in bot.turns:
            mine = turn.participant.user
            everything = repr(turn)
            assert [who for who in people if who in everything] == [mine]
        last = [turn for turn in bot.turns if turn.session.message_count == 4]
        assert len(last) == 100
        assert all(turn.session.variables == {"secret": f"v-{turn.participant.user}"} for turn in last)


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
