"""Keys with values that are well, none of them the default or the same as another, and values that are not."""

from typing import Any, NamedTuple

from tests.edits.written import Path


class Values(NamedTuple):
    """What may stand at a key, and what may not."""

    right: list[Any]
    wrong: list[Any]


_COUNT, _TIME, _CHOICE = ("many", 1.5, [3], -1), ("soon", 30, "5 mins", ["1h"]), ("perhaps", 3, ["on"])

BLOCKS: dict[Path, Values] = {
    ("limits", "file"): Values(["5MB", "7MB", "600KB"], ["lots", 5, "5 apples", {"most": "5MB"}]),
    ("limits", "variables"): Values(["200KB", "300KB", "2MB"], ["1XB", [1]]),
    ("history", "max_messages"): Values([40, 60, 80], [*_COUNT, 5000]),
    ("history", "mode"): Values(["window", "none"], [*_CHOICE]),
    ("session", "idle", "after"): Values(["10m", "45m", "never"], [*_TIME]),
    ("session", "expire", "identified"): Values(["30d", "90d", "400d"], [*_TIME]),
    ("session", "on_edit"): Values(["history", "ignore"], [*_CHOICE]),
    ("session", "on_reaction"): Values(["answer"], [*_CHOICE]),
    ("access", "block"): Values([["@staff"], ["u77"], ["u78", "@staff"]], ["u77", 7, {"u77": "u78"}]),
    ("commands", "unknown"): Values(["help"], [*_CHOICE]),
    ("commands", "enabled"): Values([["help", "reset"], ["whoami"]], ["some", 7]),
    ("coalesce", "max_messages"): Values([5, 6, 20], [*_COUNT, 1, 101]),
    ("delivery", "attempts"): Values([5, 20, 30], [*_COUNT, 0, 1001]),
    ("delivery", "ttl"): Values(["3h", "9h", "12h"], [*_TIME]),
    ("format", "max_parts"): Values([4, 6, 9], [*_COUNT, 0]),
    ("stream", "typing"): Values([False], ["perhaps", 7, [True]]),
    ("stream", "ack", "done"): Values(["✅", "👍"], [7, ["✅"]]),
    ("stream", "edit"): Values(["off"], [*_CHOICE]),
    ("retention", "traces"): Values(["3d", "forever", "20d"], [*_TIME]),
    ("texts", "failed"): Values(["Sorry: that did not work.", "Oh no!", "# 1: no"], [7, ["Sorry"], {"en": "Sorry"}]),
    ("texts", "de", "failed"): Values(["Das ging leider nicht.", "Schade: nein."], [7, ["Nein"]]),
}
ON_WEB: dict[Path, Values] = {
    ("title",): Values(["Harbour", "Help & Co", "[Desk]"], [7, "", ["Harbour"]]),
    ("welcome",): Values(["Ask about **tides**.", "Hello: {you}"], [7, ["Hello"]]),
    ("colour",): Values(["#112233", "#abcdef"], ["red", 7, "#12"]),
    ("wait",): Values(["20s", "40s"], [*_TIME]),
    ("token_ttl",): Values(["3d", "30d", "never"], [*_TIME]),
}
BOT: dict[Path, Values] = {
    ("timeout",): Values(["20s", "40s", "2m"], [*_TIME]),
    ("retries",): Values([0, 2, 9], [*_COUNT, 101]),
    ("concurrency",): Values([50, 100, 300], [*_COUNT, 0]),
    ("away_after",): Values(["5s", "1m"], [*_TIME]),
    ("patience",): Values(["10m", "2h"], [*_TIME]),
}
PROCESS: dict[Path, Values] = {
    ("server", "drain"): Values(["10s", "45s"], [*_TIME]),
    ("server", "max_body"): Values(["2MB", "3MB"], ["big", 7]),
    ("server", "trusted_proxies"): Values([["10.0.0.0/8"], ["10.1.2.3", "10.2.0.0/16"]], ["10.0.0.0/8", 7]),
    ("inbox", "attempts"): Values([3, 4, 7], [*_COUNT, 0, 101]),
    ("inbox", "stale_after"): Values(["12h", "2d"], [*_TIME]),
    ("log", "level"): Values(["debug", "warning"], ["loud", 7]),
}
PEOPLE: dict[Path, Values] = {
    ("staff",): Values([["ada@example.org"], ["u91", "+4915112345"], ["u92"]], ["u91", {"u91": "u92"}]),
    ("guests",): Values([["u93"], ["*@example.org", "u94"]], [7]),
}
TOKENS = ["12345", "123456789:short", "123456789 AAF-test_token_test_token_test_tok1", "changeme", "<token>"]
