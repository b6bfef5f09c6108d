"""A function as a bot: every form it may have, what it may give, how it may fail, and that it never blocks the loop."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.bot import Change, Delta, Progress, Say
from gateway.bots import echo
from gateway.bots.python import Bot, load
from gateway.check import check
from gateway.errors import BotBroken, BotUnavailable
from gateway.message import File, Outbound
from tests import functions
from tests.bots import OurTools, ask, bot, group, tools, turn, user


@pytest.fixture
async def ours() -> AsyncIterator[OurTools]:
    async with tools() as ours:
        yield ours


def calling(name: str, ours: OurTools, threads: int = 16) -> Bot:
    return Bot("own", Bot.Options(call=f"tests.functions:{name}", threads=threads), ours)


@pytest.mark.feature("BOT-04")
@pytest.mark.parametrize("form", ["plain", "later", "wrapped"])
async def test_what_a_function_may_return(form: str, ours: OurTools) -> None:
    one = calling(form, ours)
    hello = Say(Outbound(text="Hello"))
    for given in ("text", "say", "outbound"):
        assert (await ask(one, turn(given))).pieces == [hello]
    assert (await ask(one, turn("dict"))).pieces == [hello, Change(variables={"a": 1})]
    for given in ("nothing", "silence"):
        assert (await ask(one, turn(given))).pieces == [Change(silent=True)]
    change = Change(variables={"a": 1}, participant_increment={"n": 1}, end_session=True)
    assert (await ask(one, turn("change"))).pieces == [change, Change(silent=True)]
    for given in ("list", "bytes", "number", "unwritable", "misnamed", "bad change", "half"):
        with pytest.raises(BotBroken):
            await ask(one, turn(given))


@pytest.mark.feature("BOT-04", "STR-02")
@pytest.mark.parametrize("form", ["words", "words_later"])
async def test_what_a_generator_may_yield(form: str, ours: OurTools) -> None:
    answered = await ask(calling(form, ours), turn())
    assert answered.pieces == [
        Progress("Thinking"),
        Delta("Good "),
        Delta("morning"),
        Say(Outbound(text="Second")),
        Change(variables={"a": 1}),
    ]


@pytest.mark.feature("BOT-04")
async def test_objects_and_methods_can_be_called(ours: OurTools) -> None:
    assert (await ask(calling("greeter", ours), turn())).texts == ["called"]
    assert (await ask(calling("greeter.method", ours), turn())).texts == ["method on bot own"]


@pytest.mark.feature("BOT-04", "BOT-06")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fails", r"ValueError: no such thing: Hello \(functions.py:\d+\)"),
        ("exits", "SystemExit: 3"),
        ("stops", "StopIteration"),
        ("gives_up", "cancelled itself"),
        ("breaks", "RuntimeError: torn"),
        ("breaks_later", "ZeroDivisionError"),
    ],
)
async def test_a_function_that_fails(name: str, told: str, ours: OurTools) -> None:
    with pytest.raises(BotBroken, match=told):
        await ask(calling(name, ours), turn())


@pytest.mark.feature("BOT-04", "BOT-06")
async def test_a_function_may_say_that_it_is_away(ours: OurTools) -> None:
    with pytest.raises(BotUnavailable) as raised:
        await ask(calling("is_away", ours), turn())
    assert raised.value.after == 5


@pytest.mark.feature("BOT-04", "STR-02")
async def test_an_abandoned_generator_is_closed(ours: OurTools) -> None:
    functions.closed.clear()
    pieces = calling("endless", ours).answer(turn())
    assert await anext(pieces) == Delta("more ")
    await pieces.aclose()  # type: ignore[attr-defined]
    task = asyncio.ensure_future(ask(calling("endless", ours), turn(id="turn-2")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert functions.closed[0] == "turn-1"


@pytest.mark.feature("BOT-04")
async def test_endless_talk_is_ended(ours: OurTools) -> None:
    with pytest.raises(BotBroken, match="characters"):
        await ask(calling("endless", ours), turn())


@pytest.mark.feature("BOT-04")
async def test_a_function_that_blocks_does_not_block_the_loop(ours: OurTools) -> None:
    """Three calls, two threads: the loop goes on, the third waits for a place, an abandoned one keeps its own."""
    functions.released.clear()
    one = calling("blocks", ours, threads=2)
    tasks = [asyncio.ensure_future(ask(one, turn(id=f"turn-{n}"))) for n in range(3)]
    for _ in range(2):
        await asyncio.to_thread(functions.entered.acquire)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    assert not functions.entered.acquire(blocking=False)  # its thread is still busy: the third has no place
    functions.released.set()
    assert [(await task).texts for task in tasks[1:]] == [["turn-1 True"], ["turn-2 True"]]
    functions.entered.acquire()


@pytest.mark.feature("MEM-12", "MEM-07", "MEM-09")
async def test_facts_can_be_read_and_not_set(ours: OurTools) -> None:
    one = turn(
        variables={"a": ["kept"]},
        data={"b": "kept"},
        message_count=12,
        created_at=5,
        last_activity=6,
        last_seen=7,
        history=(user("Hi"), bot("Hello!")),
    )
    answered = await ask(calling("remembers", ours), one)
    assert answered.texts == ["12 s-1 5 6 help 7 ['Hi', 'Hello!']"]
    assert (one.session.variables, one.participant.data) == ({"a": ["kept"]}, {"b": "kept"})
    with pytest.raises(BotBroken, match="immutable"):
        await ask(calling("sets_fact", ours), turn())


@pytest.mark.feature("GRP-06")
async def test_speakers_in_a_group(ours: OurTools) -> None:
    one = group("x", variables={"a": []}, history=(user("Hi", "Bob\n:"), bot("Hello!")))
    assert "['Bob :: Hi', 'Hello!']" in (await ask(calling("remembers", ours), one)).texts[0]


@pytest.mark.feature("MEM-04")
async def test_a_function_may_summarize(ours: OurTools) -> None:
    one = turn("Be brief", type="summarize", summary="Before", history=(user("a"), bot("b")))
    assert (await ask(calling("summarizes", ours), one)).texts == ["Before; 2 more; Be brief"]


@pytest.mark.feature("BOT-04")
@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("tests.no_such_module:f", "cannot import tests.no_such_module"),
        ("no_such_package.module:f", "cannot import no_such_package.module"),
        ("tests.functions:no_such", "tests.functions has no function no_such"),
        ("tests.functions:not_a_function", "tests.functions has no function not_a_function"),
        ("tests.functions:greeter.no_such", "has no function greeter.no_such"),
        ("tests.functions", "expected package.module:function"),
        ("tests/functions.py:plain", "expected package.module:function"),
        (":plain", "expected package.module:function"),
    ],
)
def test_a_function_that_is_not_there(call: str, told: str, tmp_path: Path) -> None:
    """The operator reads of it with the rest of the mistakes, at its place in the file."""
    file = tmp_path / "gateway.yaml"
    file.write_text(f"bots:\n  own:\n    kind: python\n    call: '{call}'\nchannels: {{}}\n")
    [problem] = check(file, {}).problems
    assert str(problem).startswith(f"{file}:4:11: ")
    assert told in str(problem)


@pytest.fixture
def operators_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which the gateway was started."""
    monkeypatch.chdir(tmp_path)
    path, modules = sys.path.copy(), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.feature("BOT-04")
async def test_modules_lie_where_the_gateway_is_started(operators_folder: Path, ours: OurTools) -> None:
    (operators_folder / "greetings").mkdir()
    (operators_folder / "greetings" / "short.py").write_text("def hello(turn):\n    return 'Hi ' + turn.message.text\n")
    one = Bot("own", Bot.Options(call="greetings.short:hello"), ours)
    assert (await ask(one, turn("Ada"))).texts == ["Hi Ada"]
    for broken in ("import no_such_thing\n", "def hello(:\n", "raise SystemExit\n"):
        (operators_folder / "broken_one.py").write_text(broken)
        with pytest.raises(ValueError, match="cannot import broken_one"):
            load("broken_one:hello")


@pytest.mark.feature("BOT-04")
async def test_the_operator_s_files_do_not_take_the_place_of_installed_ones(operators_folder: Path) -> None:
    (operators_folder / "colorsys.py").write_text("def hello(turn): ...\n")
    with pytest.raises(ValueError, match="colorsys has no function hello"):
        load("colorsys:hello")


@pytest.mark.feature("BOT-04")
async def test_echo(ours: OurTools) -> None:
    one = echo.Bot("demo", echo.Bot.Options(), ours)
    assert (await ask(one, turn("  Hello\n"))).pieces == [Say(Outbound(text="  Hello\n"))]
    assert (await ask(one, turn("", files=(File(kind="photo", name="a.png"),)))).texts == ["[photo: a.png]"]
    summary = turn("Sum up", type="summarize", summary="Before", history=(user("a"), bot("b")))
    assert (await ask(one, summary)).texts == ["Before\na\nb"]
