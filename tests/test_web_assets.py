"""What the web channel serves to browsers: small, from nowhere else, under the strictest policy, to whom it may."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web import assets
from adapters.web.assets import MODULES, version
from adapters.web.page import headers, ink
from tests.web_channel import channel, get

STATIC = Path(__file__).parent.parent / "adapters" / "web" / "static"
KB = 1024


def served(name: str) -> bytes:
    return next(asset.body for path, asset in assets().items() if path.endswith(f"/{name}"))


# --- small, and from nowhere else


@pytest.mark.feature("WEB-06")
@pytest.mark.parametrize(("name", "most"), [("widget.js", 3 * KB), ("panel.js", 25 * KB)])
def test_sizes_packed(name: str, most: int) -> None:
    assert 500 < len(gzip.compress(served(name), 9)) <= most


@pytest.mark.feature("WEB-06")
def test_panel_is_whole_in_itself() -> None:
    text = served("panel.js").decode()
    assert re.findall(r"^export .*", text, re.MULTILINE) == re.findall(
        r"^export async function mount.*", text, re.MULTILINE
    )
    assert text.count("export ") == 1
    assert not re.search(r"^import |\bimport\(", text, re.MULTILINE)


@pytest.mark.feature("WEB-06")
def test_every_module_is_joined_after_those_it_imports() -> None:
    sources = {path.stem for path in STATIC.glob("*.js")} - {"widget", "page"}
    assert sorted(sources | {"style"}) == sorted(MODULES)
    for at, name in enumerate(MODULES):
        if name != "style":
            wanted = re.findall(r'from "\./(\w+)\.js"', (STATIC / f"{name}.js").read_text())
            assert set(wanted) <= set(MODULES[:at]), name


@pytest.mark.feature("WEB-06")
def test_names_of_joined_modules_do_not_clash() -> None:
    declared = r"^(?:export )?(?:const|let|class|async function\*?|function\*?) (\w+)"
    sources = [(STATIC / f"{name}.js").read_text() for name in MODULES if name != "style"]
    names = [name for source in sources for name in re.findall(declared, source, re.MULTILINE)]
    assert len(names) > 40
    assert sorted(names) == sorted(set(names))


@pytest.mark.feature("WEB-06")
def test_nothing_names_another_host() -> None:
    for path, asset in assets().items():
        hosts = set(re.findall(r"https?://[\w.-]+", asset.body.decode()))
        assert hosts <= {"http://www.w3.org"}, path  # the name of a namespace, never fetched
        assert not re.search(r"@import|url\(", asset.body.decode()), path


@pytest.mark.feature("WEB-06", "WEB-07")
def test_nothing_makes_elements_or_code_from_strings() -> None:
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|createContextualFragment"
    code = r"\beval\b|new Function|\.setAttribute\(\"(style|on\w*)\"|<style|javascript:"
    for path in STATIC.glob("*.js"):
        assert not re.search(f"{sinks}|{code}", path.read_text()), path.name


@pytest.mark.feature("FMT-05", "WEB-07")
def test_every_language_says_all_that_english_says() -> None:
    source = (STATIC / "texts.js").read_text()
    english = set(re.findall(r"^  (\w+): \"", source, re.MULTILINE))
    languages = re.findall(r'"(\w\w)"', re.search(r"others = \[(.*)\]", source)[1])  # type: ignore[index]
    assert sorted([*languages, "en"]) == sorted(["en", "de", "es", "fr", "pt", "it", "ar", "hi", "sw", "uk", "zh"])
    for language in languages:
        texts = json.loads((STATIC / "texts" / f"{language}.json").read_text("utf-8"))
        assert texts.keys() == english, language
        assert all(text.strip() for text in texts.values()), language


@pytest.mark.feature("WEB-07")
def test_every_text_is_said_and_every_one_said_is_there() -> None:
    source = (STATIC / "texts.js").read_text()
    english = set(re.findall(r"^  (\w+): \"", source, re.MULTILINE))
    code = "".join(path.read_text() for path in STATIC.glob("*.js") if path.name != "texts.js")
    said = set(re.findall(r"\bwords\.(\w+)", code)) - {"lang", "dir"}
    noted = {"offline", "expired", "ended_before", "ended", "timeout", "slow"}  # named as notices
    assert all(f'"{notice}"' in code for notice in noted)
    assert said | noted == english


# --- answered well


@pytest.mark.feature("CH-14")
async def test_page_is_answered_with_its_settings_escaped() -> None:
    evil = '"><script src=//x></script>'
    reply = await get(channel(title=evil, welcome=f"**{evil}**", starters=(evil,)), "/site")
    page = reply.body.decode()
    assert (reply.status, reply.type) == (200, "text/html; charset=utf-8")
    assert page.count("<script") == 1
    assert f'<script type="module" src="widget/{version()}/page.js">' in page
    assert "<style" not in page
    assert not re.search(r"\s(on\w+|style)=", page)


@pytest.mark.feature("CH-18")
@pytest.mark.parametrize(("path", "base"), [("/", ""), ("/site", ""), ("/a/b", "../")])
async def test_page_finds_its_files_from_any_path(path: str, base: str) -> None:
    page = (await get(channel(path=path), path)).body.decode()
    assert f'href="{base}widget/{version()}/page.css"' in page


@pytest.mark.feature("WEB-06")
async def test_page_policy_lets_in_nothing_foreign() -> None:
    reply = await get(channel(), "/site")
    policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"


@pytest.mark.feature("WEB-09")
def test_page_may_be_framed_by_allowed_origins_only() -> None:
    policy = headers(["https://shop.example", "https://*.example.org"])["content-security-policy"]
    assert "frame-ancestors 'self' https://shop.example https://*.example.org;" in policy


@pytest.mark.feature("CH-14")
async def test_files_are_kept_for_ever_and_the_launcher_is_asked_for_again() -> None:
    adapter = channel()
    launcher = await get(adapter, "/widget.js")
    panel = await get(adapter, f"/widget/{version()}/panel.js", accept_encoding="gzip, br")
    assert launcher.headers["cache-control"] == "no-cache"
    assert "immutable" in panel.headers["cache-control"]
    assert gzip.decompress(panel.body) == served("panel.js")
    assert panel.headers["content-encoding"] == "gzip"
    assert panel.headers["access-control-allow-origin"] == "*"  # a module of another site is fetched with CORS
    known = {"if_none_match": f"W/{launcher.headers['etag']}"}
    again = await get(adapter, "/widget.js", **known)
    assert (again.status, again.body) == (304, b"")


@pytest.mark.feature("CH-14")
@pytest.mark.parametrize("accepted", ["", "br", "identity", "gzip;q=0", "gzip; q=0.0, br"])
async def test_files_are_sent_plain_to_whom_does_not_unpack(accepted: str) -> None:
    reply = await get(channel(), "/widget.js", accept_encoding=accepted)
    assert "content-encoding" not in reply.headers
    assert reply.body == served("widget.js")


@pytest.mark.feature("CH-14")
async def test_another_version_gets_ours_unkept_and_the_unknown_404() -> None:
    adapter = channel()
    other = await get(adapter, "/widget/0123456789ab/panel.js")
    assert (other.status, other.body) == (200, served("panel.js"))
    assert other.headers["cache-control"] == "no-store"
    for path in ("/widget/x", f"/widget/{version()}/../panel.js", "/widget//", f"/widget/{version()}/page.html"):
        assert (await get(adapter, path)).status == 404, path


@pytest.mark.feature("CH-14")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
async def test_other_methods_are_refused(method: str) -> None:
    reply = await get(channel(), "/site", method)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.feature("CH-14")
async def test_head_has_no_body() -> None:
    reply = await get(channel(), "/site", "HEAD")
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.feature("WEB-06", "WEB-07")
async def test_settings_tell_the_widget_what_it_needs() -> None:
    options: dict[str, Any] = {
        "title": "Help",
        "colour": "#FFCC00",
        "position": "left",
        "welcome": "Hi **you**",
        "starters": ("A?",),
        "ratings": False,
    }
    told = json.loads((await get(channel(**options), "/widget.json")).body)
    assert told == {
        "channel": "site",
        "title": "Help",
        "colour": "#ffcc00",
        "ink": "#000000",
        "position": "left",
        "welcome": [{"t": "p", "c": ["Hi ", {"t": "b", "c": ["you"]}]}],
        "ratings": False,
        "starters": ["A?"],
        "files": True,
        "panel": f"widget/{version()}/panel.js",
    }
    assert f"/{told['panel']}" in assets()


def channels(*bytes_: str) -> Iterator[float]:
    for pair in bytes_:
        c = int(pair, 16) / 255
        yield c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    red, green, blue = channels(colour[1:3], colour[3:5], colour[5:7])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.feature("WEB-07")
@given(st.integers(0, 0xFFFFFF))
def test_ink_reads_on_every_colour(number: int) -> None:
    colour = f"#{number:06x}"
    low, high = sorted((luminance(colour), luminance(ink(colour))))
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2, level AA
