"""Parts that were not sent: an operator may have them tried once more, but never against a reset or a recipient."""

import asyncio
from pathlib import Path

import pytest

from gateway.errors import Refused, Unknown
from tests.operators import YAML, dead_letters, desk, lanes_are_right


@pytest.mark.feature("INB-08", "OUT-07")
async def test_a_part_that_was_refused_is_sent_once_it_is_requeued(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.paper.fail(lambda: Refused("rejected", "no"))
        await here.say("hello")
        await here.quiet()
        await here.say("next")
        await here.quiet()
        (letter,) = await dead_letters(here)
        assert (letter["box"], letter["state"], letter["reason"]) == ("outbox", "dead", "rejected")
        assert (await here.get(f"dead/outbox/{letter['id']}"))["message"]["text"] == "hello"
        answers = await asyncio.gather(*(here.ask("POST", f"dead/outbox/{letter['id']}/requeue") for _ in range(4)))
        await here.quiet()
        assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
        assert here.paper.texts() == ["next", "hello"]
        assert (await here.ask("POST", f"dead/outbox/{letter['id']}/requeue")).code == "not_dead"
        await lanes_are_right(here)


@pytest.mark.feature("INB-08", "OUT-05")
async def test_a_part_in_doubt_is_the_operators_to_repeat(tmp_path: Path) -> None:
    yaml = YAML.replace("limits: {send: off, messages: off}}", "limits: {send: off}, delivery: {on_unknown: never}}", 1)
    async with desk(tmp_path, yaml) as here:
        here.paper.fail(lambda: Unknown("the answer was lost"))
        await here.say("hello")
        await here.quiet()
        (letter,) = await dead_letters(here)
        assert (letter["state"], here.paper.texts()) == ("unconfirmed", [])
        assert (await here.ask("POST", f"dead/outbox/{letter['id']}/requeue")).status == 200
        await here.quiet()
        assert here.paper.texts() == ["hello"]


@pytest.mark.feature("INB-08", "LIF-11")
async def test_a_part_from_before_a_reset_or_for_someone_who_left_is_not_sent(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.paper.fail(lambda: Refused("rejected", "no"))
        await here.say("hello", user="ada")
        await here.quiet()
        await here.say("/reset", user="ada")
        here.paper.fail(lambda: Refused("blocked", "no"), chat="bob")
        await here.say("hello", user="bob")
        await here.quiet()
        codes = {}
        for letter in await dead_letters(here):
            answer = await here.ask("POST", f"dead/outbox/{letter['id']}/requeue")
            codes[letter["reason"]] = (answer.status, answer.code)
        assert codes == {"rejected": (409, "superseded"), "blocked": (409, "silenced")}
        assert here.paper.texts() == ["Conversation reset."]
        await lanes_are_right(here)
