"""Real bots in the corridor: an HTTP backend, a model and the demo, with a store and a platform around them."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.far.backend import Backend, Call, Model, as_events, completion, fails
from tests.kit import Kit, corridor


def yaml(kind: str) -> str:
    return f"""
bots: {{b: {{{kind}}}}}
channels: {{p: {{platform: tests.paper, bot: b, limits: {{send: off, messages: off}}}}}}
"""


async def spoken(kit: Kit) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in await kit.rows("SELECT role, text FROM message ORDER BY seq")]


@pytest.mark.feature("STR-02", "BOT-02", "BOT-06", "OUT-01")
@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_a_stream_that_breaks_leaves_nothing_behind(end: Any, tmp_path: Path) -> None:
    backend = Backend()
    backend.plan(
        as_events({"delta": "Half an ans"}, {"set": {"step": 1}}, done=False, end=end),
        as_events({"delta": "Half an ans"}, done=False),
        as_events({"delta": "The whole "}, {"delta": "answer"}, {"set": {"step": 2}}),
    )
    async with backend, corridor(tmp_path, yaml(f"kind: http, url: '{backend.url}'")) as kit:
        await kit.say("Hello")
        for tries in (1, 2):
            await kit.stored("SELECT state, failures FROM inbox", ("waiting", tries))
            assert await spoken(kit) == []
            assert kit.paper.texts() == []
            kit.clock.ahead += 10
        await kit.quiet()
        assert await spoken(kit) == [("user", "Hello"), ("assistant", "The whole answer")]
        assert kit.paper.texts() == ["The whole answer"]
        assert await kit.rows("SELECT variables FROM session") == [('{"step":2}',)]
    assert len({call.headers["idempotency-key"] for call in backend.calls}) == 1
    assert [call.document["turn"]["attempt"] for call in backend.calls] == [1, 2, 3]


@pytest.mark.feature("BOT-01", "MEM-02", "MEM-07", "MEM-09", "MEM-11", "MEM-12")
async def test_a_backend_sees_what_was_said_and_what_it_stored(tmp_path: Path) -> None:
    def answer(call: Call) -> Any:
        seen = call.document
        count = seen["variables"].get("count", 0) + 1
        return {
            "text": f"{count}",
            "set": {"count": count},
            "participant": {"increment": {"visits": 1}, "append": {"texts": seen["message"]["text"]}},
            "context": {"kb": [f"kb-{count}"]},
        }

    backend = Backend(answer)
    async with backend, corridor(tmp_path, yaml(f"kind: http, url: '{backend.url}'")) as kit:
        for text in ("one", "two", "/reset", "three"):
            await kit.say(text)
            await kit.quiet()
    first, second, third = (call.document for call in backend.calls)
    assert [line["text"] for line in second["history"]] == ["one", "1"]
    assert [line["role"] for line in second["history"]] == ["user", "assistant"]
    assert (second["variables"], second["context"]["kb"]) == ({"count": 1}, ["kb-1"])
    assert second["participant"]["data"] == {"visits": 1, "texts": ["one"]}
    assert second["session"]["message_count"] == 2
    assert (third["history"], third["variables"], third["context"]["kb"], third["summary"]) == ([], {}, [], None)
    assert third["participant"]["data"] == {"visits": 2, "texts": ["one", "two"]}
    assert first["session"]["id"] == second["session"]["id"] != third["session"]["id"]
    assert first["session"]["epoch"] < third["session"]["epoch"]


@pytest.mark.feature("OUT-11")
async def test_silence_is_recorded_as_answered(tmp_path: Path) -> None:
    backend = Backend()
    backend.plan(None, "NO_REPLY", {"text": "not for you", "silent": True}, as_events({"delta": "NO_REPLY"}))
    async with backend, corridor(tmp_path, yaml(f"kind: http, url: '{backend.url}'")) as kit:
        for number in range(4):
            await kit.say(str(number))
        await kit.quiet()
        assert kit.paper.sent == []
        assert await spoken(kit) == [("user", str(number)) for number in range(4)]
        assert await kit.rows("SELECT DISTINCT state FROM inbox") == [("done",)]
        assert not [draft for draft in kit.paper.drafts if draft[2].strip()]


@pytest.mark.feature("BOT-06")
async def test_a_backend_that_is_broken_gets_one_apology_and_the_conversation_goes_on(tmp_path: Path) -> None:
    backend = Backend()
    backend.plan(fails(500), "<html>", fails(404))
    async with backend, corridor(tmp_path, yaml(f"kind: http, url: '{backend.url}'")) as kit:
        for text in ("one", "two"):
            await kit.say(text)
        await kit.quiet()
        apology = "Something went wrong. Please try again."
        assert kit.paper.texts()[0] == apology
        assert kit.paper.texts()[1] == "<html>"  # plain text may hold anything; nothing makes markup of it
        await kit.say("three")
        await kit.say("four")
        await kit.quiet()
        assert kit.paper.texts()[2:] == [apology, "You said: four"]
    assert len(backend.calls) == 4


@pytest.mark.feature("BOT-03", "MEM-04")
async def test_a_model_answers_and_summarizes(tmp_path: Path) -> None:
    def answer(call: Call) -> Any:
        last = call.document["messages"][-1]["content"]
        if last.startswith('{"summary"'):
            return completion(f"Summary of {len(orjson.loads(last)['conversation'])}")
        return completion("Answer to " + last)

    model = Model(answer)
    more = "defaults: {history: {max_messages: 4, keep: 2}, summary: {by: b}}\n"
    kind = f"kind: openai, base_url: '{model.url}', model: llama"
    async with model:
        kind = f"kind: openai, base_url: '{model.url}', model: llama"
        async with corridor(tmp_path, yaml(kind) + more) as kit:
            for number in range(3):
                await kit.say(f"question {number}")
                await kit.quiet()
            await kit.stored("SELECT summary FROM session", ("Summary of 4",))
            await kit.say("question 3")
            await kit.quiet()
            assert kit.paper.texts()[-1] == "Answer to question 3"
    contents = [message["content"] for message in model.calls[-1].document["messages"]]
    assert contents[0].endswith('"Summary of 4"')
    assert contents[1:] == ["question 2", "Answer to question 2", "question 3"]


@pytest.mark.feature("BOT-04", "MEM-07", "MEM-09", "LIF-10")
async def test_the_demo_remembers_over_reset_and_restart(tmp_path: Path) -> None:
    demo = yaml("kind: python, call: 'gateway.demo:answer'")
    async with corridor(tmp_path, demo) as kit:
        for text in ("my name is Ada", "count", "count", "/reset", "count", "who am I?"):
            await kit.say(text)
            await kit.quiet()
        texts = kit.paper.texts()
        assert "Ada" in texts[0]
        assert [text[0] for text in texts[1:3]] == ["1", "2"]
        assert texts[4].startswith("1")
        assert "Ada" in texts[5]
    async with corridor(tmp_path, demo) as kit:
        for text in ("count", "hello", "what did I say?"):
            await kit.say(text)
            await kit.quiet()
        texts = kit.paper.texts()[-3:]
        assert texts[0].startswith("2")
        assert "Ada" in texts[1]
        assert "who am I?" in texts[2]
