"""Calls that nobody honest makes: what strangers, broken proxies and clever users send to a webhook."""

import random
from collections.abc import Iterator
from typing import Any

import orjson
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.adapter import Call, Reply
from tests.contract.peer import Peer, Said

DEEP = b"[" * 100_000
OTHER = "another_secret-of-another-channel-43-letters"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"

BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", JSON),
    "half an object": (b"{", JSON),
    "array": (b"[]", JSON),
    "null": (b"null", JSON),
    "text": (b'"update"', JSON),
    "100,000 deep": (DEEP, JSON),
    "100,000 deep and whole": (DEEP + DEEP.replace(b"[", b"]"), JSON),
    "objects, 20,000 deep": (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, JSON),
    "invalid UTF-8": (b'{"text":"\xff\xfe"}', JSON),
    "UTF-16": ('{"id":1}'.encode("utf-16"), JSON),
    "lone surrogate": (rb'{"text":"\ud83d"}', JSON),
    "NUL": (rb'{"text":"\u0000"}', JSON),
    "6,000 digits": (b'{"id":' + b"9" * 6000 + b"}", JSON),
    "NaN": (b'{"id":NaN,"x":-Infinity,"y":1e999}', JSON),
    "same key twice": (b'{"id":1,"id":2}', JSON),
    "bad gzip": (b"\x1f\x8b\x08\x00broken", JSON),
    "charset=bogus": (b'{"id":1}', f"{JSON}; charset=bogus"),
    "a form": (b"Body=hello&From=%2B1", FORM),
    "form in invalid UTF-8": (b"Body=\xff%ff%fe&From=%zz", FORM),
    "form, charset=bogus": (b"Body=hello", f"{FORM}; charset=bogus"),
    "form of 5,000 fields": (b"&".join(b"a%d=b" % n for n in range(5000)), FORM),
    "multipart without boundary": (b"--x\r\n\r\nhello\r\n--x--", "multipart/form-data"),
    "a file": (
        b'--x\r\nContent-Disposition: form-data; name="Body"; filename="a"\r\n\r\nhello\r\n--x--\r\n',
        "multipart/form-data; boundary=x",
    ),
    "no type at all": (b"hello", ""),
}

HEADERS: dict[str, str] = {
    "x-forwarded-for": "abc, ::1, 127.0.0.1",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "gopher",
    "host": "evil.example:99999",
    "forwarded": "for=_x;by=;host=\x00",
    "content-encoding": "gzip",
    "content-length": "-1",
    "transfer-encoding": "chunked, chunked",
    "authorization": "Basic \udcff",
    "cookie": "a" * 10_000,
    "origin": "null",
    "if-none-match": '"' * 999,
    "accept-encoding": "gzip;q=nan",
    "range": "bytes=-",
    "date": "yesterday",
    "x-timestamp": "9" * 5000,
}
"""Said of every call; what a platform proves itself by is made up besides."""

PATHS = ("/c/contract", "/", "", "/c/../../etc/passwd", "/c/%00", "/\udcff", "/widget/" + "0" * 12 + "/../page.js")
METHODS = ("POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "", "P\x00ST")
ODD = ("", " ", "wrong", "é", "\udce9\udcff", "\ud800", "\x00", "v0=", "sha256=", "9" * 5000, "-1", "1e309", "a, b")


def strangers(peer: Peer) -> Iterator[tuple[str, Call]]:
    """Calls by nobody we know."""
    for name, (body, type) in BODIES.items():
        yield name, Call("POST", "/c/contract", {}, {"content-type": type}, body, "192.0.2.7")
    for odd in ODD:
        headers = {**HEADERS, **dict.fromkeys(peer.proof, odd)}
        yield f"proof {odd[:9]!r}", Call("POST", "/c/contract", {"a": odd, odd: "a"}, headers, b"{}", odd)
    for path in PATHS:
        for method in METHODS:
            yield f"{method!r} {path!r}", Call(method, path, {}, {}, b"", "192.0.2.7")


def proven(peer: Peer) -> Iterator[tuple[str, Call]]:
    """The same bodies and headers from somebody who has the secret."""
    for name, (body, type) in BODIES.items():
        call = peer.call(body)
        yield name, replace(call, headers={**call.headers, "content-type": type})
        yield f"{name}, with odd headers", replace(call, headers={**HEADERS, **call.headers})
    for method in METHODS:
        yield f"{method!r}", replace(peer.call(b""), method=method)


def forged(peer: Peer, good: Call) -> Iterator[tuple[str, Call]]:
    """A good call, as it can be made without knowing the secret."""
    for header in peer.proof:
        proof = good.headers[header]
        bare = {name: value for name, value in good.headers.items() if name != header}
        yield f"no {header}", replace(good, headers=bare)
        yield f"no {header}, from here", replace(good, headers={**bare, "x-forwarded-for": "127.0.0.1"}, peer="::1")
        for name, value in _changed(proof):
            yield f"{header}: {name}", replace(good, headers={**bare, header: value})
        broken = replace(good, headers={**bare, header: "wrong"})
        yield f"wrong {header} and no JSON", replace(broken, body=b"{")
        yield f"wrong {header} and deep", replace(broken, body=DEEP)
    yield "by somebody else", peer.call(good.body, OTHER)
    if peer.covers_body:
        for name, body in {"longer": good.body + b" ", "empty": b"", "cut": good.body[:-1]}.items():
            yield f"another body, {name}", replace(good, body=body)
        yield "another body, one letter", replace(good, body=good.body.swapcase())


def _changed(proof: str) -> Iterator[tuple[str, str]]:
    yield from (
        ("empty", ""),
        ("cut short", proof[:-1]),
        ("longer", proof + "x"),
        ("twice", f"{proof}, {proof}"),
        ("NUL after it", f"{proof}\x00"),
        ("non-ASCII letter", proof[:3] + "é" + proof[4:]),
        ("non-ASCII bytes", "\udce9" * len(proof)),
        ("lone surrogate", "\ud800"),
        ("question marks", "?" * len(proof)),
        ("full-width", "".join(chr(ord(letter) + 0xFEE0) for letter in proof if "!" <= letter <= "~")),
        ("a megabyte", proof * (1_000_000 // len(proof))),
        ("5,000 digits", "9" * 5000),
    )
    chance = random.Random(7)
    for _ in range(300):
        at = chance.randrange(len(proof))
        letter = chance.choice([other for other in "abcXYZ019_-=" if other != proof[at]])
        yield "one letter", proof[:at] + letter + proof[at + 1 :]


def calls(peer: Peer) -> st.SearchStrategy[Call]:
    """Any call at all, as far as HTTP lets one through."""
    text = st.text(max_size=30)
    bodies = st.binary(max_size=200) | _json.map(_written)
    if "pushed" in peer.ways:
        good = peer.body(Said())
        bodies |= st.just(good) | twisted(good)
    named = st.sampled_from([*HEADERS, *peer.proof, "content-type"]) | text.map(str.lower)
    return st.builds(
        Call,
        method=st.just("POST") | st.sampled_from(METHODS) | text,
        path=st.sampled_from(PATHS) | text.map("/".__add__),
        query=st.dictionaries(text, text, max_size=3),
        headers=st.dictionaries(named, text, max_size=5),
        body=bodies,
        peer=st.just("192.0.2.7") | text,
    )


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


def _written(data: Any) -> bytes:
    try:
        return orjson.dumps(data)
    except TypeError:  # a lone surrogate, or a number beyond 64 bits
        return repr(data).encode("utf-8", "surrogatepass")


def twisted(good: bytes) -> st.SearchStrategy[bytes]:
    """A good body in which values were changed for others, or bytes for others."""
    try:
        tree = orjson.loads(good)
    except orjson.JSONDecodeError:
        return _scratched(good)
    paths = list(_paths(tree))
    changed = st.builds(
        lambda path, value: _written(_put(orjson.loads(good), path, value)), st.sampled_from(paths), _json
    )
    return changed | _scratched(good)


def _scratched(good: bytes) -> st.SearchStrategy[bytes]:
    at = st.integers(0, len(good))
    return st.builds(lambda start, end, new: good[:start] + new + good[end:], at, at, st.binary(max_size=8))


def _paths(tree: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in inner:
        yield (*here, name)
        yield from _paths(value, (*here, name))


def _put(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    place = tree
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return tree


def check(reply: Reply, what: object) -> None:
    """Whatever was asked, the answer is an answer, and no fault of ours."""
    assert isinstance(reply, Reply), what
    assert isinstance(reply.status, int), what
    assert 100 <= reply.status < 500, f"{what}: {reply.status}"
    assert isinstance(reply.body, bytes), what
    for name, value in {**reply.headers, "content-type": reply.type}.items():
        assert name.isascii(), what
        assert (name + value).isprintable(), what
