"""The tree that the web builds its page from: its kinds, its safe links, its bounds."""

import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given

from gateway.markup import render, tree
from gateway.markup.layout import layout
from gateway.markup.parse import LONGEST, is_plain
from tests.markdown import FUZZ, markdown

BLOCKS = {"p", "h", "quote", "ul", "ol", "li", "pre", "hr", "table", "tr", "th", "td"}
INLINE = {"b", "i", "s", "code", "a", "br"}
HREF = re.compile(r"(https?|mailto|tel):[\x21\x23-\x3b\x3d\x3f-\x7e]+", re.IGNORECASE)


def p(*content: Any, **more: Any) -> dict[str, Any]:
    return {"t": "p", "c": list(content)} | more


def a(href: str, *content: Any, **more: Any) -> dict[str, Any]:
    return {"t": "a", "href": href, "c": list(content)} | more


X = "http://x.yz"
TREES: list[tuple[str, list[Any]]] = [
    ("plain", [p("plain")]),
    ("a\nb\n\nc", [p("a", {"t": "br"}, "b"), p("c")]),
    ("a  \n  b", [p("a", {"t": "br"}, "b")]),
    ("    indented", [p("indented")]),
    ("## T *i*\ntext", [{"t": "h", "n": 2, "c": ["T ", {"t": "i", "c": ["i"]}]}, p("text", tight=True)]),
    ("**a ~~b~~**", [p({"t": "b", "c": ["a ", {"t": "s", "c": ["b"]}]})]),
    ("**a __b__**", [p({"t": "b", "c": ["a b"]})]),  # a mark within its own kind adds nothing
    ("`<b>`", [p({"t": "code", "c": ["<b>"]})]),
    ("<script>x</script>", [p("<script>x</script>")]),
    (r"\*a\* &lt;", [p("*a* <")]),
    ("a&#10;b&#13;c", [p("a b c")]),
    ("> q\n\n---", [{"t": "quote", "c": [p("q")]}, {"t": "hr"}]),
    ("```py\nx\n\n```", [{"t": "pre", "lang": "py", "c": ["x\n"]}]),
    ("```py title=x\nx", [{"t": "pre", "lang": "py", "c": ["x"]}]),
    ("```two words\nx", [{"t": "pre", "lang": "", "c": ["two words\nx"]}]),
    ("```\n```", [{"t": "pre", "lang": "", "c": []}]),
    ("3. a\n4. b", [{"t": "ol", "n": 3, "c": [{"t": "li", "c": [p("a")]}, {"t": "li", "c": [p("b")], "tight": True}]}]),
    ("- a\n\n- b", [{"t": "ul", "c": [{"t": "li", "c": [p("a")]}, {"t": "li", "c": [p("b")]}]}]),
    ("[t](http://x.yz)", [p(a(X, "t"))]),
    ("[t](HTTPS://x.yz)", [p(a("HTTPS://x.yz", "t"))]),
    ("<http://x.yz>", [p(a(X, X, auto=True))]),
    ("(see http://x.yz).", [p("(see ", a(X, X, auto=True), ").")]),
    ("http://x.yz/a_(b)_c!", [p(a(X + "/a_(b)_c", X + "/a_(b)_c", auto=True), "!")]),
    ("**http://x.yz**", [p({"t": "b", "c": [a(X, X, auto=True)]})]),
    ("看http://x.yz。好", [p("看", a(X, X, auto=True), "。好")]),
    ("xhttp://x.yz ://x http://", [p("xhttp://x.yz ://x http://")]),
    ("[http://x.yz](http://u.vw)", [p(a("http://u.vw", "http://x.yz"))]),
    ("[](http://x.yz)", [p(a(X, X, auto=True))]),
    ("![alt *x*](http://x.yz)", [p(a(X, "alt x"))]),
    ("![](http://x.yz)", [p(a(X, X, auto=True))]),
    ("[![alt](http://u.vw)](http://x.yz)", [p(a(X, "alt"))]),
    ("[t][r]\n\n[r]: http://x.yz", [p(a(X, "t"))]),
    ("text\n\n[1]: http://x.yz 'T t'", [p("text"), p("[1]: ", a(X, X, auto=True), ' "T t"')]),
    ("[t](http://bücher.example/ü)", [p(a("http://xn--bcher-kva.example/%C3%BC", "t"))]),
]
UNSAFE = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java&#10;script:alert(1)",
    "&#106;avascript:alert(1)",
    "<java\tscript:alert(1)>",
    "vbscript:x",
    "data:text/html,<script>",
    "data:image/png;base64,x",
    "file:///etc/passwd",
    "//evil.example",
    "/relative",
    "tg://user?id=1",
    "\x01javascript:x",
    "blob:http://x",
    "http:",
]


@pytest.mark.feature("FMT-01", "WEB-07")
@pytest.mark.parametrize(("text", "expected"), TREES)
def test_tree(text: str, expected: list[Any]) -> None:
    assert tree(text) == expected


@pytest.mark.feature("FMT-01", "WEB-07")
@pytest.mark.parametrize("form", ["[label]({})", "![label]({})", "[label][r]\n\n[r]: {}", "[![label]({0})]({0})"])
@pytest.mark.parametrize("href", UNSAFE)
def test_a_link_that_may_not_be_followed_is_its_text(href: str, form: str) -> None:
    nodes = tree(form.format(href))
    assert "href" not in json.dumps(nodes)
    assert "label" in json.dumps(nodes)


@pytest.mark.feature("FMT-01")
def test_input_plain_has_only_paragraphs() -> None:
    assert tree("**a**\n# b\n\nc", "plain") == [p("**a**", {"t": "br"}, "# b"), p("c")]


def check(nodes: list[Any], within: frozenset[str] = frozenset()) -> None:
    for before, node in zip([None, *nodes], nodes, strict=False):
        if isinstance(node, str):
            assert node
            assert not isinstance(before, str)
            continue
        kind = node["t"]
        assert kind in BLOCKS | INLINE
        assert kind not in within or kind not in INLINE
        if kind == "a":
            assert HREF.fullmatch(node["href"])
        assert set(node) <= {"t", "c", "href", "lang", "n", "align", "tight", "auto"}
        check(node.get("c", []), within | {kind})


@pytest.mark.feature("FMT-03", "WEB-07")
@FUZZ
@given(markdown)
def test_any_text_gives_a_sound_tree(text: str) -> None:
    nodes = tree(text)
    check(nodes)
    assert json.loads(json.dumps(nodes)) == nodes
    json.dumps(nodes, ensure_ascii=False).encode()


@pytest.mark.feature("FMT-03")
@FUZZ
@given(markdown)
def test_text_without_markup_reads_the_same_as_markdown(text: str) -> None:
    """The short cut for plain text is only that: a text that takes the long way looks the same."""
    text = text.strip()
    if text and is_plain(text):
        assert layout(tree(text + "\n\n**x**")).text == text + "\n\nx"
        assert layout(tree(text)).text == text


DEEP = ["> " * 300, "- " * 300, "> - " * 200, "1. " * 300, "".join("  " * level + "- a\n" for level in range(60))]


@pytest.mark.feature("FMT-01")
@pytest.mark.parametrize(
    "nested", [*DEEP, "**_" * 3000, "*a " * 3000 + "b* " * 3000, "![" * 50 + "](http://x.yz)" * 50]
)
def test_depth_is_bounded_and_what_is_deeper_is_still_there(nested: str) -> None:
    nodes = tree(nested + "deepest")
    depth, deepest = 0, 0
    for char in json.dumps(nodes):
        depth += (char in "[{") - (char in "]}")
        deepest = max(deepest, depth)
    assert deepest < 80
    assert "deepest" in json.dumps(nodes)


@pytest.mark.feature("FMT-01")
def test_beyond_the_longest_markdown_all_is_plain() -> None:
    text = ("**bold** word\n\n" * LONGEST)[: 2 * LONGEST]
    shown = layout(tree(text)).text
    assert shown.startswith("bold word\n\nbold word")
    assert shown.count("bold") == text.count("bold")
    assert "**bold**" in shown
    unbroken = "*" + "漢" * 2 * LONGEST + "*"
    assert layout(tree(unbroken)).text == unbroken


HOSTILE = [
    *("*", "_", "`", "~", "[", "]", "(", "<", ">", "!", "&", "\\", "#", "|", "-", "=", ":", "\n", " ", "\t"),
    *(
        "*a",
        "**a*",
        "*_",
        "a*b_",
        "[a](",
        "[a](b",
        "![",
        "[]",
        "[a]:",
        "[a]: b\n",
        "<a",
        "<http:",
        "<!--",
        "~~a",
    ),
    *("> ", ">a\n", "- ", "- a\n", "1. ", "-\n", "a\n=", "a|b\n-|-\n", "|a|\n|-|\n", "|a", "http://a", "://", "```\n"),
    *(
        "&#x1;",
        "[a](b '",
        "*[",
        "[`a](b)`",
        "(http://a)",
        "@here ",
        "a.b. ",
        "x\u0301",
        "\ud800",
        "漢。",
        "<b>",
        "**a\n",
    ),
]


def effort(text: str) -> int:
    """How many function calls it takes to render a text: a measure of work that no slow machine can change."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        render(text, "mrkdwn", 300)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.feature("FMT-01", "SEC-05")
@pytest.mark.parametrize("fragment", HOSTILE)
@pytest.mark.parametrize("before", ["", "> > > > ", "|a|b|\n|-|-|\n", "[`"])
def test_hostile_text_takes_linear_time(fragment: str, before: str) -> None:
    once, twice = (effort(before + (fragment * size)[:size]) for size in (500, 1000))
    assert twice < 2.5 * once + 3000
