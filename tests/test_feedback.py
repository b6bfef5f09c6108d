"""Reactions to answers: kept as ratings, told to those who watch, withdrawn when they are taken away."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from gateway import history
from gateway.bot import Piece, Say
from gateway.intake import Accepted
from gateway.message import Button, Outbound, Turn
from tests.kit import YAML, Kit, corridor, said

pytestmark = pytest.mark.feature("STR-06")


async def twice(turn: Turn) -> AsyncIterator[Piece]:
    """A long message in several parts, and a short one."""
    yield Say(Outbound(text=" ".join(f"word{n}" for n in range(1500))))
    yield Say(Outbound(text="short", buttons=(Button(text="More"),)))


async def reacts(kit: Kit, ref: str, told: dict[str, Any], *, user: str = "ada", **more: Any) -> Accepted:
    inbound = said(kit.here, "", user=user, ref=ref, **more)
    return await kit.receive(replace(inbound, kind="reaction", extra={"reaction": told}))


async def ratings(kit: Kit) -> dict[str, dict[str, int]]:
    """By the first word of each line that has any."""
    ((session,),) = await kit.rows("SELECT id FROM session")
    lines = await kit.corridor.db.read(history.newest, session, 50)
    assert [line.buttons for line in lines if line.text == "short"] == [(Button(text="More"),)], "nothing else is lost"
    return {line.text.split()[0]: dict(line.ratings) for line in lines if line.ratings}


def put(emoji: str) -> dict[str, Any]:
    return {"emoji": emoji, "removed": False}


def taken(emoji: str) -> dict[str, Any]:
    return {"emoji": emoji, "removed": True}


async def answered(kit: Kit) -> list[str]:
    """Have an answer; the platform's ids of its parts."""
    kit.bot(twice)
    await kit.say("hi")
    await kit.quiet()
    return [f"ref-{number}" for number in range(1, len(kit.paper.sent) + 1)]


async def test_a_thumb_rates_the_message_whichever_of_its_parts_it_is_put_on(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        *long, short = await answered(kit)
        assert len(long) > 2
        assert (await reacts(kit, long[1], put("👍"))).outcome == "stored"
        assert await ratings(kit) == {"word0": {"ada": 1}}
        assert (await reacts(kit, short, put("👎🏽"))).outcome == "stored"
        assert await ratings(kit) == {"word0": {"ada": 1}, "short": {"ada": -1}}
        assert len(kit.paper.sent) == len(long) + 1, "nobody answers a reaction"


CHANGES: list[tuple[list[dict[str, Any]], int]] = [
    ([put("👍")], 1),
    ([put("thumbsup")], 1),
    ([put("+1::skin-tone-3")], 1),
    ([put(":-1:")], -1),
    ([put("👍"), put("👎")], -1),
    ([put("👍"), put("❤")], 1),
    ([put("👍"), taken("❤")], 1),
    ([put("👍"), taken("👍")], 0),
    ([put("👍"), put("👎"), taken("👍")], -1),
    ([put("👍"), {"emoji": "❤", "removed": False, "now": ["❤"]}], 0),
    ([{"emoji": "❤", "removed": False, "now": ["❤", "👎"]}], -1),
    ([put("👍"), {"emoji": "", "removed": True, "now": []}], 0),
    ([put("🎉")], 0),
    ([{}], 0),
    ([{"emoji": ["👍"], "now": "👍"}], 0),
]


@pytest.mark.parametrize(("changes", "score"), CHANGES, ids=str)
async def test_the_last_thumb_counts_and_taking_it_away_withdraws_it(
    changes: list[dict[str, Any]], score: int, tmp_path: Path
) -> None:
    async with corridor(tmp_path) as kit:
        short = (await answered(kit))[-1]
        await reacts(kit, short, put("👎"), user="bob", chat="ada")
        for change in changes:
            await reacts(kit, short, change)
        assert await ratings(kit) == {"short": {"bob": -1, **({"ada": score} if score else {})}}


async def test_those_who_watch_are_told(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        short = (await answered(kit))[-1]
        ((lane, session, seq),) = await kit.rows(
            "SELECT lane, s.id, m.seq FROM session s JOIN message m ON m.session = s.id WHERE m.text = 'short'"
        )
        with kit.corridor.live.watch(lane) as watcher:
            for told in (put("👍"), taken("👍")):
                await reacts(kit, short, told)
            seen = [await watcher.get(), await watcher.get()]
        assert [(event.kind, event.data, event.session) for event in seen] == [
            ("rating", {"seq": seq, "score": 1}, session),
            ("rating", {"seq": seq, "score": 0}, session),
        ]


BLOCKED = YAML.replace("bot: b,", 'bot: b, access: {block: ["900"]},')
DROPPED: list[tuple[str, dict[str, Any], str]] = [
    (YAML, {"ref": "ref-999"}, "not_addressed"),
    (YAML, {"ref": ""}, "not_addressed"),
    (YAML, {"ref": "ref-1", "chat": "elsewhere"}, "not_addressed"),
    (YAML, {"ref": "ref-1", "told": put("🎉")}, "unsupported"),
    (BLOCKED, {"ref": "ref-1", "user": "900", "chat": "ada"}, "not_allowed"),
    (YAML, {"ref": "ref-1", "user": "acct", "chat": "ada"}, "own_echo"),
]


@pytest.mark.parametrize(("yaml", "reaction", "reason"), DROPPED)
async def test_what_rates_nothing_is_let_go_with_a_reason(
    yaml: str, reaction: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    async with corridor(tmp_path, yaml) as kit:
        await answered(kit)
        accepted = await reacts(kit, **{"told": put("👍"), **reaction})
        assert accepted.outcome == reason
        assert await kit.rows("SELECT reason FROM dropped") == [(reason,)]
        assert await ratings(kit) == {}


async def test_a_repeated_event_rates_once(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        short = (await answered(kit))[-1]
        outcomes = [(await reacts(kit, short, put("👍"), event="one")).outcome for _ in range(2)]
        assert outcomes == ["stored", "duplicate"]


async def test_what_the_gateway_says_itself_is_not_rated(tmp_path: Path) -> None:
    async with corridor(tmp_path) as kit:
        await kit.say("/help")
        await kit.quiet()
        assert (await reacts(kit, "ref-1", put("👍"))).outcome == "unsupported"
