"""The list `routes`: rules that cannot do what they say are found where they stand."""

from pathlib import Path

import pytest

from tests.groups import yaml
from tests.kit import configure
from tests.yaml_files import Files

WRONG = [
    ("[{chat: g1, bot: nobody}]", "routes[0].bot: unknown bot", 0),
    ("[{chat: g1}]", 'routes[0]: "bot" is missing', 0),
    ("[{bot: b}]", "routes[0]: names neither account, chat, user nor keyword", 0),
    ("[{keyword: two words, bot: b}]", "routes[0].keyword: expected one word", 0),
    ("[{user: bob, bot: b}]", "routes[0].user: expected an id, a phone number", 0),
    ('[{user: "@nobody", bot: b}]', "routes[0].user: no such group of people (known: @staff)", 0),
    ("[{chat: [], bot: b}]", "routes[0].chat: names nobody and nothing", 0),
    ("[{chat: g1, when: now, bot: b}]", 'routes[0]: unknown key "when"', 0),
    ("[{chat: g1, bot: sales}, {chat: g1, bot: help}]", "routes[1]: says when as routes[0] does, which comes first", 1),
    (
        "[{chat: g1, bot: sales}, {chat: g1, keyword: hi, bot: help}]",
        "routes[1]: is never reached: earlier routes take all that it names",
        1,
    ),
    (
        "[{chat: g1, bot: b}, {chat: g2, bot: b}, {chat: [g1, g2], user: 9, bot: help}]",
        "routes[2]: is never reached: earlier routes take all that it names",
        2,
    ),
    ("[{chat: g1, bot: b}, {chat: g1/7, bot: help}]", "routes[1]: is never reached", 1),
    ("[{keyword: Hi, bot: b}, {keyword: [HI], bot: help}]", "routes[1]: says when as routes[0] does", 1),
    ("5", "routes: must be a list", 0),
]


def _load(path: Path, environment: object) -> None:
    configure(path.parent, path.read_text("utf-8"))


@pytest.mark.feature("CH-17", "CFG-02")
@pytest.mark.parametrize(("routes", "said", "place"), WRONG, ids=[said for _, said, _ in WRONG])
def test_rules_that_cannot_do_what_they_say(tmp_path: Path, routes: str, said: str, place: int) -> None:
    (found,) = Files(tmp_path).wrong(_load, yaml(f"routes: {routes}"))
    assert f"channels.p.{said}" in found
    column = int(found.split(":")[2])
    starts = [index for index, sign in enumerate(f"    routes: {routes}") if sign == "{"]
    if starts and said.endswith(("first", "names", "reached", "keyword")):
        assert column == starts[place] + 1


@pytest.mark.feature("CH-17")
@pytest.mark.parametrize(
    "routes",
    [
        "[{keyword: hi, bot: sales}, {chat: g1, bot: help}, {user: 9, bot: b}]",
        "[{chat: g1, account: two, bot: b}, {chat: g1, bot: help}]",
        "[{chat: g1, keyword: hi, bot: sales}, {chat: g1, bot: help}]",
        "[{chat: g1/7, bot: sales}, {chat: g1, bot: help}]",
        "[{chat: [g1, g2], bot: sales}, {chat: [g2, g3], bot: help}]",
        "[{user: 9, chat: g1, bot: sales}, {user: 9, bot: help}]",
    ],
)
def test_rules_that_can(tmp_path: Path, routes: str) -> None:
    assert configure(tmp_path, yaml(f"routes: {routes}")).channels["p"].routes


@pytest.mark.feature("CH-17", "CH-18")
@pytest.mark.parametrize("platform", ["web", "api"])
def test_a_channel_without_chats_has_no_rules(tmp_path: Path, platform: str) -> None:
    text = yaml("routes: [{user: 9, bot: sales}]", platform=platform)
    (found,) = Files(tmp_path).wrong(_load, text)
    assert found.endswith("channels.p.routes: has no chats to choose by: give each bot a channel of its own")
