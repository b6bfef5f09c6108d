"""The queries that the documentation gives for reading the database, run as they stand there."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.message import Outbound, Turn
from tests.kit import corridor
from tests.source import ROOT

pytestmark = pytest.mark.store

QUERIES = re.findall(r"```sql\n(.+?)\n```", (ROOT / "docs" / "database.md").read_text("utf-8"), re.DOTALL)


async def _keeps(turn: Turn) -> AsyncIterator[Piece]:
    yield Change(variables={"step": 1}, context={"kb": ["a"]})
    yield Say(Outbound(text=f"about {turn.message.text}"))


@pytest.mark.feature("STO-01")
async def test_every_documented_query_says_what_it_is_for(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        kit.bot(_keeps)
        for user, text in (("ada", "my Invoice"), ("ada", "thanks"), ("bob", "hello")):
            await kit.say(text, user=user)
            await kit.quiet()
            kit.clock.ahead += 60
        latest, said, answers, people, kept, found = [await kit.rows(query) for query in QUERIES]
        ((bob, *_), (ada, *_)) = latest
        assert [bot for _, _, bot, _ in latest] == ["b", "b"]
        assert latest[0][3] - latest[1][3] >= 60_000
        assert [line[1:] for line in said if line[0] == ada] == [
            ("user", "my Invoice"),
            ("assistant", "about my Invoice"),
            ("user", "thanks"),
            ("assistant", "about thanks"),
        ]
        assert answers == [("b", 3)]
        assert people == [(2, 2)]
        assert sorted(kept) == sorted((one, '{"step":1}', '{"kb":["a"]}') for one in (ada, bob))
        assert found == [(ada,)]


@pytest.mark.feature("STO-01")
async def test_the_views_have_the_columns_that_are_promised(tmp_path: Path) -> None:
    promised = {
        "sessions": ["id", "user_id", "bot_id", "created_at", "last_activity"],
        "messages": ["session_id", "role", "content", "timestamp"],
        "session_state": ["session_id", "variables", "context"],
    }
    async with corridor(tmp_path) as kit:
        await kit.say("hello")
        await kit.quiet()
        for view, columns in promised.items():
            (row,) = await kit.rows(f"SELECT * FROM {view} LIMIT 1")
            assert len(row) == len(columns)
            (named,) = await kit.rows(f"SELECT {', '.join(columns)} FROM {view} LIMIT 1")
            assert named == row
