"""Random documents as a real browser shows them: every word of the tree, nothing but its own elements."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.markup import tree
from tests.browser import Browser
from tests.documents import DOCUMENTS, sound, wild
from tests.source import ROOT

pytest_plugins = ["tests.browser_fixtures"]
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

STATIC = ROOT / "adapters" / "web" / "static"
MODULES = "".join((STATIC / f"{name}.js").read_text("utf-8") for name in ("dom", "markup", "preview"))
SHOWN = (
    "([form, given]) => {\n"
    + re.sub(r"^(import .*|export )", "", MODULES, flags=re.MULTILINE)
    + """
    return given.map((text) => {
        const page = document.createElement("div");
        page.append(...show(form === "tree" ? text : blocks(text).map(({ node }) => node), { copy: "", copied: "" }));
        page.querySelectorAll(".bar").forEach((bar) => bar.remove());
        const every = [...page.querySelectorAll("*")];
        return {
            text: page.textContent,
            tags: [...new Set(every.map((one) => one.localName))],
            attributes: [...new Set(every.flatMap((one) => one.getAttributeNames()))],
            links: [...page.querySelectorAll("a")].map((one) => one.getAttribute("href")),
        };
    });
}"""
)
TAGS = {
    *("p", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "div"),
    *("table", "tbody", "tr", "th", "td", "strong", "em", "s", "a", "br", "hr", "span"),
}
WORD = re.compile("Hello|Größe|naïve|CamelCase|한국어")  # which are nowhere but in what is seen
ATTRIBUTES = {"class", "dir", "start", "scope", "href", "target", "rel", "tabindex"}


async def shown(browser: Browser, kind: str, given: list[Any]) -> list[dict[str, Any]]:
    page = await browser.new_page()
    found: list[dict[str, Any]] = await page.evaluate(SHOWN, [kind, given])
    await page.close()
    for one in found:
        assert set(one["tags"]) <= TAGS
        assert set(one["attributes"]) <= ATTRIBUTES
        assert all(link.lower().startswith(("http:", "https:", "mailto:", "tel:")) for link in one["links"])
    return found


def said(nodes: list[Any]) -> str:
    return "".join(node if isinstance(node, str) else said(node.get("c", [])) for node in nodes)


def links(nodes: list[Any]) -> list[str]:
    found = []
    for node in nodes:
        if isinstance(node, dict):
            found += [node["href"] for _ in range(node["t"] == "a")] + links(node.get("c", []))
    return found


@pytest.mark.feature("FMT-01", "FMT-03", "WEB-07")
@pytest.mark.parametrize("make", [sound, wild])
async def test_every_word_of_a_document_is_shown(browser: Browser, make: Callable[[int], str]) -> None:
    trees = [tree(make(number)) for number in range(DOCUMENTS)]
    for number, (one, found) in enumerate(zip(trees, await shown(browser, "tree", trees), strict=True)):
        assert found["text"] == said(one), number
        assert set(found["links"]) <= set(links(one)), number


@pytest.mark.feature("STR-03", "WEB-07")
@pytest.mark.parametrize("make", [sound, wild])
async def test_what_is_still_being_written_is_shown_as_markup(browser: Browser, make: Callable[[int], str]) -> None:
    """The preview reads a Markdown of its own: of it only the safety is held, and that the words are there."""
    texts = [make(number)[: 100 * number + 50].encode(errors="ignore").decode() for number in range(DOCUMENTS)]
    for text, found in zip(texts, await shown(browser, "preview", texts), strict=True):
        assert WORD.findall(found["text"]) == WORD.findall(text)
