"""docs/bots.md: its examples are what the gateway sends, reads, signs and runs."""

import re
import runpy
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import orjson
import pytest
from aiohttp import web
from ruamel.yaml import YAML

from gateway import signing
from gateway.bot import Delta
from gateway.bots import http, openai, python, schemas
from gateway.bots.reply import Reader
from gateway.clock import Clock
from tests.bots import answer, ask, tools, turn
from tests.far.backend import Reply
from tests.source import ROOT

PAGE = (ROOT / "docs" / "bots.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [code for named, code in found if named == language]


def defining(name: str, folder: Path) -> dict[str, Any]:
    """What the example that defines this name defines."""
    file = folder / "example.py"
    for code in blocks("python"):
        if re.search(rf"^(async def|def|class)? ?{name}\b", code, re.MULTILINE):
            file.write_text(code)
            return runpy.run_path(str(file))
    raise AssertionError(f"no example defines {name}")


@pytest.mark.feature("BOT-01")
async def test_the_documents_are_those_of_the_schemas() -> None:
    request, whole = (orjson.loads(block) for block in blocks("json"))
    documents = schemas.documents()
    jsonschema.validate(request, documents["request"])
    jsonschema.validate(whole, documents["answer"])
    for kind, document in (("Request", request), ("Answer", {**whole, "text": "", "delta": "", "progress": ""})):
        declared = documents[kind.lower()]["$defs"][kind]["properties"]
        assert set(document) == set(declared)
    assert len(Reader("x").pieces(orjson.dumps(whole))) == 2


@pytest.mark.feature("BOT-01", "STR-02")
async def test_the_stream_is_read() -> None:
    [stream] = [block for block in blocks("") if block.startswith("data:")]
    answered = await answer(Reply([stream.encode()], "text/event-stream"))
    assert answered.texts == ["We are open until six."]
    assert answered.change.variables == {"step": 4}


@pytest.mark.feature("BOT-02")
def test_the_signature_is_checked(tmp_path: Path) -> None:
    is_ours = defining("is_ours", tmp_path)["is_ours"]
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signing.headers(signing.keys(secret), "turn-1", Clock().now(), b"{}")
    assert is_ours(secret, headers, b"{}")
    assert not is_ours(secret, headers, b"[]")
    assert not is_ours(secret, signing.headers(signing.keys(secret), "turn-1", 0, b"{}"), b"{}")


@pytest.mark.feature("BOT-01")
async def test_the_smallest_backend_answers(tmp_path: Path) -> None:
    runner = web.AppRunner(defining("app", tmp_path)["app"])
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with tools() as ours:
            bot = http.Bot("x", http.Bot.Options(url=f"http://127.0.0.1:{runner.addresses[0][1]}/chat"), ours)
            assert (await ask(bot, turn("Hi", data={"name": "Ada"}))).texts == ["Hello Ada, you said: Hi"]
    finally:
        await runner.cleanup()


@pytest.fixture
def greeter(tmp_path: Path) -> Iterator[None]:
    """The module that the page's python bot names."""
    package, module = types.ModuleType("mybots"), types.ModuleType("mybots.greeter")
    package.__path__ = []
    vars(module).update(defining("answer", tmp_path))
    sys.modules |= {"mybots": package, "mybots.greeter": module}
    yield
    del sys.modules["mybots"], sys.modules["mybots.greeter"]


@pytest.mark.feature("BOT-01", "BOT-03", "BOT-04")
async def test_the_settings_are_valid_and_the_function_runs(greeter: None) -> None:
    made = {}
    async with tools() as ours:
        for block in blocks("yaml"):
            block = re.sub(r"\$\{\w+(?::-\w+)?\}|!file \S+", "given-elsewhere", block)
            for name, entry in YAML(typ="safe", pure=True).load(block)["bots"].items():
                kind = {"http": http, "openai": openai, "python": python}[entry.pop("kind")]
                made[name] = kind.Bot(name, kind.Bot.Options(**entry), ours)
        assert list(made) == ["support", "helper", "own"]
        answered = await ask(made["own"], turn("a b", variables={"count": 1}))
        assert answered.texts == ["You said: a b "]
        assert answered.change.variables == {"count": 2}
        assert (await ask(made["own"], turn("x", type="summarize"))).texts == ["They talked."]


@pytest.mark.feature("BOT-01")
async def test_a_kind_of_one_s_own(tmp_path: Path) -> None:
    kind = defining("Bot", tmp_path)["Bot"]
    async with aiohttp.ClientSession() as session:
        bot = kind("x", kind.Options(greeting="Hi"), session)
        assert (await ask(bot, turn())).pieces == [Delta("Hi, Ada!")]


@pytest.mark.feature("BOT-01", "BOT-03", "BOT-04")
def test_every_option_is_told() -> None:
    for kind, section in ((http, "http"), (openai, "openai"), (python, "python")):
        told = PAGE.split(f"\n## `{section}`")[1].split("\n## ")[0]
        for name in kind.Bot.Options.model_fields:
            assert f"`{name}`" in told, f"{section}: {name}"
