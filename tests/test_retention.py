"""Every channel keeps things as long as its `retention` says: then rows and files are really gone, and no others."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.bot import Piece, Say
from gateway.check import check
from gateway.errors import BotBroken
from gateway.lapsed import SPAN, STEP
from gateway.message import File, Outbound, Turn
from tests.keeping import DAY, HOUR, Kept, kept
from tests.uploads import kept as contents

pytestmark = [pytest.mark.feature("SEC-07"), pytest.mark.store]

YAML = """
bots: {b: {kind: echo, retries: 0}}
defaults: {limits: {send: off, messages: off}, retention: {raw_events: 10d, files: 5d}}
channels:
  p: {platform: tests.diary, bot: b}
  brief: {platform: tests.diary, bot: b, retention: {messages: 5d, raw_events: 2d, files: 1d, traces: 2d, dead: 4d}}
  endless: {platform: tests.diary, bot: b,
    retention: {messages: forever, raw_events: forever, files: forever, traces: forever, dead: never}}
"""
CHANNELS = ("p", "brief", "endless")


async def answers(turn: Turn) -> AsyncIterator[Piece]:
    if turn.message.text == "break":
        raise BotBroken("no")
    yield Say(Outbound(text="yes"))


async def live(kit: Kept) -> None:
    """In every channel something is said with a file, a message dies, and one is let go."""
    kit.bot(answers)
    for channel in CHANNELS:
        notes = File(ref=f"what is in {channel}", name="notes.txt", mime="text/plain")
        await kit.say("hello", channel, files=(notes,))
        await kit.quiet()
        await kit.say("break", channel, user="bob")
        await kit.say("aside", channel, place="group", chat="g", addressed=False)
        await kit.quiet()


async def there(kit: Kept) -> dict[str, str]:
    """What is left of each channel, in letters: Messages, Inbox, Outbox, Files, droppeD, deaD letters."""
    counts = {
        "m": "SELECT channel FROM message JOIN session ON session.id = message.session",
        "i": "SELECT channel FROM inbox WHERE state = 'done'",
        "o": "SELECT channel FROM outbox WHERE state = 'sent'",
        "f": "SELECT channel FROM file JOIN session ON session.id = file.session",
        "t": "SELECT channel FROM dropped",
        "d": "SELECT channel FROM inbox WHERE state = 'dead'",
    }
    found = {letter: {channel for (channel,) in await kit.rows(sql)} for letter, sql in counts.items()}
    return {name: "".join(letter for letter in counts if name in found[letter]) for name in CHANNELS}


async def test_each_channel_keeps_each_kind_as_long_as_it_says(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await live(kit)
        everything = dict.fromkeys(CHANNELS, "mioftd")
        assert await there(kit) == everything
        seen = {}
        for day in range(1, 33):
            await kit.later(DAY + 60 if day == 1 else DAY)
            seen[day] = await there(kit)
        assert seen[1] == {**everything, "brief": "miotd"}
        assert seen[2] == {**everything, "brief": "md"}
        assert seen[3] == seen[2]
        assert seen[4] == {**everything, "brief": "m"}
        assert seen[5] == {**everything, "p": "miotd", "brief": ""}
        assert seen[7]["p"] == "miod"
        assert seen[10]["p"] == "md"
        assert seen[29]["p"] == "md"
        assert seen[30]["p"] == "m"
        assert seen[32] == {"p": "m", "brief": "", "endless": "mioftd"}
        assert len(contents(tmp_path / "files")) == 1, "contents go from the disk with their files"
        assert await kit.rows("SELECT COUNT(*) FROM session") == [(6,)]


async def test_the_daily_job_counts_in_the_log(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await live(kit)
        with capture_logs() as logs:
            await kit.later(2 * DAY + 60)
            await kit.later(HOUR)
            await kit.later(3 * DAY)
        swept = [entry for entry in logs if entry["event"] == "retention.swept"]
        assert [{k: v for k, v in one.items() if isinstance(v, int)} for one in swept] == [
            {"inbox": 1, "outbox": 2, "dropped": 1, "messages": 0, "files": 1},
            {"inbox": 1, "outbox": 0, "dropped": 0, "messages": 4, "files": 1},
        ], "once a day"


async def test_what_was_said_is_kept_no_longer_in_the_queues_than_in_the_history(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML.replace("raw_events: 2d, files: 1d, traces: 2d, dead: 4d", "dead: 90d")) as kit:
        await live(kit)
        await kit.later(5 * DAY + 60)
        assert (await there(kit))["brief"] == "t"


async def test_many_go_in_small_steps(tmp_path: Path) -> None:
    rows = 2 * SPAN + 7
    async with kept(tmp_path, YAML) as kit:
        kit.bot(answers)
        session = (await kit.say("hello", "brief")).session
        await kit.quiet()

        def many():  # type: ignore[no-untyped-def]
            numbers = "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < $1 + 9)"
            yield (
                f"""INSERT INTO message (session, seq, role, text, at) {numbers}
                      SELECT $2, i, 'user', 'old', 1 FROM n""",
                (rows, session),
            )
            yield "UPDATE message SET at = 1", ()
            yield (
                f"""INSERT INTO inbox (lane, seq, session, turn, channel, received_at, state) {numbers}
                      SELECT 1, i, $2, 't', CASE i % 2 WHEN 1 THEN 'brief' ELSE 'endless' END, 1, 'done' FROM n""",
                (rows, session),
            )

        await kit.corridor.db.write(many)
        steps: list[int] = []
        write = kit.corridor.db.write

        async def watched(tx, *args, **kwargs):  # type: ignore[no-untyped-def]
            found = await write(tx, *args, **kwargs)
            if tx.__name__ in ("remove", "shorten"):
                steps.append(found if tx.__name__ == "remove" else found[0])
            return found

        kit.corridor.db.write = watched  # type: ignore[method-assign]
        counts = await kit.housekeeping._sweep.run(kit.clock.now())
        assert counts["messages"] == rows + 2
        assert await kit.rows("SELECT channel, COUNT(*) FROM inbox WHERE turn = 't' GROUP BY channel") == [
            ("endless", (rows + 1) // 2)
        ]
        assert max(steps) <= STEP
        assert sum(steps) == counts["messages"] + counts["inbox"]


async def test_what_an_operator_has_put_back_to_work_stays(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        await live(kit)
        kit.corridor.desk.draining = True
        await kit.corridor.db.write(_requeue)
        await kit.later(40 * DAY)
        assert await kit.rows("SELECT DISTINCT state FROM inbox WHERE channel = 'brief'") == [("waiting",)]


def _requeue():  # type: ignore[no-untyped-def]
    yield "UPDATE inbox SET state = 'waiting' WHERE channel = 'brief' AND state = 'dead'", ()
    yield "UPDATE lane SET waiting = 1, in_due_at = 0 WHERE channel = 'brief' AND chat = 'bob'", ()


async def test_a_summary_goes_with_the_last_line_it_was_made_of(tmp_path: Path) -> None:
    async with kept(tmp_path, YAML) as kit:
        bot = kit.bot(answers)
        first = (await kit.say("the first", "brief")).session
        await kit.quiet()

        def summarised():  # type: ignore[no-untyped-def]
            yield "UPDATE session SET summary = 'the first was said', summary_upto = 2 WHERE id = $1", (first,)

        await kit.corridor.db.write(summarised)
        kit.clock.ahead += 2 * DAY
        await kit.say("the second", "brief")
        await kit.quiet()
        await kit.later(3 * DAY + 60)
        assert await kit.rows("SELECT summary FROM session WHERE id = $1", first) == [(None,)]
        await kit.say("the third", "brief")
        await kit.quiet()
        assert [line.text for line in bot.turns[-1].history] == ["the second", "yes"]


def test_less_than_a_day_is_warned_of(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(
        """bots: {b: {kind: echo}}
defaults:
  retention: {dead: 12h}
channels:
  p:
    platform: web
    bot: b
    retention: {messages: 1h, files: 1d}
"""
    )
    report = check(file, {})
    assert report.exit_code == 0
    warned = {(found.path, found.line) for found in report.warnings if "less than a day" in found.message}
    assert warned == {("channels.p.retention.messages", 8), ("defaults.retention.dead", 3)}
    file.write_text("bots: {b: {kind: echo}}\nchannels: {p: {platform: web, bot: b, retention: {messages: soon}}}")
    (problem,) = check(file, {}).problems
    assert "a duration such as 30s, 5m, 2h or 7d, or forever" in problem.message
