"""Methods that write, change and take back messages, streams among them."""

from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.far.slack import blocks, params
from tests.far.slack.params import Params
from tests.far.slack.refusal import Refusal
from tests.far.slack.world import Channel, Message, Team

if TYPE_CHECKING:
    from tests.far.slack.server import SlackServer

_TEXT = 40_000  # what is longer is cut when it is posted ...
_EDITED = 4_000  # ... and refused when it is an edit
_STREAM = 12_000


class Speaking:
    """What a bot can say. A stream is a message that is `streaming` until it is stopped."""

    def __init__(self, server: "SlackServer") -> None:
        self._server = server
        self._sent: dict[str, tuple[str, str]] = {}
        self._lent: dict[str, tuple[Channel, str]] = {}

    async def post_message(self, team: Team, asked: Params) -> Any:
        channel = team.open_channel(asked.text("channel", needed=True))
        content = self._content(asked)
        again = self._sent.get(asked.text("client_msg_id")) if self._server.recognises else None
        if again is not None:
            return self._duplicate(team, *again)
        thread = self._thread(channel, asked)
        self._server.pace.check(channel.id)
        message = self.write(team, channel, {**content, **thread})
        if asked.text("client_msg_id"):
            self._sent[asked.text("client_msg_id")] = channel.id, message["ts"]
        self._server.accepted(channel, message, asked.given)
        return {"channel": channel.id, "ts": message["ts"], "message": message}

    def _duplicate(self, team: Team, chat: str, ts: str) -> Any:
        """What was posted under this `client_msg_id`, if it can still be found."""
        channel = team.channels.get(chat)
        if channel is None or team.bot.id not in channel.members:
            raise Refusal("duplicate_channel_not_found")
        if ts not in channel.messages:
            raise Refusal("duplicate_message_not_found")
        return {"channel": chat, "ts": ts, "message": channel.messages[ts]}

    def write(self, team: Team, channel: Channel, content: dict[str, Any]) -> Message:
        """A message of the bot's, told to the app like any other."""
        who = {"user": team.bot.id, "bot_id": team.bot.bot_id, "app_id": "A1", "team": team.id}
        message: Message = {"type": "message", "ts": self._server.world.ts(), **who, **content}
        channel.messages[message["ts"]] = message
        self._server.thinking.pop((channel.id, message.get("thread_ts", "")), None)
        self._server.told.message(team, channel, message)
        return message

    async def post_ephemeral(self, team: Team, asked: Params) -> Any:
        channel = team.open_channel(asked.text("channel", needed=True))
        user = asked.text("user", needed=True)
        if user not in channel.members:
            raise Refusal("user_not_in_channel")
        message = {"type": "message", "ts": self._server.world.ts(), "for": user, **self._content(asked)}
        channel.whispers.append(message)
        self._server.accepted(channel, message, asked.given)
        return {"message_ts": message["ts"]}

    def lend(self, channel: Channel, user: str) -> str:
        """An address at which a slash command may be answered to its user, member or not."""
        number = str(self._server.world.number())
        self._lent[number] = channel, user
        return f"{self._server.origin}/commands/{number}/secret"

    async def respond(self, request: web.Request) -> web.Response:
        lent = self._lent.get(request.match_info["number"])
        asked = await params.read(request)
        if lent is None or self._server.lapsed:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        channel, user = lent
        message = {"type": "message", "ts": self._server.world.ts(), "for": user, **self._content(asked)}
        channel.whispers.append(message)
        self._server.accepted(channel, message, asked.given)
        return web.Response(text="ok")

    async def update(self, team: Team, asked: Params) -> Any:
        channel, message = self._own(team, asked)
        if message.get("streaming"):
            raise Refusal("streaming_state_conflict")
        content = self._content(asked)
        if len(content["text"]) > _EDITED:
            raise Refusal("msg_too_long")
        self._server.updates.append((channel.id, message["ts"], content["text"]))
        kept = {} if "blocks" in asked.given else {"blocks": message["blocks"]} if "blocks" in message else {}
        bare = {name: value for name, value in message.items() if name not in ("blocks", "streamed", "stopped")}
        message.clear()
        message |= {**bare, **kept, **content}
        return {"channel": channel.id, "ts": message["ts"], "text": message["text"]}

    async def delete(self, team: Team, asked: Params) -> Any:
        channel, message = self._own(team, asked, "cant_delete_message")
        if message.get("streaming"):
            raise Refusal("cant_delete_message")
        del channel.messages[message["ts"]]
        return {"channel": channel.id, "ts": message["ts"]}

    async def start_stream(self, team: Team, asked: Params) -> Any:
        channel = team.open_channel(asked.text("channel", needed=True))
        if not self._server.streams or channel.kind not in self._server.streams:
            raise Refusal("channel_type_not_supported")
        if not asked.text("thread_ts"):
            raise Refusal("invalid_thread_ts")
        thread = self._thread(channel, asked)
        self._recipient(channel, asked)
        text = self._markdown(asked)
        message = self.write(team, channel, {"text": text, "streaming": True, "streamed": True, **thread})
        return {"channel": channel.id, "ts": message["ts"]}

    def _recipient(self, channel: Channel, asked: Params) -> None:
        """In channels a stream is for somebody; in direct messages it is clear for whom."""
        given = {name: asked.text(name) for name in ("recipient_user_id", "recipient_team_id")}
        if channel.kind == "im" and any(given.values()):
            raise Refusal("invalid_arguments")
        for name, value in given.items():
            if channel.kind != "im" and not value:
                raise Refusal(f"missing_{name}")

    async def append_stream(self, team: Team, asked: Params) -> Any:
        channel, message = self._own(team, asked, "message_not_owned_by_app")
        if message.get("stopped"):
            raise Refusal("stopped_by_user")
        if not message.get("streaming"):
            raise Refusal("message_not_in_streaming_state")
        if not asked.text("markdown_text"):
            raise Refusal("invalid_arguments")
        message["text"] += self._markdown(asked)
        return {"channel": channel.id, "ts": message["ts"]}

    async def stop_stream(self, team: Team, asked: Params) -> Any:
        channel, message = self._own(team, asked, "message_not_owned_by_app")
        if not message.pop("streaming", False):
            raise Refusal("message_not_in_streaming_state")
        message["text"] += self._markdown(asked)
        return {"channel": channel.id, "ts": message["ts"]}

    def end_streams(self, *, by_user: bool = False) -> None:
        """What Slack does to streams that are some minutes old, or when somebody presses the button beside them."""
        for team in self._server.world.teams.values():
            for message in (one for channel in team.channels.values() for one in channel.messages.values()):
                if message.pop("streaming", False):
                    message["stopped"] = by_user

    def _own(self, team: Team, asked: Params, foreign: str = "cant_update_message") -> tuple[Channel, Message]:
        channel = team.open_channel(asked.text("channel", needed=True))
        message = channel.messages.get(asked.text("ts", needed=True))
        if message is None:
            raise Refusal("message_not_found")
        if message.get("bot_id") != team.bot.bot_id:
            raise Refusal(foreign)
        return channel, message

    def _thread(self, channel: Channel, asked: Params) -> dict[str, Any]:
        thread = asked.text("thread_ts")
        if not thread:
            return {}
        if thread not in channel.messages:
            raise Refusal("thread_not_found")
        return {"thread_ts": thread}

    def _content(self, asked: Params) -> dict[str, Any]:
        text, shown = asked.text("text"), asked.data("blocks")
        if not text and not shown:
            raise Refusal("no_text")
        text = text[:_TEXT]
        if shown:
            blocks.check(shown)
            return {"text": text, "blocks": shown}
        return {"text": text}

    def _markdown(self, asked: Params) -> str:
        text = asked.text("markdown_text")
        if len(text) > _STREAM:
            raise Refusal("msg_too_long")
        if text:
            self._server.streamed.append(text)
        return text
