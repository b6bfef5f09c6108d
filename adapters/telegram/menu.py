"""The commands that Telegram offers to people as they type: set when they have changed, for each language and scope."""

import hashlib
from collections.abc import Mapping

import msgspec

from adapters.telegram.api import Api
from gateway.adapter import Gate

_KEPT = "menu"
_DESCRIPTION = 256
_MOST = 100
_SCOPES = ("all_private_chats", "all_group_chats")

Commands = Mapping[str, Mapping[str, str]]
"""By language, "" for all others: what each command does."""


class _Kept(msgspec.Struct):
    """What Telegram has from us: the languages that were set, and a hash of it all."""

    menu: str = ""
    languages: list[str] = []


async def show(api: Api, gate: Gate, everywhere: Commands, in_groups: Commands) -> None:
    """Set the menus, and take back those of languages that are gone. Nothing is asked when nothing has changed."""
    wanted = [_languages(everywhere), _languages(in_groups)]
    menu = hashlib.sha256(msgspec.json.encode(wanted, order="deterministic")).hexdigest()
    kept = _recalled(await gate.recall(_KEPT))
    if kept.menu == menu:
        return
    for scope, commands in zip(_SCOPES, wanted, strict=True):
        for language in sorted({*kept.languages, *commands}):
            await _set(api, scope, language, commands.get(language, {}))
    languages = sorted({*wanted[0], *wanted[1]})
    await gate.keep(_KEPT, msgspec.json.encode(_Kept(menu, languages)).decode())


async def _set(api: Api, scope: str, language: str, commands: Mapping[str, str]) -> None:
    asked: dict[str, object] = {"scope": {"type": scope}}
    if language:
        asked["language_code"] = language
    if not commands:
        await api.call("deleteMyCommands", asked, bool)
        return
    listed = [{"command": name, "description": said[:_DESCRIPTION]} for name, said in commands.items()]
    await api.call("setMyCommands", {**asked, "commands": listed[:_MOST]}, bool)


def _languages(commands: Commands) -> dict[str, Mapping[str, str]]:
    """Telegram knows languages by two letters, without regions: `pt-BR` is shown to all who speak Portuguese."""
    found: dict[str, Mapping[str, str]] = {}
    for language in sorted(commands, key=len):
        short = language.partition("-")[0].lower()
        if len(short) in (0, 2):
            found.setdefault(short, {name: said or name for name, said in commands[language].items()})
    return found


def _recalled(word: str) -> _Kept:
    try:
        return msgspec.json.decode(word, type=_Kept)
    except msgspec.DecodeError:
        return _Kept()
