"""Who somebody is: as the platform says, unless the bot knows better."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Change, Piece, Say
from gateway.message import Address, Inbound, Outbound, Sender, Turn
from tests.kit import corridor


@pytest.mark.feature("ID-19")
async def test_the_bot_may_correct_a_name_and_a_new_name_makes_no_new_person(tmp_path: Path) -> None:
    async def corrects(turn: Turn) -> AsyncIterator[Piece]:
        if turn.message.text == "call me Countess":
            yield Change(participant_set={"name": "Countess", "language": "fr"})
        yield Say(Outbound(text=turn.participant.name))

    async with corridor(tmp_path) as kit:
        bot = kit.bot(corrects)
        for number, (name, text) in enumerate(
            [("Ada", "hi"), ("Ada L.", "hi"), ("Ada L.", "call me Countess"), ("Ada King", "hi")]
        ):
            more = {"timezone": "Europe/London", "phone": "+4420123456", "email": "ada@example.org"}
            sender = Sender(id="ada", name=name, language="en", profile=more)
            address = Address(chat="ada", user="ada")
            await kit.receive(
                Inbound(channel="p", account="acct", ids=(f"n{number}",), address=address, text=text, sender=sender)
            )
            await kit.quiet()
        assert kit.paper.texts() == ["Ada", "Ada L.", "Ada L.", "Countess"]
        assert len({turn.participant.id for turn in bot.turns}) == 1
        assert [turn.participant.language for turn in bot.turns] == ["en", "en", "en", "fr"]
        profile = json.loads((await kit.rows("SELECT profile FROM participant"))[0][0])
        told = {field: (entry["value"], entry["source"]) for field, entry in profile.items()}
        assert told == {
            "name": ("Countess", "bot"),
            "language": ("fr", "bot"),
            "timezone": ("Europe/London", "platform"),
            "phone": ("+4420123456", "platform"),
            "email": ("ada@example.org", "platform"),
        }
        assert all(abs(entry["at"] - kit.clock.now()) < 60_000 for entry in profile.values())
