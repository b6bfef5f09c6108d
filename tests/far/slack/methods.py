"""The other methods of the Web API, and the table of them all."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.far.slack.params import Params
from tests.far.slack.refusal import Refusal
from tests.far.slack.world import Person, Team

if TYPE_CHECKING:
    from tests.far.slack.server import SlackServer

Method = Callable[[Team, Params], Awaitable[Any]]


class Methods:
    """Each takes the workspace of the token and the arguments, and gives the answer's fields or raises `Refusal`."""

    def __init__(self, server: "SlackServer") -> None:
        self._server = server
        speaking, files = server.speaking, server.files
        self._table: dict[str, Method] = {
            "auth.test": self.auth_test,
            "chat.postMessage": speaking.post_message,
            "chat.postEphemeral": speaking.post_ephemeral,
            "chat.update": speaking.update,
            "chat.delete": speaking.delete,
            "chat.startStream": speaking.start_stream,
            "chat.appendStream": speaking.append_stream,
            "chat.stopStream": speaking.stop_stream,
            "assistant.threads.setStatus": self.set_status,
            "assistant.threads.setSuggestedPrompts": self.set_prompts,
            "users.info": self.users_info,
            "conversations.info": self.conversations_info,
            "conversations.leave": self.conversations_leave,
            "conversations.replies": self.conversations_replies,
            "conversations.history": self.conversations_history,
            "users.conversations": self.users_conversations,
            "reactions.add": self.reactions_add,
            "reactions.get": self.reactions_get,
            "reactions.remove": self.reactions_remove,
            "files.info": files.info,
            "files.getUploadURLExternal": files.get_upload_url,
            "files.completeUploadExternal": files.complete_upload,
        }

    def find(self, name: str) -> Method | None:
        return self._table.get(name)

    async def auth_test(self, team: Team, asked: Params) -> Any:
        return {
            "url": "https://far.slack.example/",
            "team": "Far",
            "user": team.bot.name,
            "team_id": team.id,
            "user_id": team.bot.id,
            "bot_id": team.bot.bot_id,
            **({"enterprise_id": self._server.organisation} if self._server.organisation else {}),
            "is_enterprise_install": bool(self._server.organisation),
        }

    async def set_status(self, team: Team, asked: Params) -> Any:
        channel = team.open_channel(asked.text("channel_id", needed=True))
        thread = asked.text("thread_ts", needed=True)
        if not self._server.assistant:
            raise Refusal("missing_scope", needed="assistant:write", provided="chat:write")
        self._server.statuses.append((channel.id, thread, asked.text("status")))
        self._server.thinking[channel.id, thread] = asked.text("status")
        return {}

    async def set_prompts(self, team: Team, asked: Params) -> Any:
        channel = team.open_channel(asked.text("channel_id", needed=True))
        prompts = asked.data("prompts")
        if not isinstance(prompts, list) or not 0 < len(prompts) <= 4:
            raise Refusal("invalid_arguments")
        self._server.prompts.append((channel.id, asked.text("thread_ts"), prompts))
        return {}

    async def users_info(self, team: Team, asked: Params) -> Any:
        person = team.people.get(asked.text("user"))
        if person is None:
            raise Refusal("user_not_found")
        return {"user": self._described(team, person)}

    def _described(self, team: Team, person: Person) -> dict[str, Any]:
        return {
            "id": person.id,
            "team_id": person.team or team.id,
            "name": person.name.lower(),
            "real_name": f"{person.name} Real",
            "tz": "Europe/Berlin",
            "locale": "en-US",
            "is_bot": person.is_bot,
            "is_admin": person.is_admin,
            "profile": {"display_name": person.name, "real_name": f"{person.name} Real"},
        }

    async def conversations_info(self, team: Team, asked: Params) -> Any:
        channel = team.channels.get(asked.text("channel"))
        if channel is None:
            raise Refusal("channel_not_found")
        return {"channel": {"id": channel.id, "name": channel.name, "is_im": channel.kind == "im"}}

    async def conversations_leave(self, team: Team, asked: Params) -> Any:
        channel = team.open_channel(asked.text("channel", needed=True))
        channel.members.discard(team.bot.id)
        return {}

    async def conversations_replies(self, team: Team, asked: Params) -> Any:
        """The first message of a thread, and then those that answer it."""
        channel, thread = team.open_channel(asked.text("channel", needed=True)), asked.text("ts", needed=True)
        if thread not in channel.messages:
            raise Refusal("thread_not_found")
        oldest = float(asked.text("oldest") or 0)
        below = [
            one
            for ts, one in channel.messages.items()
            if one.get("thread_ts") == thread and ts != thread and float(ts) > oldest
        ]
        return {"messages": [channel.messages[thread], *below][: asked.number("limit") or 1000], "has_more": False}

    async def users_conversations(self, team: Team, asked: Params) -> Any:
        """The channels of which the bot is a member, of the kinds that are wanted."""
        scopes = {"public_channel": "channels", "private_channel": "groups", "mpim": "mpim", "im": "im"}
        wanted = asked.text("types").split(",")
        for kind in wanted:
            if f"{scopes[kind]}:read" not in self._server.scopes:
                raise Refusal("missing_scope", needed=f"{scopes[kind]}:read", provided="chat:write")
        kinds = {"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}
        found = [
            {
                "id": one.id,
                "is_im": one.kind == "im",
                "is_mpim": one.kind == "mpim",
                "is_private": one.kind != "channel",
            }
            for one in team.channels.values()
            if team.bot.id in one.members and one.kind in {kinds[kind] for kind in wanted}
        ]
        return self._paged("channels", found, asked)

    async def conversations_history(self, team: Team, asked: Params) -> Any:
        """What stands in a channel itself, the newest first; of threads the first messages, and when the last came."""
        channel, oldest = team.open_channel(asked.text("channel", needed=True)), float(asked.text("oldest") or 0)
        found = []
        for ts, one in reversed(channel.messages.items()):
            thread = one.get("thread_ts", ts)
            if float(ts) > oldest and (thread == ts or one.get("subtype") == "thread_broadcast"):
                below = [other for other, reply in channel.messages.items() if reply.get("thread_ts") == ts != other]
                found.append({**one, **({"latest_reply": below[-1], "reply_count": len(below)} if below else {})})
        return self._paged("messages", found, asked)

    def _paged(self, what: str, found: list[Any], asked: Params) -> Any:
        """A page of a list; a cursor is where the next one begins."""
        first, most = int(asked.text("cursor") or 0), min(asked.number("limit") or 100, self._server.page)
        following = str(first + most) if len(found) > first + most else ""
        return {what: found[first : first + most], "response_metadata": {"next_cursor": following}}

    async def reactions_get(self, team: Team, asked: Params) -> Any:
        own, _ = self._reactions(team, asked, named=False)
        reactions = [{"name": name, "users": ["U0", team.bot.id], "count": 2} for name in own]
        others = {"name": "heart", "users": ["U0"], "count": 1}
        return {"type": "message", "channel": asked.text("channel"), "message": {"reactions": [others, *reactions]}}

    async def reactions_add(self, team: Team, asked: Params) -> Any:
        reactions, name = self._reactions(team, asked)
        if name in reactions:
            raise Refusal("already_reacted")
        reactions.append(name)
        return {}

    async def reactions_remove(self, team: Team, asked: Params) -> Any:
        reactions, name = self._reactions(team, asked)
        if name not in reactions:
            raise Refusal("no_reaction")
        reactions.remove(name)
        return {}

    def _reactions(self, team: Team, asked: Params, *, named: bool = True) -> tuple[list[str], str]:
        channel = team.open_channel(asked.text("channel", needed=True))
        message = channel.messages.get(asked.text("timestamp"))
        if message is None:
            raise Refusal("message_not_found")
        name = asked.text("name", needed=named)
        if named and not name.replace("_", "").replace("+", "").replace("-", "").isalnum():
            raise Refusal("invalid_name")
        own: list[str] = message.setdefault("own_reactions", [])
        return own, name
