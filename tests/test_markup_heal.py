"""Previews of answers that are still being written."""

import pytest
from hypothesis import given

from gateway.markup import heal, render
from tests.markdown import FUZZ, markdown

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


@pytest.mark.feature("STR-04")
@FUZZ
@given(markdown)
def test_any_text_can_be_healed(text: str) -> None:
    healed = heal(text)
    assert len(healed) <= 2 * len(text) + 1
    render(healed, "entities", 4096)
