"""The section `bots`."""

from collections.abc import Mapping
from typing import Any

from gateway.bot import Bot
from gateway.settings.checker import Checker
from gateway.settings.entries import BotKeys, BotSettings
from gateway.settings.kinds import Sort, entries, options

BOTS = Sort("kind", "gateway.bots", Bot, BotKeys)


def load_bots(checker: Checker) -> dict[str, BotSettings]:
    """The bots that are well, by name; what is wrong with the others is noted."""
    bots = {}
    for name, entry in entries(checker, "bots").items():
        path = ("bots", name)
        common = checker.model(BotKeys, {key: entry[key] for key in entry if key in BOTS.keys}, path)
        found = options(checker, BOTS, entry, path)
        if found.fault:
            checker.note((*path, "kind"), found.fault)
        if common is not None and found.options is not None and found.plugin is not None:
            bots[name] = BotSettings.model_construct(
                **dict(common), name=name, options=found.options, plugin=found.plugin
            )
    _stand_in(checker)
    return bots


def _stand_in(checker: Checker) -> None:
    """Whoever stands in for a bot is one, and is not stood in for by it."""
    raw = checker.document.data.get("bots")
    named = raw if isinstance(raw, dict) else {}
    ways = {name: bot.get("fallback") for name, bot in named.items() if isinstance(bot, dict)}
    told: set[str] = set()
    for name, word in ways.items():
        if isinstance(word, str) and word and word not in named:
            checker.unknown(("bots", name, "fallback"), "bot", word, named)
        circle = _circle(name, ways)
        if circle and told.isdisjoint(circle):
            told.update(circle)
            checker.note(("bots", name, "fallback"), f"leads in a circle: {' -> '.join(circle)}")


def _circle(name: str, ways: Mapping[str, Any]) -> list[str]:
    """The way from a bot by those that stand in back to itself; nothing where there is none."""
    way = [name]
    while isinstance(following := ways.get(way[-1]), str) and following in ways:
        if following in way:
            return [*way, name] if following == name else []
        way.append(following)
    return []
