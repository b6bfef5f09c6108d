"""Fetching what strangers name: only public hosts are called, at the address that was checked, for a bounded answer."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.errors import FetchError
from gateway.fetch import Caps, Fetcher, Rules, host
from gateway.fetch.addresses import is_public
from tests.far.strangers import Names, answer, moved
from tests.fetching import INSIDE, OUTSIDE, reason, world
from tests.hostile_urls import FINE, MALFORMED, PRIVATE, RESOLVES
from tests.source import ROOT

pytestmark = pytest.mark.feature("SEC-04")


async def test_no_spelling_leads_inside() -> None:
    fetcher = Fetcher(resolver=Names(RESOLVES))
    outcomes = {url: await reason(fetcher, url) for url in PRIVATE}
    await fetcher.close()
    assert len(PRIVATE) > 500
    # aiohttp itself refuses to read a host made of digits alone as a name.
    wrong = {url: said for url, said in outcomes.items() if said not in ("private", "url")}
    assert not wrong
    assert Counter(outcomes.values())["private"] > 400


@pytest.mark.parametrize("why", MALFORMED)
async def test_malformed_urls_are_refused_before_anybody_is_asked(why: str) -> None:
    names = Names(RESOLVES)
    fetcher = Fetcher(resolver=names)
    wrong = {url: said for url in MALFORMED[why] if (said := await reason(fetcher, url)) != why}
    await fetcher.close()
    assert not wrong
    assert not names.asked


def test_what_is_public() -> None:
    assert [a for a in ("8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808") if not is_public(a)] == []
    bad = (
        "10.0.0.1",
        "2606:4700::1111%eth0",
        "::ffff:8.8.8.8",
        "2002:808:808::1",
        "64:ff9b::a00:1",
        "",
        "x",
        "08.8.8.8",
    )
    assert [a for a in bad if is_public(a)] == []


def on_the_internet(folder: Path, urls: list[str], *, secure: bool) -> tuple[dict[str, str], list[str]]:
    """What becomes of the URLs where every address on earth answers, and at which addresses somebody called."""
    alone = ("unshare", "--net", "--map-root-user")
    if not shutil.which("ip") or subprocess.run((*alone, "true"), capture_output=True, check=False).returncode:
        pytest.skip("needs `unshare` and `ip`, and the right to make a network namespace")
    arguments, environment = [], dict(os.environ)
    if secure:
        key, certificate = folder / "key.pem", folder / "public.pem"
        made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=public.example")
        alternative = ("-addext", "subjectAltName=DNS:public.example,DNS:other.example")
        if not shutil.which("openssl"):
            pytest.skip("needs openssl to make a certificate")
        subprocess.run(
            (*made, *alternative, "-keyout", str(key), "-out", str(certificate)), check=True, capture_output=True
        )
        both = folder / "both.pem"
        both.write_text(key.read_text() + certificate.read_text())
        arguments, environment["SSL_CERT_FILE"] = [str(both)], str(certificate)
    run = subprocess.run(
        (*alone, sys.executable, "-m", "tests.far.internet", *arguments),
        input=json.dumps({"names": RESOLVES, "urls": urls}),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    return told["outcomes"], told["reached"]


def test_where_every_address_answers_only_public_ones_are_called(tmp_path: Path) -> None:
    """The rules as they are when nobody has set any, ports 80 and 443 too."""
    bad = PRIVATE + [url for urls in MALFORMED.values() for url in urls]
    trap = "http://public.example/to/http://10.0.0.1/"
    outcomes, reached = on_the_internet(tmp_path, [*bad, *FINE, trap], secure=False)
    assert {url: outcomes[url] for url in FINE} == dict.fromkeys(FINE, "well")
    assert outcomes[trap] == "private"
    assert not [url for url in bad if outcomes[url] == "well" or outcomes[url].startswith("failed")]
    assert len(reached) == len(FINE) + 1
    assert [address for address in reached if not is_public(address)] == []


def test_from_https_nothing_leads_to_http(tmp_path: Path) -> None:
    well = ["https://public.example/", "https://public.example/to/https://other.example/"]
    well += ["http://public.example/to/https://other.example/"]
    down = "https://public.example/to/http://public.example/"
    stolen = "https://public.example./to/https://xn--bcher-kva.example/"  # no certificate is for that name
    outcomes, _ = on_the_internet(tmp_path, [*well, down, stolen], secure=True)
    assert [outcomes[url] for url in well] == ["well"] * len(well)
    assert outcomes[down] == "redirect"
    assert outcomes[stolen].startswith("failed: no connection")


async def test_a_name_that_answers_differently_the_second_time_gains_nothing() -> None:
    pages = {"/": answer(200, b"x"), "/again": moved("/")}
    async with world(pages, **{"turn.example": [OUTSIDE, INSIDE], "late.example": [OUTSIDE, INSIDE]}) as w:
        turning = w.at("/", "turn.example")
        assert await reason(w.fetcher, turning) == "fetched 1"
        assert w.names.asked == ["turn.example"]  # the address that was checked is the one that was called
        assert await reason(w.fetcher, turning) == "private"
        assert await reason(w.fetcher, w.at("/again", "late.example")) == "private"
        assert w.out.reached == [OUTSIDE] * 2
        assert not w.inside.reached


async def test_redirects_are_followed_three_times_and_checked_each_time() -> None:
    async with world({"/end": answer(200, b"end")}) as w:
        w.out.pages |= {
            "/1": moved("/end", 307),
            "/2": moved(w.at("/1", "b.example"), 308),
            "/3": moved("2", 301),
            "/4": moved("//c.example:" + str(w.out.port) + "/3", 303),
            "/round": moved("/round"),
            "/inside": moved(f"http://trap.example:{w.inside.port}/"),
            "/literal": moved(f"http://{INSIDE}:{w.inside.port}/"),
            "/file": moved("file:///etc/passwd"),
            "/user": moved(f"http://a:b@b.example:{w.out.port}/end"),
            "/odd": moved("http://[::1"),
            "/port": moved("http://a.example:22/"),
            "/kind": moved(w.within("/")),
            "/nowhere": answer(302),
            "/choices": answer(300, location="/end"),
        }
        paths = ("1", "2", "3", "4", "round", "inside", "literal", "file", "user", "odd", "port", "kind", "nowhere")
        said = {path: await w.ask(f"/{path}") for path in (*paths, "choices")}
        assert said == {
            **dict.fromkeys("123", "fetched 3"),
            **dict.fromkeys(("4", "round", "kind"), "redirect"),
            **dict.fromkeys(("inside", "literal"), "private"),
            "file": "scheme",
            "user": "userinfo",
            "odd": "url",
            "port": "port",
            **dict.fromkeys(("nowhere", "choices"), "status"),
        }
        assert w.out.paths.count("/round") == 4
        assert not w.inside.reached


async def test_internal_hosts_are_those_that_were_named() -> None:
    async with world({"/": answer(200, b"x")}) as w:
        w.inside.pages |= {"/out": moved(w.at("/")), "/home": moved("/")}
        assert await reason(w.fetcher, w.within("/")) == "fetched 6"
        assert await reason(w.fetcher, w.within("/home").replace("store.internal", "STORE.internal.")) == "fetched 6"
        assert await reason(w.fetcher, w.within("/out")) == "redirect"
        assert await reason(w.fetcher, f"http://store.internal:{w.out.port}/") == "private"  # another port
        assert await reason(w.fetcher, f"http://trap.example:{w.inside.port}/") == "private"  # another name of it
        assert w.out.reached == []


def test_hosts_as_they_are_named() -> None:
    assert host("files.internal") == ("files.internal", None)
    assert host("Files.Internal:9000") == ("files.internal", 9000)
    assert (host("10.0.0.5:8080"), host("[fd00::1]:80")) == (("10.0.0.5", 8080), ("fd00::1", 80))
    bad = [
        "",
        ":80",
        "a:",
        "a:0",
        "a:x",
        "a:70000",
        "http://a",
        "a/b",
        "a?b",
        "a#b",
        "u@a",
        "*.a",
        "a b",
        "[::1",
        "10.0.0.0/8",
    ]
    for text in bad:
        with pytest.raises(ValueError, match="expected a host"):
            host(text)
    assert Rules([host("a")]).admit("http://a:9999/").kind == "internal"


async def test_headers_go_to_the_first_origin_only() -> None:
    async with world({"/": answer(200, b"x", set_cookie="id=1"), "/here": moved("/")}) as w:
        w.out.pages |= {"/there": moved(w.at("/here", "b.example")), "/back": moved(w.at("/there"))}
        for path in ("/here", "/there"):
            async with w.fetcher.open(w.at(path), headers={"Authorization": "Bearer s"}):
                pass
        told = [(head.split()[1], "Bearer s" in head) for head in w.out.requests]
        assert told == [("/here", True), ("/", True), ("/there", True), ("/here", False), ("/", False)]
        assert await w.ask("/") == "fetched 1"
        assert "Cookie" not in "".join(w.out.requests)


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with world({"/": answer(200, b"x")}) as w:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{INSIDE}:{w.inside.port}")
        assert await w.ask("/") == "fetched 1"
        assert not w.inside.reached


async def test_a_download_says_what_it_is() -> None:
    async with world({"/x": answer(200, b"GIF89a", content_type="Image/GIF; q=1"), "/y": moved("/x#part")}) as w:
        async with w.fetcher.open(w.at("/y")) as download:
            assert (download.url, download.mime) == (w.at("/x"), "image/gif")
            assert await download.read() == b"GIF89a"
        with pytest.raises(FetchError, match="larger"):
            async with w.fetcher.open(w.at("/x"), Caps(size=1)) as download:
                await download.read()
