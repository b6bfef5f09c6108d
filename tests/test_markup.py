"""One Markdown, every dialect: what each makes of it, table by table."""

import pytest

from gateway.markup import DIALECTS, Rendered, render
from gateway.message import Entity

Z = "\u200b"
EVERYTHING = """# Head *it*
Some **bold _both_** ~~gone~~ `co<de>` & [link](http://x.yz/?a=1&b=2).

- one
- two
  1. inner

> quoted **text**
> more

```py
if a < b: pass
```

![alt](http://i.jk/p.png) and http://u.vw/a_b_c."""

RENDERINGS = {
    "entities": """Head it
Some bold both gone co<de> & link.

• one
• two
  1. inner

quoted text
more

if a < b: pass

alt and http://u.vw/a_b_c.""",
    "mrkdwn": """*Head _it_*
Some *bold _both_* ~gone~ `co&lt;de&gt;` &amp; <http://x.yz/?a=1&amp;b=2|link>.

• one
• two
  1. inner

> quoted *text*
> more

```
if a &lt; b: pass
```

<http://i.jk/p.png|alt> and <http://u.vw/a_b_c>.""",
    "asterisk": """*Head _it_*
Some *bold _both_* ~gone~ `co<de>` & link (http://x.yz/?a=1&b=2).

• one
• two
  1. inner

> quoted *text*
> more

```
if a < b: pass
```

alt (http://i.jk/p.png) and http://u.vw/a_b_c.""",
    "html": """<b>Head <i>it</i></b>
Some <b>bold <i>both</i></b> <s>gone</s> <code>co&lt;de&gt;</code> &amp; <a href="http://x.yz/?a=1&amp;b=2">link</a>.

• one
• two
  1. inner

<blockquote>quoted <b>text</b>
more</blockquote>

<pre><code class="language-py">if a &lt; b: pass</code></pre>

<a href="http://i.jk/p.png">alt</a> and <a href="http://u.vw/a_b_c">http://u.vw/a_b_c</a>.""",
    "plain": """Head it
Some bold both gone co<de> & link (http://x.yz/?a=1&b=2).

• one
• two
  1. inner

> quoted text
> more

if a < b: pass

alt (http://i.jk/p.png) and http://u.vw/a_b_c.""",
}


def one(markdown: str, dialect: str, limit: int = 4096) -> Rendered:
    [part] = render(markdown, dialect, limit, "utf16")
    return part


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_construct(dialect: str) -> None:
    assert one(EVERYTHING, dialect).text == RENDERINGS[dialect]


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_plain_text_for_when_the_markup_is_refused(dialect: str) -> None:
    expected = RENDERINGS["plain"]
    if dialect == "mrkdwn":
        expected = expected.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert one(EVERYTHING, dialect).plain == expected


@pytest.mark.feature("FMT-01")
def test_entities_count_utf16_units_and_nest() -> None:
    part = one("😀 **a _b_** `c`\n\n```js\n1\n```\n\n> [q](http://x.yz)\n\n~~s~~", "entities")
    assert part.text == "😀 a b c\n\n1\n\nq\n\ns"
    assert part.entities == (
        Entity(type="bold", offset=3, length=3),
        Entity(type="italic", offset=5, length=1),
        Entity(type="code", offset=7, length=1),
        Entity(type="pre", offset=10, length=1, language="js"),
        Entity(type="blockquote", offset=13, length=1),
        Entity(type="text_link", offset=13, length=1, url="http://x.yz"),
        Entity(type="strikethrough", offset=16, length=1),
    )


ENTITIES = [
    ("**a `c` b**", "a c b", "bold 0 1, code 2 1, bold 4 1"),  # code holds nothing and is in nothing
    ("[**b**](http://x.yz)", "b", "text_link 0 1, bold 0 1"),
    ("[`c`](http://x.yz)", "c", "text_link 0 1"),
    ("> a\n> > b", "a\nb", "blockquote 0 3"),  # quotes do not nest
    ("# a **b**", "a b", "bold 0 3"),
    ("[m](mailto:a@b.cd)", "m (a@b.cd)", ""),
    ("[l](http://localhost:80/)", "l (http://localhost:80/)", ""),
    ("[p](http://x.yz:99999/)", "p (http://x.yz:99999/)", ""),
    ("[x.yz](http://x.yz/)", "x.yz", "text_link 0 4"),
    ("<a@b.cd> http://x.yz", "a@b.cd http://x.yz", ""),
    ("[](http://x.yz)", "http://x.yz", ""),
    ("**", "**", ""),
    ("```\n\n```", None, ""),
    ("```\n  in\n\n```", "  in", "pre 0 4"),
]


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize(("markdown", "text", "expected"), ENTITIES)
def test_entities(markdown: str, text: str | None, expected: str) -> None:
    parts = render(markdown, "entities", 4096)
    assert [part.text for part in parts] == ([text] if text is not None else [])
    found = [f"{e.type} {e.offset} {e.length}" for part in parts for e in part.entities]
    assert ", ".join(found) == expected


MARKERS = [
    # markdown, mrkdwn, asterisk
    ("foo**bar**baz", f"foo{Z}*bar*{Z}baz", "foobarbaz"),  # a marker is only read at the edge of a word
    ("**漢**字", f"*漢*{Z}字", "漢字"),
    ("(**a**), _b_.", "(*a*), _b_.", "(*a*), _b_."),
    ("***a***", "*_a_*", "*_a_*"),
    ("**a**\n**b**", "*a*\n*b*", "*a*\n*b*"),
    ("**a\nb**", "*a*\n*b*", "*a*\n*b*"),  # and never beyond a line
    ("a * b * c", "a * b * c", "a * b * c"),
    (r"\*a\* \_b\_", f"*{Z}a* _{Z}b_", f"*{Z}a* _{Z}b_"),  # what is no markup must not become it
    (r"\*a **b** c", f"*{Z}a *b* c", f"*{Z}a *b* c"),  # also beside what is
    (r"\_\*a\*\_ é\_\_b\_", f"_{Z}*{Z}a*_ é__{Z}b_", f"_{Z}*{Z}a*_ é__{Z}b_"),
    (r"http://x.yz\*a\* \*", f"<http://x.yz>*{Z}a* *", f"http://x.yz*{Z}a* *"),
    (r"**a \_** b\_", "a _ b_", "a _ b_"),
    ("**\u200b**a~~ ~~", "\u200ba~~ ~~", "\u200ba~~ ~~"),
    (r"\` **a** `b`", "` *a* b", "` *a* b"),  # of which no backtick is left over for another
    (r"\`\` **a** `b`", "`` a b", "`` a b"),
    ("[a ```](http://x.yz)", f"<http://x.yz|a ``{Z}`>", f"a ``{Z}` (http://x.yz)"),
    ("![a**b**c](http://x.yz)", "<http://x.yz|abc>", "abc (http://x.yz)"),
    ("**see http://x.yz:**", "*see <http://x.yz>:*", "see http://x.yz:"),  # would be read as part of the address
    ("<http:```>", f"<http:%60%60%60|http:``{Z}`>", f"http:``{Z}`"),
    ("http://~a~ ~", f"http://~{Z}a~ ~", f"http://~{Z}a~ ~"),  # no host begins like this
    ("snake_case_name", "snake_case_name", "snake_case_name"),
    (r"**a\*b**", "a*b", "a*b"),
    ("`` a`b ``", "a`b", "a`b"),
    ("`` @here `b ``", f"@{Z}here `b", "@here `b"),
    ("```\na ``` b\n```", f"```\na ``{Z}` b\n```", f"```\na ``{Z}` b\n```"),
    ("~~~\n`````\n~~~", f"```\n``{Z}``{Z}`\n```", f"```\n``{Z}``{Z}`\n```"),
    ("a ```", f"a ``{Z}`", f"a ``{Z}`"),  # would make code of all that follows
    ("```py x=1\na\n```", "```\na\n```", "```\na\n```"),  # no language: it would be shown
    (r"\> a", f"{Z}&gt; a", f"{Z}> a"),
    ("> a\n>\n> b", "> a\n>\n> b", "> a\n>\n> b"),
    ("> ```\n> a\n> ```", "```\na\n```", "```\na\n```"),
    ("**[a](http://x.yz)**", "*<http://x.yz|a>*", "*a* (http://x.yz)"),
    ("[**a** b](http://x.yz)", "<http://x.yz|a b>", "*a* b (http://x.yz)"),
    ("[a\nb](http://x.yz)", "<http://x.yz|a>\n<http://x.yz|b>", "a\nb (http://x.yz)"),
    ("[a|b>](http://x.yz/?q=|)", "<http://x.yz/?q=%7C|a|b&gt;>", "a|b> (http://x.yz/?q=%7C)"),
    ("<a@b.cd>", "<mailto:a@b.cd|a@b.cd>", "a@b.cd"),
    ("**http://x.yz/a_b**", "*<http://x.yz/a_b>*", "http://x.yz/a_b"),
    ("~~a~~http://x.yz", f"~a~{Z}<http://x.yz>", "~a~ http://x.yz"),  # neither would be read without the space
    ("a~~b~~http://x.yz/_c", f"a{Z}~b~{Z}<http://x.yz/_c>", "ab http://x.yz/_c"),
    (r"[http://x.yz/\_a](http://x.yz/_a) \_b", f"<http://x.yz/_a> _{Z}b", f"http://x.yz/_a _{Z}b"),  # it is no text
    ("~~a~~[http://x.yz](http://x.yz)", f"~a~{Z}<http://x.yz>", "~a~ http://x.yz"),
    ("~~a~~(http://x.yz)", "~a~(<http://x.yz>)", "~a~(http://x.yz)"),
    ("[a](javascript:x)", "a", "a"),
    ("<b>&lt;", "&lt;b&gt;&lt;", "<b><"),
]


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize(("markdown", "mrkdwn", "asterisk"), MARKERS)
def test_single_markers(markdown: str, mrkdwn: str, asterisk: str) -> None:
    assert one(markdown, "mrkdwn").text == mrkdwn
    assert one(markdown, "asterisk").text == asterisk


@pytest.mark.feature("SEC-05")
@pytest.mark.parametrize(
    "mention", ["@everyone", "@hereabouts", "@here", "@channel", "@Channel", "<!channel>", "<!everyone|x>", "<@U1>"]
)
@pytest.mark.parametrize(
    "around", ["{}", "**{}**", "> {}", "[x {}](http://x.yz)", "- {}", "# {}", "|a|b|\n|-|-|\n|{}|c|"]
)
@pytest.mark.parametrize("input", ["markdown", "plain"])
def test_mass_mentions_are_defused(mention: str, around: str, input: str) -> None:
    part = render(around.format(mention), "mrkdwn", 4096, input="plain" if input == "plain" else "markdown")[0]
    for text in (part.text, part.plain):
        assert "<!" not in text
        assert "<@" not in text
        assert mention not in text or "```" in text


@pytest.mark.feature("FMT-01")
def test_code_is_left_as_it_is() -> None:
    assert one("`@here` and @here", "mrkdwn").text == f"`@here` and @{Z}here"


TABLE = "|Name|Age|\n|:--|--:|\n|Ada|36|\n|**Bob** 漢|7|"
TABLES = [
    (TABLE, "Name   | Age\n-------+----\nAda    |  36\nBob 漢 |   7"),
    ("a|b\n-|-\n1|2|3\n4", "a | b |\n--+---+--\n1 | 2 | 3\n4 |   |"),  # a row's surplus cells stay
    ("|a|\n|-|\n|" + "w " * 30 + "|", "a: " + "w " * 29 + "w"),
    ("|a|b|\n|-|-|\n|[l](http://x.yz)|2|\n|3||", "a: l (http://x.yz)\nb: 2\n\na: 3\nb:"),
    ("|a|b|\n|-|-|", "a | b\n--+--"),
    ("|" + "h" * 60 + "|b|\n|-|-|", "h" * 60 + " | b"),
    ("Text\n|a|b|\n|-|-|\n|x\\|y|`z`|", "Text\na   | b\n----+--\nx|y | z"),
    ("a|b\n-|-|-\n1|2", "a|b\n-|-|-\n1|2"),
]


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize(("markdown", "text"), TABLES)
def test_tables_lose_no_word(markdown: str, text: str) -> None:
    assert one(markdown, "plain").text == text


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_input_plain_is_shown_as_written(dialect: str) -> None:
    text = "**not bold** [x](http://x.yz) `y`\n  - z\n\n\n\n# h"
    part = render(text, dialect, 4096, input="plain")[0]
    assert part.text.replace(Z, "") == text
    assert not part.entities


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize("text", ["", " \n\t ", "\x00", "\ud800", "&#8203;", "```\n```", "[r]: <>", "\u200b\ufeff"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_cannot_be_seen_is_no_message(text: str, dialect: str) -> None:
    assert not [part for part in render(text, dialect, 100) if not part.text.strip()]
    if "<>" not in text:
        assert render(text, dialect, 100) == []


@pytest.mark.feature("FMT-01")
def test_what_cannot_be_rendered_is_said() -> None:
    with pytest.raises(ValueError, match="'nonsense'"):
        render("x", "nonsense", 100)
    with pytest.raises(ValueError, match="in 15"):
        render("x", "plain", 15)
