"""The demo bot: what a newcomer sees first, run as the python bot runs it."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.bot import Change, Delta
from gateway.bots import http, openai
from gateway.bots.python import Bot
from gateway.message import File
from tests.bots import Answered, ask, bot, tools, turn, user


@pytest.fixture
async def demo() -> AsyncIterator[Bot]:
    async with tools() as ours:
        yield Bot("demo", Bot.Options(call="gateway.demo:answer"), ours)


async def said(demo: Bot, text: str, **changes: Any) -> tuple[str, Change]:
    answered: Answered = await ask(demo, turn(text, **{"name": "", **changes}))
    [whole] = answered.texts
    return whole, answered.change


@pytest.mark.feature("BOT-04", "STR-02")
async def test_it_streams_word_by_word(demo: Bot) -> None:
    answered = await ask(demo, turn("help"))
    assert len([piece for piece in answered.pieces if isinstance(piece, Delta)]) > 20
    assert answered.change == Change()


@pytest.mark.feature("BOT-04", "MEM-09")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my name is Ada", "Ada"),
        ("My name is  ada lovelace.", "ada lovelace"),
        ("I am Ada", "Ada"),
        ("I'm Éva!", "Éva"),
        ("Hello, I’m Jean-Luc", "Jean-Luc"),
        ("hi my name is Ada", "Ada"),
        ("call me O'Neil", "O'Neil"),
        ("my name is 李小龙", "李小龙"),
        ("my name is *Ada* <script>", "Ada script"),
        ("my name is " + "A" * 79, "A" * 64),
    ],
)
async def test_it_remembers_a_name(demo: Bot, text: str, name: str) -> None:
    answer, change = await said(demo, text)
    assert change == Change(participant_set={"name": name})
    assert f"**{name}**" in answer


@pytest.mark.feature("BOT-04")
@pytest.mark.parametrize("text", ["I am hungry", "i'm tired of this", "who is Ada?", "my name is", "call me ***"])
async def test_it_takes_not_everything_for_a_name(demo: Bot, text: str) -> None:
    assert (await said(demo, text))[1] == Change()


@pytest.mark.feature("BOT-04", "MEM-09")
async def test_it_knows_the_name_again(demo: Bot) -> None:
    known = {"data": {"name": "Ada"}}
    assert "Ada" in (await said(demo, "what's my name?", **known))[0]
    assert "Hello again, Ada!" in (await said(demo, "hello", **known))[0]
    assert "Goodbye, Ada" in (await said(demo, "bye", **known))[0]
    assert (await said(demo, "I am Ada", **known))[1] == Change()
    answer, change = await said(demo, "I am Eve", **known)
    assert "Ada" in answer
    assert change == Change(participant_set={"name": "Eve"})
    assert (await said(demo, "forget me", **known))[1] == Change(participant_unset=("name",))
    assert "not told me" in (await said(demo, "who am I?"))[0]
    assert "Hello, Bob!" in (await said(demo, "Hi", name="Bob"))[0]  # as the platform calls them
    assert "not told me" in (await said(demo, "who am I?", data={"name": 5}))[0]


@pytest.mark.feature("BOT-04", "MEM-07")
async def test_it_counts_in_the_session(demo: Bot) -> None:
    assert (await said(demo, "count"))[1] == Change(variables={"count": 1})
    answer, change = await said(demo, "Count!", variables={"count": 41})
    assert (answer, change) == ("**42**.", Change(variables={"count": 42}))
    assert (await said(demo, "count", variables={"count": "x"}))[1] == Change(variables={"count": 1})


@pytest.mark.feature("BOT-04", "MEM-02")
async def test_it_knows_what_was_said(demo: Bot) -> None:
    lines = tuple(line for n in range(7) for line in (user(f"line *{n}*"), bot("answer")))
    answer, _ = await said(demo, "What did I say?", history=lines)
    assert re.findall(r"line \\\*(\d)\\\*", answer) == ["2", "3", "4", "5", "6"]
    assert "answer" not in answer
    assert "only begun" in (await said(demo, "what did I say"))[0]


@pytest.mark.feature("BOT-04", "FMT-01")
async def test_it_shows_formatting(demo: Bot) -> None:
    answer, _ = await said(demo, "show formatting")
    for sign in ("### ", "**bold**", "1. ", "- ", "> ", "```python", "| Dish"):
        assert sign in answer


@pytest.mark.feature("BOT-04")
async def test_it_says_what_comes_next_and_that_is_right(demo: Bot) -> None:
    answer, _ = await said(demo, "what next?")
    found: dict[tuple[str, str], Any] = {}
    for block in re.findall(r"```yaml\n(.*?)```", answer, re.DOTALL):
        for section, entries in YAML(typ="safe", pure=True).load(block).items():
            found |= {(section, name): entry for name, entry in entries.items()}
    assert [section for section, _ in found] == ["channels", "bots", "bots"]
    channel, mine, model = found.values()
    assert list(channel) == ["platform", "bot", "token"]
    http.Bot.Options(**{name: value for name, value in mine.items() if name != "kind"})
    openai.Bot.Options(**{name: value for name, value in model.items() if name != "kind"})


@pytest.mark.feature("BOT-04")
async def test_it_has_a_sensible_word_for_anything(demo: Bot) -> None:
    answer, change = await said(demo, "*fancy* <b>\nwords")
    assert r"> \*fancy\* \<b\> words" in answer
    assert "Say **" in answer
    assert change == Change()
    assert len({(await said(demo, "x", message_count=count))[0] for count in range(20)}) > 3
    assert "a.png" in (await said(demo, "", files=(File(kind="photo", name="a.png"),)))[0]
    assert "photo" in (await said(demo, "look", files=(File(kind="photo"),)))[0]
    for text in ("", "   ", "\n", "?" * 4000, "a" * 100_000, "my name is " + "x" * 5000, "\U0001f600"):
        assert (await said(demo, text))[0].strip()


@pytest.mark.feature("BOT-04")
@pytest.mark.parametrize(
    "text", ["help", "?", "Help me!", "hello", "thanks!", "what next", "yaml", "count for me", "history"]
)
async def test_it_knows_its_words(demo: Bot, text: str) -> None:
    assert "You said" not in (await said(demo, text))[0]


@pytest.mark.feature("MEM-04")
async def test_it_summarizes(demo: Bot) -> None:
    one = turn("x", type="summarize", summary="Before.", history=(user("Hi. And more."), bot("Hello!")))
    assert (await ask(demo, one)).texts == ["Before.\nuser: Hi.\nassistant: Hello!"]
