"""The section `channels`, with what `defaults` give to each."""

from collections.abc import Mapping
from typing import Any

from config import Path
from gateway.adapter import Adapter
from gateway.settings.checker import Checker
from gateway.settings.entries import Blocks, ChannelKeys, ChannelSettings
from gateway.settings.kinds import Found, Sort, entries, options
from gateway.settings.pages import settle
from gateway.settings.people import People
from gateway.settings.routes import unreachable

CHANNELS = Sort("platform", "adapters", Adapter, ChannelKeys)
_BLOCKS = set(Blocks.model_fields)


def load_channels(checker: Checker, people: People) -> dict[str, ChannelSettings]:
    """The channels that are well, by name; what is wrong with the others is noted."""
    defaults = _defaults(checker, people)
    commons: dict[str, ChannelKeys | None] = {}
    founds: dict[str, Found[Adapter]] = {}
    for name, entry in entries(checker, "channels").items():
        path = ("channels", name)
        own = {key: entry[key] for key in entry if key in CHANNELS.keys and _said(key, entry[key])}
        merged = {key: _merged(defaults.get(key), own.get(key)) for key in {**defaults, **own}}
        commons[name] = checker.model(ChannelKeys, merged, path, inherited=("defaults",), people=people)
        _names_a_bot(checker, (*path, "bot"), entry.get("bot"))
        _summarised_by(checker, path)
        _spoken_by(checker, path)
        _answered_by(checker, path, entry)
        founds[name] = options(checker, CHANNELS, entry, path)
        _routed(checker, path, commons[name], founds[name])
    return {
        name: _whole(name, common, found)
        for name, found in settle(checker, founds).items()
        if (common := commons[name]) is not None and (found.fault or found.options is not None)
    }


def _defaults(checker: Checker, people: People) -> dict[str, Any]:
    raw = checker.document.data.get("defaults") or {}
    if not isinstance(raw, dict):
        checker.note(("defaults",), "must hold blocks such as session, group, limits")
        return {}
    said = {key: value for key, value in raw.items() if _said(key, value)}
    checker.model(Blocks, said, ("defaults",), people=people)
    _summarised_by(checker, ("defaults",))
    _answered_by(checker, ("defaults",), raw)
    _spoken_by(checker, ("defaults",))
    return {key: value for key, value in said.items() if key in _BLOCKS}


def _said(key: str, value: Any) -> bool:
    """A block whose keys have all been commented out says nothing."""
    return value is not None or key not in _BLOCKS


def _merged(default: Any, own: Any) -> Any:
    """Mappings are merged key by key; else the channel's word counts."""
    if isinstance(default, Mapping) and isinstance(own, Mapping):
        return {**default, **{key: _merged(default.get(key), value) for key, value in own.items()}}
    return default if own is None and default is not None else own


def _names_a_bot(checker: Checker, path: Path, word: Any) -> None:
    bots = checker.document.data.get("bots")
    known = bots if isinstance(bots, dict) else {}
    if isinstance(word, str) and word not in known:
        checker.unknown(path, "bot", word, known)


def _summarised_by(checker: Checker, path: Path) -> None:
    at = (*path, "summary", "by")
    word = _word(checker, at)
    if word != "digest":
        _names_a_bot(checker, at, word)


def _spoken_by(checker: Checker, path: Path) -> None:
    """Who transcribes and who speaks are bots, unless they are addresses; only some bots can speak."""
    voice = (*path, "voice")
    for name in ("transcribe", "speech"):
        word = _word(checker, (*voice, name))
        if isinstance(word, str) and word and "://" not in word:
            _names_a_bot(checker, (*voice, name), word)
    speaker = (*voice, "speech") if _word(checker, (*voice, "speech")) else (*voice, "transcribe")
    kind = _word(checker, ("bots", str(_word(checker, speaker)), "kind"))
    if _word(checker, (*voice, "reply")) in ("always", "reciprocal") and kind not in (None, "openai"):
        checker.note((*voice, "reply"), "needs a bot of kind openai, or the address of such an API, under speech")


def _word(checker: Checker, at: Path) -> Any:
    word: Any = checker.document.data
    for step in at:
        word = word.get(step) if isinstance(word, dict) else None
    return word


def _answered_by(checker: Checker, path: Path, entry: Mapping[str, Any]) -> None:
    """The bots of single groups and of routes."""
    groups, routes = entry.get("groups"), entry.get("routes")
    for chat, override in groups.items() if isinstance(groups, dict) else ():
        if isinstance(override, dict):
            _names_a_bot(checker, (*path, "groups", chat, "bot"), override.get("bot"))
    for index, route in enumerate(routes) if isinstance(routes, list) else ():
        if isinstance(route, dict):
            _names_a_bot(checker, (*path, "routes", index, "bot"), route.get("bot"))


def _routed(checker: Checker, path: Path, common: ChannelKeys | None, found: Found[Adapter]) -> None:
    """Rules that cannot do what they say."""
    if common is None or not common.routes:
        return
    for index, said in unreachable(common.routes):
        checker.note((*path, "routes", index), said)
    if found.plugin is not None and found.plugin.limits.door:
        said = "has no chats to choose by: give each bot a channel of its own"
        checker.note((*path, "routes"), said, key=True)


def _whole(name: str, common: ChannelKeys, found: Found[Adapter]) -> ChannelSettings:
    return ChannelSettings.model_construct(
        **dict(common), name=name, options=found.options, plugin=found.plugin, fault=found.fault
    )
