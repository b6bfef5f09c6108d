"""Files that people send: picked, shown while they travel, part of the message, and refused with the reason."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Visitor, expect
from tests.far.hostile import payloads

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session"), pytest.mark.feature("WEB-05")]


def text_file(name: str, content: bytes = b"The tide is out.") -> Any:
    return {"name": name, "mimeType": "text/plain", "buffer": content}


async def pick(visitor: Visitor, *files: Any) -> None:
    async with visitor.page.expect_file_chooser() as chooser:
        await visitor.page.get_by_role("button", name="Attach a file").click()
    await (await chooser.value).set_files(list(files))


@pytest.mark.feature("WEB-07", "MED-01")
async def test_a_file_goes_along_with_the_message_and_can_be_fetched(visitor: Visitor) -> None:
    await pick(visitor, text_file("tides.txt"))
    await expect(visitor.page.locator(".composer .file:not(.busy)")).to_contain_text("tides.txt")
    await visitor.ask("look at this")
    await expect(visitor.page.locator(".composer .file")).to_have_count(0)
    shown = visitor.log.locator("article.user a.file")
    await expect(shown).to_contain_text("tides.txt")
    await visitor.page.reload()
    async with visitor.page.expect_download() as download:
        await shown.evaluate("link => { link.target = '_self'; link.click(); }")
    saved = await download.value
    assert saved.suggested_filename == "tides.txt"
    assert await asyncio.to_thread(Path(await saved.path()).read_bytes) == b"The tide is out."


async def test_a_file_is_a_message_by_itself(visitor: Visitor) -> None:
    send = visitor.page.get_by_role("button", name="Send")
    await expect(send).to_be_disabled()
    await pick(visitor, text_file("one.txt"), text_file("two.txt"))
    await expect(send).to_be_enabled()
    await send.click()
    await expect(visitor.log.locator("article.user .file")).to_have_count(2)
    await expect(visitor.answers).to_have_count(1)
    assert (await visitor.stored()).keys() == {"session"}


async def test_a_picked_file_can_be_put_back(visitor: Visitor) -> None:
    await pick(visitor, text_file("secret.txt"))
    await visitor.page.get_by_role("button", name="Remove: secret.txt").click()
    await expect(visitor.page.locator(".composer .file")).to_have_count(0)
    await visitor.ask("nothing attached")
    await expect(visitor.log.locator(".file")).to_have_count(0)


@pytest.mark.feature("MED-02", "MED-03")
@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (text_file("huge.txt", b"x" * (10 * 1_048_576 + 1)), "at most"),
        (text_file("tool.exe", b"MZ\x90\x00" + b"\x00" * 200), "is not accepted"),
    ],
    ids=["too large", "a program"],
)
async def test_what_is_refused_says_why_and_is_in_nobodys_way(visitor: Visitor, file: Any, reason: str) -> None:
    await pick(visitor, file)
    await expect(visitor.page.locator(".composer .file.failed")).to_contain_text(reason)
    await visitor.ask("without it")
    await expect(visitor.log.locator(".file")).to_have_count(0)


@pytest.mark.feature("WEB-07")
async def test_a_file_is_pasted_or_dropped(visitor: Visitor) -> None:
    for event, carrier in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        await visitor.text.evaluate(
            """(text, [event, carrier]) => { const data = new DataTransfer();
            data.items.add(new File(['x'], `${event}.txt`, {type: 'text/plain'}));
            const given = {bubbles: true, cancelable: true, [carrier]: data};
            const kind = event === 'paste' ? ClipboardEvent : DragEvent;
            text.dispatchEvent(new kind(event, given)); }""",
            [event, carrier],
        )
    await expect(visitor.page.locator(".composer .file:not(.busy)")).to_have_count(2)
    await visitor.ask("both")
    await expect(visitor.log.locator("article.user .file")).to_have_text(["paste.txt1 B", "drop.txt1 B"])


async def test_names_of_files_never_run(visitor: Visitor) -> None:
    names = [text.replace("/", "∕").replace("\x00", "").replace("\n", " ")[:100] for text in payloads(500)[::25]]
    for start in range(0, len(names), 10):
        await pick(visitor, *(text_file(name) for name in names[start : start + 10]))
        await visitor.ask("see")
    await expect(visitor.log.locator("a.file")).to_have_count(len(names))
    assert await visitor.page.evaluate("seen.executed") == 0
    assert await visitor.page.evaluate("probe.foreign(document.querySelector('.log'))") == []


@pytest.mark.feature("MED-04")
async def test_files_of_answers_are_shown_pictures_as_such(visitor: Visitor) -> None:
    await visitor.ask("picture")
    answer = visitor.log.locator("article.assistant").last
    await expect(answer.locator("a.file")).to_contain_text("tide.txt")
    picture = answer.locator("a.picture img")
    await expect(picture).to_have_attribute("alt", "dot.png")
    await picture.evaluate("image => image.decode()")  # it has come, and is one
    assert await picture.evaluate("image => image.naturalWidth") == 1
    await visitor.page.reload()
    await visitor.log.locator("article.assistant a.picture img").evaluate("image => image.decode()")
