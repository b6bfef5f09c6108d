"""What the limits promise is proven with the platform; what they do not is refused aloud, never dropped."""

import pytest
from msgspec.structs import fields

from gateway.adapter import Adapter, Limits
from gateway.errors import Refused, SendError
from gateway.markup import render
from gateway.message import Button, File, Part
from tests.contract.peer import Said
from tests.contract.subject import Subject, until

pytestmark = pytest.mark.feature("DEV-02")

# What is proven here or in the other files of this suite, or is no ability but a measure (see test_declared.py).
PROVEN = {
    *(
        "edit",
        "delete",
        "draft",
        "draft_places",
        "typing",
        "groups",
        "threads",
        "files_in",
        "resend_is_safe",
        "pulled",
        "door",
        "dialect",
    ),
    *("buttons", "files_out", "reactions", "receipts", "dialect"),
}
MEASURES = {
    *(
        "text",
        "unit",
        "prefixes",
        "caption",
        "body",
        "account_rate",
        "chat_rate",
        "group_rate",
        "rate_is_shared",
        "many_sessions",
    ),
    *("album", "window", "most_buttons", "button_label", "buttoned", "group_buttons", "splits", "reports"),
}
# Of what the gateway's own door does for those who come in by it, the adapter only tells.
BY_THE_DOOR = {"buttons", "files_in", "files_out", "typing", "voice", "receipts", "reactions"}


def test_every_ability_that_is_declared_has_its_proof(subject: Subject) -> None:
    known = PROVEN | MEASURES | (BY_THE_DOOR if subject.limits.door else set())
    claimed = {f.name for f in fields(Limits) if getattr(subject.limits, f.name) != f.default}
    assert not claimed - known, "write the proof into this suite first"
    assert not subject.limits.door or subject.limits.pulled


@pytest.mark.where("edit")
async def test_edit(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        ref = await adapter.send(Part(id="1", address=peer.address, text="first"))
        for text in ("second", "second", "third"):  # the same again is no error
            await adapter.edit(ref, Part(id="1", address=peer.address, text=text))
            assert peer.sent() == [text]
        with pytest.raises(Refused):
            await adapter.edit("999999", Part(id="1", address=peer.address, text="never sent"))
        assert peer.sent() == ["third"]


@pytest.mark.where("delete")
async def test_delete(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        refs = [await adapter.send(Part(id=text, address=peer.address, text=text)) for text in ("one", "two", "three")]
        await adapter.delete(peer.address, refs[1])
        assert peer.sent() == ["one", "three"]
        for gone in (refs[1], "999999"):
            with pytest.raises(Refused) as refused:
                await adapter.delete(peer.address, gone)
            assert refused.value.reason == "rejected"
        assert peer.sent() == ["one", "three"]


@pytest.mark.where("draft")
async def test_draft(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        for text in ("An", "An ans", "An answer"):
            await adapter.draft(peer.address, 1, text)
        assert peer.drafted() == ["An", "An ans", "An answer"]
        assert peer.sent() == []
        await adapter.draft(peer.address, 1, "x" * (subject.limits.text * 3))  # a preview is cut, not refused
        assert len(peer.drafted()) == 4
        if subject.limits.draft_places and "group" not in subject.limits.draft_places:
            await adapter.draft(peer.group(), 1, "An answer")
            assert len(peer.drafted()) == 4


@pytest.mark.where("typing", "wire")
async def test_typing(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        if "pushed" in peer.ways:  # some show it only to those who have just written
            await adapter.handle(peer.call(peer.body(Said("hello"))))
        await adapter.typing(peer.address)
        await until(lambda: peer.typed() == 1)
        assert peer.sent() == []


@pytest.mark.where("groups", "speaks")
async def test_groups(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        await adapter.send(Part(id="1", address=peer.group(), text="hello all"))
        assert peer.sent(peer.group()) == ["hello all"]


@pytest.mark.where("threads", "speaks")
async def test_threads(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        here, there = peer.thread(), peer.thread()
        for text, address in (("one", here), ("two", there), ("three", here), ("four", peer.group())):
            await adapter.send(Part(id=text, address=address, text=text))
        assert (peer.sent(here), peer.sent(there), peer.sent(peer.group())) == (["one", "three"], ["two"], ["four"])


@pytest.mark.feature("FMT-01")
@pytest.mark.where("speaks")
async def test_the_dialect_arrives_as_words(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        for number, text in enumerate(("**bold** _it_ `code` [here](https://example.org) ~~no~~", "a & b < c * d _ e")):
            (piece,) = render(text, subject.limits.dialect, subject.limits.text, subject.limits.unit)
            one = Part(id=f"{number}", address=peer.address, text=piece.text, entities=piece.entities)
            await adapter.send(one)
        bold, signs = peer.sent()
        assert all(word in bold for word in ("bold", "it", "code", "here", "no"))
        assert "**" not in bold
        assert signs == "a & b < c * d _ e"


@pytest.mark.feature("MED-02")
@pytest.mark.where("files_in", "wire")
async def test_files_in(subject: Subject) -> None:
    content = bytes(range(256)) * 1000
    async with subject.channel() as (adapter, _, peer):
        assert b"".join([piece async for piece in adapter.fetch(peer.file(content))]) == content
        for missing in (File(ref="no-such-file"), File(), File(ref="../../etc/passwd"), File(ref="\ud800")):
            with pytest.raises(SendError):
                [piece async for piece in adapter.fetch(missing)]


@pytest.mark.feature("FMT-04")
@pytest.mark.where("buttons", "speaks")
@pytest.mark.parametrize("labels", [("Yes",), ("Yes", "No", "Maybe later"), tuple(f"Number {n}" for n in range(9))])
async def test_buttons(subject: Subject, labels: tuple[str, ...]) -> None:
    buttons = tuple(Button(text=label, value=label.lower()) for label in labels)
    async with subject.channel() as (adapter, _, peer):
        await adapter.send(Part(id="1", address=peer.address, text="Which?", buttons=buttons))
        assert peer.offered() == [(label, label.lower()) for label in labels]
        assert "Which?" in "".join(peer.sent())


@pytest.mark.feature("MED-04")
@pytest.mark.where("files_out", "speaks")
@pytest.mark.parametrize("mime", ["image/png", "application/pdf"])
async def test_files_out(subject: Subject, mime: str) -> None:
    content = bytes(range(256)) * 100
    async with subject.channel() as (adapter, gate, peer):
        gate.contents["f1"] = content
        peer.published("https://example.org/f1", content)
        kind = "photo" if mime.startswith("image") else "document"
        file = File(id="f1", name="a.bin", mime=mime, size=len(content), kind=kind, url="https://example.org/f1")
        await adapter.send(Part(id="1", address=peer.address, text="Look", files=(file,)))
        assert peer.shown() == [content]
        assert "Look" in "".join(peer.sent())
        with pytest.raises(SendError):
            await adapter.send(Part(id="2", address=peer.address, files=(File(id="f2", name="lost.bin"),)))
        assert peer.shown() == [content]


@pytest.mark.feature("STR-05")
@pytest.mark.where("reactions", "speaks")
async def test_reactions(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        for emoji in ("\N{EYES}", "\N{WHITE HEAVY CHECK MARK}", ""):
            await adapter.react(peer.address, peer.written(), emoji)
            assert peer.reaction() == emoji


@pytest.mark.feature("STR-05")
@pytest.mark.where("receipts", "speaks")
async def test_receipts(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        assert not peer.has_read()
        await adapter.read(peer.address, peer.written())
        assert peer.has_read()


@pytest.mark.where("speaks")
async def test_what_is_not_declared_is_refused_or_put_in_words(subject: Subject) -> None:
    async with subject.channel() as (adapter, _, peer):
        extras: dict[str, Part] = {
            "buttons": Part(id="1", address=peer.address, text="Sure?", buttons=(Button(text="Absolutely"),)),
            "files_out": Part(id="2", address=peer.address, text="Look", files=(File(name="Absolutely"),)),
        }
        for ability, part in extras.items():
            if getattr(subject.limits, ability):
                continue
            error = await _refusal(adapter, part)
            if error is None:
                assert "Absolutely" in "".join(peer.sent()), f"{ability}: dropped in silence"
            else:
                assert error.reason == "unsupported"
                assert peer.sent() == []


async def _refusal(adapter: Adapter, part: Part) -> Refused | None:
    try:
        await adapter.send(part)
    except Refused as refused:
        return refused
    return None


def test_what_is_not_declared_has_no_code(subject: Subject) -> None:
    """The core asks for nothing that is not declared, so what is written for it can be only a mistake."""
    same = {name: name for name in ("edit", "delete", "draft", "typing")}
    for ability, method in {**same, "reactions": "react", "receipts": "read"}.items():
        written = getattr(subject.adapter, method) is not getattr(Adapter, method)
        declared = bool(getattr(subject.limits, ability)) and not subject.limits.door
        assert written == declared, f"{ability}: say so in limits, or leave it out"
