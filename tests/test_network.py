"""The network between a gateway and its database is cut, and nobody is told: nothing is lost, doubled or stuck."""

import asyncio
from pathlib import Path

import pytest

from tests.cable import cable
from tests.postgres import server
from tests.replicas import replicas
from tests.test_replicas import held, numbers


@pytest.mark.feature("STO-05", "ORD-01", "ORD-03", "INB-01")
async def test_who_is_cut_off_from_the_database_neither_takes_commits_nor_sends(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    with cable() as way, way.to(server().database(tmp_path)) as url:
        async with replicas(tmp_path, 2, store=url) as here:
            first, second = here
            here.bot.plan(held(go_on, {"text": "late 0"}))
            await here.asked_by(first, here.say(701, "message 1"))
            way.cut()
            lost = here.say(702, "message 1")
            assert await here.push(lost, first) == [503], "what is not written down is not acknowledged"
            assert await here.push(here.say(701, "message 2"), second) == [200]
            go_on.set()  # the first has an answer now that it can put nowhere
            await here.until(lambda: numbers(here.platform.texts(701)) == ["1", "2"])
            way.mend()
            await first.ready()
            assert await here.push(lost, first) == [200]  # the platform says it again
            assert await here.push(here.say(701, "message 3"), first) == [200]
            await here.done()
            assert numbers(here.platform.texts(701)) == ["1", "2", "3"]
            assert numbers(here.platform.texts(702)) == ["1"]
