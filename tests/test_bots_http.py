"""An HTTP backend: what it is asked, and what becomes of each kind of answer."""

import asyncio
from typing import Any

import pytest
import structlog

from gateway import signing
from gateway.bot import Change, Delta, Progress, Say
from gateway.bots.http import Bot
from gateway.message import Button, File, Outbound
from tests.bots import NOW, answer, ask, asking, tools, turn, user
from tests.far.backend import Backend, Reply, as_events, as_json, as_lines, as_text


@pytest.mark.feature("BOT-01")
async def test_a_turn_is_posted_and_answered() -> None:
    backend = Backend()
    async with asking(backend) as bot:
        assert (await ask(bot, turn("Hello"))).pieces == [Say(Outbound(text="You said: Hello"))]
        assert (await ask(bot, turn("Again"))).texts == ["You said: Again"]
    call = backend.calls[0]
    assert call.method == "POST"
    assert call.headers["content-type"] == "application/json"
    assert call.document["type"] == "message"


@pytest.mark.feature("BOT-01")
async def test_a_whole_answer_with_everything_in_it() -> None:
    document = {
        "messages": [
            {"text": "**Hi**", "files": [{"url": "https://x.org/a.png", "name": "a.png", "mime": "image/png"}]},
            {"text": "Well?", "buttons": [{"text": "Yes", "value": "y"}, {"text": "No"}]},
            {"text": "See", "buttons": [{"text": "Site", "url": "https://x.org"}]},
        ],
        "set": {"step": 3, "old": None},
        "participant": {"set": {"a": [1]}, "unset": ["b"], "append": {"c": "d"}, "increment": {"n": 2}},
        "context": {"kb": ["x"], "prompt": "Be brief"},
        "template": "sales",
        "end_session": True,
        "resolved": False,
        "handoff": {"reason": "angry"},
        "transfer": {"to": "help-mail"},
        "silent": False,
    }
    answered = await answer(as_json(document))
    files = (File(url="https://x.org/a.png", name="a.png", mime="image/png", kind="photo"),)
    assert answered.pieces == [
        Say(Outbound(text="**Hi**", files=files)),
        Say(Outbound(text="Well?", buttons=(Button(text="Yes", value="y"), Button(text="No", value="No")))),
        Say(Outbound(text="See", buttons=(Button(text="Site", url="https://x.org"),))),
        Change(
            variables={"step": 3, "old": None},
            participant_set={"a": [1]},
            participant_unset=("b",),
            participant_append={"c": "d"},
            participant_increment={"n": 2},
            context={"kb": ["x"], "prompt": "Be brief"},
            template="sales",
            end_session=True,
            resolved=False,
            handoff={"reason": "angry"},
            transfer={"to": "help-mail"},
        ),
    ]


@pytest.mark.feature("BOT-01")
@pytest.mark.parametrize(
    "reply",
    [
        as_text("Hello"),
        as_text("Hello", "text/plain"),
        Reply(["Hello".encode("latin-1")], "text/plain; charset=ISO-8859-1"),
        Reply([b"\xef\xbb\xbfHello"], "text/plain"),
        Reply([b'\xef\xbb\xbf{"text": "Hello"}']),
        as_json({"text": "Hello"}, type="application/vnd.bot+json; charset=utf-8"),
        as_json({"messages": [{"text": "Hello", "files": None, "buttons": None}], "set": None, "silent": None}),
        Reply([b'{"text"', b': "He', b'llo"}'], length=False),
        as_json({"text": "He\x00l\x07lo"}),
        as_json({"text": "Hello", "messages": []}),
    ],
)
async def test_shorthands_and_encodings(reply: Reply) -> None:
    assert (await answer(reply)).pieces == [Say(Outbound(text="Hello"))]


@pytest.mark.feature("OUT-11", "BOT-01")
@pytest.mark.parametrize(
    "reply",
    [
        None,
        {},
        "",
        {"text": ""},
        {"text": " \n "},
        {"messages": []},
        {"messages": [{"text": ""}, {"text": "NO_REPLY"}]},
        "NO_REPLY",
        "  NO_REPLY\n",
        {"silent": True},
        {"text": "not for you", "silent": True},
        as_events(),
        as_events({"delta": "NO"}, {"delta": "_REP"}, {"delta": "LY\n"}),
        as_events({"delta": ""}, {"delta": " "}),
    ],
)
async def test_silence_is_an_answer(reply: Any) -> None:
    assert (await answer(reply)).pieces == [Change(silent=True)]


@pytest.mark.feature("OUT-11")
async def test_text_that_only_begins_like_silence_is_said() -> None:
    answered = await answer(as_events({"delta": "NO"}, {"delta": "_REPL"}, {"delta": "ICA"}, {"text": "NO"}))
    assert answered.texts == ["NO_REPLICA", "NO"]
    assert answered.change == Change()


@pytest.mark.feature("STR-02")
@pytest.mark.parametrize("make", [as_events, as_lines])
async def test_a_streamed_answer(make: Any) -> None:
    events = (
        {"progress": "Looking it up"},
        {"delta": "Good "},
        {"delta": "mor\r"},
        {"delta": "\nning"},
        {"messages": [{"text": "Second"}]},
        {"delta": "Third"},
        {"set": {"a": 1}, "end_session": True},
    )
    answered = await answer(make(*events))
    assert answered.pieces == [
        Progress("Looking it up"),
        Delta("Good "),
        Delta("mor"),
        Delta("\nning"),
        Say(Outbound(text="Second")),
        Delta("Third"),
        Change(variables={"a": 1}, end_session=True),
    ]
    assert answered.texts == ["Good mor\nning", "Second", "Third"]


@pytest.mark.feature("STR-02")
async def test_pieces_arrive_while_the_backend_still_writes() -> None:
    seen = asyncio.Event()
    backend = Backend()
    backend.plan(as_events({"delta": "one"}, {"delta": "two"}, before=lambda n: seen.wait() if n == 1 else None))
    async with asking(backend) as bot:
        pieces = bot.answer(turn())
        assert await anext(pieces) == Delta("one")  # the backend waits until we have it
        seen.set()
        assert [piece async for piece in pieces] == [Delta("two")]


@pytest.mark.feature("STR-02")
async def test_the_dress_of_events_may_vary() -> None:
    body = (
        b': hello\r\n\r\nevent: x\r\nid: 1\r\ndata:{"delta":\r\ndata: "one"}\r\n\r\nretry: 5\n\n'
        b'data: {"delta": " two"}\n\ndata:   [DONE]  \n\n'
    )
    assert (await answer(Reply([body], "text/event-stream; charset=utf-8"))).texts == ["one two"]
    lines = b'data: {"delta": "one"}\n\r\n{"delta": " two"}\r\ndata: [DONE]\n'
    assert (await answer(Reply([lines], "application/jsonl"))).texts == ["one two"]


@pytest.mark.feature("STR-02", "BOT-01")
async def test_what_follows_the_end_is_not_read() -> None:
    reply = as_events({"delta": "Done"}, done=True)
    flood = Reply([*reply.chunks, *[b"data: junk\n\n"] * 50], "text/event-stream", length=False, end="hang")
    assert (await answer(flood)).texts == ["Done"]


@pytest.mark.feature("BOT-01")
async def test_unknown_fields_are_ignored_and_logged_once() -> None:
    backend = Backend()
    document = {"text": "Hi", "mood": "good", "messages": [{"text": "x", "colour": 1}], "participant": {"put": {}}}
    async with asking(backend) as bot:
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                backend.plan(document)
                assert (await ask(bot, turn())).texts == ["Hi", "x"]
    assert [(entry["bot"], entry["fields"]) for entry in logs] == [
        ("support", ["messages[].colour", "mood", "participant.put"])
    ]


@pytest.mark.feature("BOT-02")
async def test_every_call_is_signed_and_names_its_turn() -> None:
    backend = Backend()
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    async with asking(backend, secret=secret) as bot:
        await ask(bot, turn("Hello", attempt=1))
        await ask(bot, turn("Hello", attempt=2))
    for call in backend.calls:
        assert call.headers["idempotency-key"] == call.headers["webhook-id"] == "turn-1"
        assert call.headers["webhook-timestamp"] == str(NOW // 1000)
        assert call.document["session"]["epoch"] == 3
        assert signing.verify(signing.keys(secret), call.headers, call.raw, NOW)
        assert not signing.verify(signing.keys("another"), call.headers, call.raw, NOW)
    assert [call.document["turn"]["attempt"] for call in backend.calls] == [1, 2]
    changed = backend.calls[0].raw.replace(b"Hello", b"Jello")
    assert not signing.verify(signing.keys(secret), backend.calls[0].headers, changed, NOW)


@pytest.mark.feature("BOT-02")
async def test_without_a_secret_nothing_is_signed_and_the_turn_is_still_named() -> None:
    backend = Backend()
    async with asking(backend) as bot:
        await ask(bot, turn())
    assert backend.calls[0].headers["idempotency-key"] == "turn-1"
    assert not [name for name in backend.calls[0].headers if name.startswith("webhook-")]


@pytest.mark.feature("BOT-01")
async def test_the_address_is_used_to_the_letter() -> None:
    backend = Backend()
    async with backend, tools() as ours:
        bot = Bot("support", Bot.Options(url=backend.url + "/a%2Fb/?x=1%2B&y=/"), ours)
        await ask(bot, turn())
        assert await bot.probe() == ""
    assert [(call.method, call.path) for call in backend.calls] == [
        ("POST", "/chat/a%2Fb/?x=1%2B&y=/"),
        ("HEAD", "/chat/a%2Fb/?x=1%2B&y=/"),
    ]


@pytest.mark.feature("MEM-04")
async def test_a_summary_is_asked_for_like_an_answer() -> None:
    backend = Backend(lambda call: {"text": f"Summary of {len(call.document['history'])}"})
    async with asking(backend) as bot:
        asked = turn("Keep it short", type="summarize", summary="Before", history=(user("a"), user("b")))
        assert (await ask(bot, asked)).texts == ["Summary of 2"]
    document = backend.calls[0].document
    assert [document["type"], document["summary"]] == ["summarize", "Before"]
    assert document["message"]["text"] == "Keep it short"


@pytest.mark.feature("BOT-01", "MEM-11")
async def test_connections_are_kept_and_shared() -> None:
    """A hundred turns at once, each with its own variables and secret word: none sees another's."""

    def reply(call: Any) -> Any:
        asked = call.document
        return as_events({"delta": asked["variables"]["word"]}, {"set": {"seen": asked["context"]["kb"]}})

    backend = Backend(reply)
    async with asking(backend) as bot:
        turns = [
            turn(f"message {n}", id=f"turn-{n}", variables={"word": f"secret-{n}"}, context={"kb": [f"kb-{n}"]})
            for n in range(100)
        ]
        answers = await asyncio.gather(*(ask(bot, one) for one in turns))
    for n, answered in enumerate(answers):
        assert answered.texts == [f"secret-{n}"]
        assert answered.change.variables == {"seen": [f"kb-{n}"]}
    for call in backend.calls:
        which = call.headers["idempotency-key"].removeprefix("turn-")
        assert call.document["variables"] == {"word": f"secret-{which}"}
        assert call.document["context"]["kb"] == [f"kb-{which}"]
        assert call.raw.count(b"secret-") == call.raw.count(b"kb-") == 1
