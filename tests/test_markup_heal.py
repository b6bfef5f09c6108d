"""Previews of answers that are still being written."""

import re
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given

from gateway.markup import heal, render
from tests.documents import DOCUMENTS, sound, wild
from tests.markdown import FUZZ, markdown
from tests.proof import fault
from tests.readers import read_html

HEALED = [
    ("plain", "plain"),
    ("plain ", "plain"),
    ("a **bo", "a **bo**"),
    ("a **bold ", "a **bold**"),
    ("a **bold*", "a **bold**"),
    ("a **bold**", "a **bold**"),
    ("a **", "a"),
    ("a **_", "a"),
    ("a *i **b", "a *i **b***"),
    ("***x", "***x***"),
    ("__x _y", "__x _y___"),
    ("a ~~s", "a ~~s~~"),
    ("a ~~s~", "a ~~s~~"),
    ("snake_ca", "snake_ca"),
    ("2 * 3", "2 * 3"),
    ("* item **b", "* item **b**"),
    ("`co", "`co`"),
    ("``a `b", "``a `b``"),
    ("``a`", "``a``"),
    ("a `", "a"),
    ("`a*b` **c", "`a*b` **c**"),
    ("**a `b", "**a `b`**"),
    ("[text](http://x", "text"),
    ("![alt](http://x", "alt"),
    ('[text](http://x.yz "ti', "text"),
    ("[text](http://x.yz)", "[text](http://x.yz)"),
    ("[text](http://x.yz/a_(b", "text"),
    ("[text](http://x.yz/a_(b)", "text"),
    ("[text](http://x.yz/a_(b) 'ti", "text"),
    ("[text](http://x.yz/a_(b))", "[text](http://x.yz/a_(b))"),
    ("[text](not a link", "[text](not a link"),
    ("**one ~~*two", "**one ~~*two*~~**"),
    ("**_*", ""),
    ("a*!", "a*!"),
    ("[te", "[te"),
    ("[text]", "[text]"),
    (r"a \*b", r"a \*b"),
    ("a \\", "a"),
    ("```py\nprint(1", "```py\nprint(1\n```"),
    ("```py\nprint(1)\n``", "```py\nprint(1)\n```"),
    ("```py\nx\n```", "```py\nx\n```"),
    ("````\n```\nx", "````\n```\nx\n````"),
    ("~~~\nx", "~~~\nx\n~~~"),
    ("- ```\n  x", "- ```\n  x\n  ```"),
    ("> ```\n> x", "> ```\n> x\n> ```"),
    ("```\nx\n```\n**y", "```\nx\n```\n**y**"),
    ("**never closed\n\n*b", "**never closed\n\n*b*"),
    ("text\n-", "text"),
    ("text\n=", "text"),
    ("text\n\n---", "text\n\n---"),
]
DOCUMENT = """# Title **x**

Some **bold _and it_** text with `code` and [a link](http://x.yz/a) ~~gone~~.

- item *one*
- **two** and ``a b``

> quote **b**

```js
foo(1)
```
end ![img](http://i.jk) done"""


@pytest.mark.feature("STR-04")
@pytest.mark.parametrize(("partial", "healed"), HEALED)
def test_heal(partial: str, healed: str) -> None:
    assert heal(partial) == healed


@pytest.mark.feature("STR-04")
def test_no_mark_flashes_up_while_an_answer_is_written() -> None:
    for end in range(1, len(DOCUMENT) + 1):
        shown = "".join(part.text for part in render(heal(DOCUMENT[:end]), "entities", 4096))
        assert not set("*_~`") & set(shown), DOCUMENT[:end]
    assert heal(DOCUMENT) == DOCUMENT


def cuts(number: int, text: str, most: int) -> list[str]:
    """What has been written of a text at some moments."""
    moments = Random(number).sample(range(1, len(text)), min(most, len(text) - 1))
    return [text[:moment] for moment in moments]


@pytest.mark.feature("STR-04", "FMT-03")
@pytest.mark.parametrize("make", [sound, wild])
@pytest.mark.parametrize("platform", ["telegram", "slack"])
def test_whatever_has_been_written_is_shown_as_valid_markup(platform: str, make: Callable[[int], str]) -> None:
    for number in range(DOCUMENTS):
        for prefix in cuts(number, make(number)[:2000] + " ", 8):
            assert not fault(platform, heal(prefix)), (number, len(prefix))


def marks(text: str) -> list[str]:
    """The marks that are seen as such."""
    glyphs = [glyph for part in render(text, "html", 100_000) for glyph in read_html(part)]
    return [glyph.char for glyph in glyphs if glyph.char in "*_~`" and not glyph.look & {"code", "pre", "link"}]


# Brackets that go with half a link bring marks together; half of such an address has marks of its own.
UNFIT = re.compile(r"[*_~]!?\[[*_~]|b\*c")


@pytest.mark.feature("STR-04")
def test_no_mark_flashes_up_in_any_document() -> None:
    fit = [number for number in range(4 * DOCUMENTS) if not UNFIT.search(sound(number)) and not marks(sound(number))]
    assert len(fit) > DOCUMENTS
    for number in fit:
        for prefix in cuts(number, sound(number)[:1200] + " ", 20):
            assert not marks(heal(prefix)), (number, len(prefix))


@pytest.mark.feature("STR-04")
@FUZZ
@given(markdown)
def test_any_text_can_be_healed(text: str) -> None:
    healed = heal(text)
    assert len(healed) <= 2 * len(text) + 1
    render(healed, "entities", 4096)
