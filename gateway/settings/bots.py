"""The section `bots`."""

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
    return bots
