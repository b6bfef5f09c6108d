"""The page of a channel: one small HTML file, its settings and its Content-Security-Policy."""

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template

import orjson

from adapters.web.assets import version
from adapters.web.options import Options
from gateway.markup import tree
from gateway.message import Json


def settings(channel: str, options: Options, *, files: bool) -> dict[str, Json]:
    """All that the browser is told of a channel before it has a session; `files` is whether any can be sent in."""
    return {
        "channel": channel,
        "title": options.title,
        "colour": options.colour.lower(),
        "ink": ink(options.colour),
        "position": options.position,
        "welcome": tree(options.welcome) if options.welcome else [],
        "ratings": options.ratings,
        "starters": list(options.starters),
        "files": files,
        "panel": f"widget/{version()}/panel.js",
    }


def html(settings: dict[str, Json], path: str) -> bytes:
    """The page, with relative links so that a proxy may put the gateway below a path of its own."""
    template = (files(__package__) / "static" / "page.html").read_text("utf-8")
    filled = {
        "title": settings["title"],
        "settings": orjson.dumps(settings).decode(),
        "base": "../" * (path.count("/") - 1) + f"widget/{version()}/",
    }
    return Template(template).substitute({name: escape(text) for name, text in filled.items()}).encode()


def headers(origins: Iterable[str]) -> dict[str, str]:
    """What keeps the page to itself: no foreign script or host, no HTML from strings, framed by `origins` only."""
    framed_by = " ".join(["'self'", *origins])
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {framed_by}; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }


def ink(colour: str) -> str:
    """White or black, whichever reads better on `colour` (WCAG relative luminance)."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"
