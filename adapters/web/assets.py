"""The files of page and widget: read once, named by their content, answered with the right headers."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import orjson

from gateway.adapter import Call, Reply

# The panel's modules, each after those it imports. They travel as one file: one request, and better packed.
MODULES = (
    *("dom", "vault", "api", "events", "stream", "outbox", "lines", "writing", "session", "sender"),
    *("conversation", "markup", "preview", "log", "composer", "texts", "style", "panel"),
)
_TYPES = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
# Other sites load these as modules, which browsers fetch with CORS; they hold no one's data.
_PUBLIC = {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
_FOR_EVER = "public, max-age=31536000, immutable"
_IMPORT = re.compile(r'^import [^"]*"\./[\w.]+";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (default )?", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?://.*\n|\n)?|^/\*[^*]*\*/\n", re.MULTILINE)


class Asset:
    """One file as it is sent; `etag` changes with its content."""

    def __init__(self, body: bytes, type: str, headers: Mapping[str, str] | None = None) -> None:
        self.body, self.type = body, type
        self.packed = gzip.compress(body, 9, mtime=0)
        self.etag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        self.headers = {"cache-control": "no-cache", "x-content-type-options": "nosniff", **(headers or {})}

    def reply(self, call: Call, headers: Mapping[str, str] | None = None) -> Reply:
        """The file, packed where the caller unpacks it, or 304 when the caller has it."""
        out = {**self.headers, **(headers or {}), "etag": self.etag}
        out["vary"] = ", ".join(filter(None, ("Accept-Encoding", out.get("vary"))))
        if self.etag in re.findall(r'"[^"]*"', call.headers.get("if-none-match", "")):
            return Reply(304, b"", self.type, out)
        body = self.body
        if re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", call.headers.get("accept-encoding", "")):
            body, out["content-encoding"] = self.packed, "gzip"
            out["etag"] = f"W/{self.etag}"
        return Reply(200, b"" if call.method == "HEAD" else body, self.type, out)


def _text(name: str) -> str:
    return (files(__package__) / "static" / name).read_text("utf-8")


def _panel() -> str:
    """The modules joined: imports left out, exports of inner modules made plain names, comments left in the source.

    The style is a string in it: a constructed style sheet is the only kind that the Content-Security-Policy of an
    embedding site has no say in.
    """
    joined = []
    for name in MODULES:
        if name == "style":
            joined.append(f"const style = {orjson.dumps(_COMMENT.sub('', _text('panel.css'))).decode()};\n")
            continue
        text = _IMPORT.sub("", _text(f"{name}.js"))
        joined.append(text if name == "panel" else _EXPORT.sub("", text))
    return _COMMENT.sub("", "".join(joined))


def _bodies() -> dict[str, str]:
    languages = [item.name for item in (files(__package__) / "static" / "texts").iterdir()]
    return {
        "widget.js": _COMMENT.sub("", _text("widget.js")),
        "panel.js": _panel(),
        **{name: _text(name) for name in ("page.js", "page.css", "icon.svg")},
        **{f"texts/{name}": _text(f"texts/{name}") for name in sorted(languages)},
    }


@cache
def version() -> str:
    """A name for the whole set: another one as soon as a byte of any file differs."""
    digest = hashlib.sha256()
    for name, body in _bodies().items():
        digest.update(f"{name} {len(body)} {body}".encode())
    return digest.hexdigest()[:12]


@cache
def assets() -> Mapping[str, Asset]:
    """All files by the path of their URL. The launcher keeps its name; the rest is named by version, for ever."""
    table = {}
    for name, body in _bodies().items():
        type = _TYPES[name.rpartition(".")[2]]
        if name == "widget.js":
            table["/widget.js"] = Asset(body.encode(), type, _PUBLIC)
        else:
            headers = {**_PUBLIC, "cache-control": _FOR_EVER}
            table[f"/widget/{version()}/{name}"] = Asset(body.encode(), type, headers)
    return table


def find(path: str) -> Asset | None:
    """The file at a path. During a rolling upgrade a page may ask for another version: it gets ours, unkept."""
    if asset := assets().get(path):
        return asset
    other = re.fullmatch(r"/widget/[0-9a-f]{12}/(.+)", path)
    asset = assets().get(f"/widget/{version()}/{other[1]}") if other else None
    return Asset(asset.body, asset.type, {**_PUBLIC, "cache-control": "no-store"}) if asset else None
