"""What the bot does besides speaking: it answers presses, puts reactions, and sets its menus."""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.far.telegram.params import Params
from tests.far.telegram.refusal import bad_request

if TYPE_CHECKING:
    from tests.far.telegram.server import TelegramServer

# The reactions that there are, as core.telegram.org lists them; all others are refused.
_LISTED = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳",
    "❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈",
    "😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀",
    "😡",
)
REACTIONS = {name for line in _LISTED for name in line.split()}
_SCOPES = {"default", "all_private_chats", "all_group_chats", "all_chat_administrators"}


class Touches:
    """`answered` are the presses that were answered, `menus` the commands by scope and language."""

    def __init__(self, server: "TelegramServer") -> None:
        self._server = server
        self.answered: list[str] = []
        self.reacted: list[tuple[int, int, str]] = []
        self.menus: dict[tuple[str, str], dict[str, str]] = {}
        self.table: dict[str, Callable[[Params], Awaitable[Any]]] = {
            "answercallbackquery": self.answer_callback_query,
            "setmessagereaction": self.set_message_reaction,
            "setmycommands": self.set_my_commands,
            "deletemycommands": self.delete_my_commands,
        }

    async def answer_callback_query(self, asked: Params) -> Any:
        number = asked.text("callback_query_id")
        if number not in self._server.world.presses:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        self.answered.append(number)
        return True

    async def set_message_reaction(self, asked: Params) -> Any:
        chat = self._server.world.open_chat(asked.number("chat_id"))
        number = asked.number("message_id")
        if number not in chat.messages:
            raise bad_request("message to react not found")
        reaction = asked.data("reaction", list) or []
        if len(reaction) > 1 or any(one.get("emoji") not in REACTIONS for one in reaction):
            raise bad_request("REACTION_INVALID")
        self.reacted.append((chat.id, number, reaction[0]["emoji"] if reaction else ""))
        return True

    async def set_my_commands(self, asked: Params) -> Any:
        commands = asked.data("commands", list) or []
        if not commands or len(commands) > 100:
            raise bad_request("wrong number of commands")
        for one in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", one["command"]):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 0 < len(one["description"]) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        self.menus[_scope(asked)] = {one["command"]: one["description"] for one in commands}
        return True

    async def delete_my_commands(self, asked: Params) -> Any:
        self.menus.pop(_scope(asked), None)
        return True


def _scope(asked: Params) -> tuple[str, str]:
    scope = (asked.data("scope", dict) or {"type": "default"}).get("type")
    if scope not in _SCOPES:
        raise bad_request("can't parse BotCommandScope")
    language = asked.text("language_code")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad_request("invalid language code specified")
    return scope, language
