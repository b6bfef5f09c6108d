"""Nothing that was said is forgotten with the queues: neither what became of it, nor what was never answered."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece, Say
from gateway.db import Tx
from gateway.errors import Refused
from gateway.history import newest
from gateway.lapsed import STEP
from gateway.message import Outbound, Turn
from gateway.retention import KEPT
from tests.keeping import kept

pytestmark = pytest.mark.store


async def _twice(turn: Turn) -> AsyncIterator[Piece]:
    yield Say(Outbound(text=f"{turn.message.text} once"))
    yield Say(Outbound(text=f"{turn.message.text} twice"))


@pytest.mark.feature("MEM-01", "OUT-07")
async def test_what_became_of_an_answer_is_kept_when_its_parts_go(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        here.bot(_twice)
        session = ""
        for user in ("ada", "bob"):
            for text in ("first", "second"):
                session = await here.visit(user, text=text, level="platform")
        here.paper.fail(lambda: Refused("rejected", "no"))
        await here.visit("bob", text="third", level="platform")
        sent: dict[int, str | None] = dict(
            await here.rows("SELECT id, ref FROM outbox WHERE session = $1 ORDER BY id", session)
        )
        assert len(sent) == 6
        await here.later(KEPT / 1000 + 60)
        assert await here.rows("SELECT COUNT(*) FROM outbox") == [(0,)]
        lines = [line for line in await here.corridor.db.read(newest, session, 50) if line.role == "assistant"]
        assert [line.ref for line in lines] == [ref or "" for ref in sent.values()]
        assert [line.fate for line in lines] == ["sent"] * 4 + ["dead", "sent"]
        assert len({line.ref for line in lines if line.ref}) == 5


@pytest.mark.feature("MEM-01")
async def test_parts_without_a_line_and_more_than_one_batch(tmp_path: Path) -> None:
    async with kept(tmp_path) as here:
        here.bot(_twice)
        await asyncio.gather(*(here.visit(f"u{n}", level="platform", wait=False) for n in range(STEP)))
        await here.quiet()
        await here.say("/help", user="u1")
        await here.quiet()
        await here.corridor.db.write(_forget_lines, "u2")
        await here.later(KEPT / 1000 + 60)
        assert await here.rows("SELECT COUNT(*) FROM outbox") == [(0,)]
        rows = await here.rows("SELECT COUNT(*) FROM message WHERE role = 'assistant' AND extra LIKE '%sent%'")
        assert rows == [(2 * STEP - 2,)]


def _forget_lines(user: str) -> Tx[None]:
    yield (
        """DELETE FROM message WHERE session IN (SELECT s.id FROM session s JOIN participant p ON p.id = s.participant
             WHERE p.person = $1)""",
        (user,),
    )


@pytest.mark.feature("MEM-01", "LIF-10", "LIF-11")
@pytest.mark.parametrize("command", ["/reset", "/end"])
async def test_what_a_reset_leaves_unanswered_stays_in_the_history(tmp_path: Path, command: str) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn) -> AsyncIterator[Piece]:
        begun.set()
        await go_on.wait()
        yield Say(Outbound(text="too late"))

    async with kept(tmp_path) as here:
        here.bot(slow)
        session = await here.visit("ada", text="being answered", level="platform", wait=False)
        await asyncio.wait_for(begun.wait(), 20)
        await here.visit("ada", text="waiting", level="platform", wait=False)
        await here.say(command, user="ada")
        go_on.set()
        await here.quiet()
        found = [(line.role, line.text, line.flag) for line in await here.corridor.db.read(newest, session, 50)]
        assert found[:2] == [("user", "being answered", "superseded"), ("user", "waiting", "superseded")]
        assert all(role == "system" for role, _, _ in found[2:])
        assert await here.rows("SELECT message_count FROM session WHERE id = $1", session) == [(2,)]
