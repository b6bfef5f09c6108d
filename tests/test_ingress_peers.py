"""Who calls, behind proxies or not, and how often they may."""

from ipaddress import ip_network
from typing import Any, cast

import pytest
from aiohttp import web
from multidict import CIMultiDict

from gateway.ingress.peer import household, peer
from gateway.ingress.rates import Rates
from tests.bots import StoppedClock


def request(here: str | None, *forwarded: str) -> web.BaseRequest:
    class Transport:
        def get_extra_info(self, name: str) -> Any:
            return (here, 1234) if here is not None else ""

    class Request:
        transport = Transport()
        headers = CIMultiDict([("X-Forwarded-For", one) for one in forwarded])

    return cast(web.BaseRequest, Request())


PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.feature("ACC-05")
@pytest.mark.parametrize(
    ("here", "forwarded", "expected"),
    [
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # nobody we trust
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # what stands left is the client's own word
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.1, garbage"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, garbage, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["1.1.1.1," * 10_000 + "198.51.100.1"], "198.51.100.1"),
        (None, ["198.51.100.1"], ""),
    ],
)
def test_the_client_behind_proxies(here: str | None, forwarded: list[str], expected: str) -> None:
    assert peer(request(here, *forwarded), PROXIES) == expected
    assert peer(request(here, *forwarded), ()) == (here or "")


@pytest.mark.feature("ACC-05")
def test_what_limits_are_counted_by() -> None:
    assert household("2001:db8:1:2::1") == household("2001:db8:1:2:ffff::9") != household("2001:db8:1:3::1")
    assert household("198.51.100.1") == "198.51.100.1"
    assert household("") == ""


@pytest.mark.feature("ACC-05")
def test_rates_are_exact_and_bounded() -> None:
    class Clock(StoppedClock):
        at = 0.0

        def tick(self) -> float:
            return self.at

    clock = Clock()
    rates = Rates(clock, 30, 60, askers=100)
    assert [rates.take("a") for _ in range(30)] == [0.0] * 30
    assert rates.take("a") == pytest.approx(2)
    assert rates.take("b") == 0
    clock.at += 2.001
    assert (rates.take("a"), rates.take("a") > 0) == (0.0, True)
    clock.at += 3600
    assert [rates.take("a") for _ in range(31)].count(0.0) == 30
    for number in range(1000):
        rates.take(f"{number}")
    assert len(rates) == 100
