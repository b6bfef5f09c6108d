"""People who write to the bot, and the channels they do it in: what they do becomes events."""

from typing import TYPE_CHECKING, Any

from tests.far.slack.events import typed
from tests.far.slack.world import Channel, File, Message, Person, Team

if TYPE_CHECKING:
    from tests.far.slack.server import SlackServer


class User:
    """A person with a hand on the keyboard. Without a channel they write to the bot alone."""

    def __init__(self, server: "SlackServer", team: Team, person: Person) -> None:
        self._server, self.team, self.person = server, team, person

    @property
    def id(self) -> str:
        return self.person.id

    @property
    def direct(self) -> Channel:
        return self.team.direct(self.person.id)

    def says(self, text: str, where: "Room | None" = None, *, thread: str = "", **fields: Any) -> str:
        """Write a message; its id. `fields` are more of Slack's own, or replace ours."""
        return self.posts({"text": typed(self.team, text), **fields}, where, thread=thread)

    def posts(self, content: dict[str, Any], where: "Room | None" = None, *, thread: str = "") -> str:
        channel = where.channel if where else self.direct
        message: Message = {"type": "message", "ts": self._server.world.ts(), "user": self.id, "team": self.team.id}
        message["client_msg_id"] = f"c{self._server.world.number()}"
        if thread:
            message["thread_ts"] = thread
            parent = channel.messages.get(thread)
            if parent is not None:
                message["parent_user_id"] = parent.get("user", "")
        message |= content
        channel.messages[message["ts"]] = message
        self._server.told.message(self.team, channel, message)
        return str(message["ts"])

    def shares(
        self, content: bytes, name: str, mimetype: str, text: str = "", where: "Room | None" = None, **more: Any
    ) -> str:
        """Send a file; the message's id."""
        file = File(f"F{self._server.world.number()}", name, content, mimetype, **more)
        self._server.world.files[file.id] = file
        shown = self._server.files.described(self.team, file)
        return self.posts({"text": typed(self.team, text), "subtype": "file_share", "files": [shown]}, where)

    def edits(self, ts: str, text: str, where: "Room | None" = None) -> None:
        channel = where.channel if where else self.direct
        before = channel.messages[ts]
        edited = {"user": self.id, "ts": self._server.world.ts()}
        now = {**before, "text": typed(self.team, text), "edited": edited}
        channel.messages[ts] = now
        self._server.told.changed(self.team, channel, now, before)

    def unfurls(self, ts: str, where: "Room | None" = None) -> None:
        """Slack adds the preview of a link to a message: a change too, but nobody's edit."""
        channel = where.channel if where else self.direct
        before = channel.messages[ts]
        now = {**before, "attachments": [{"title": "A page", "text": "About it", "from_url": "https://example.org"}]}
        channel.messages[ts] = now
        self._server.told.changed(self.team, channel, now, before)

    def deletes(self, ts: str, where: "Room | None" = None) -> None:
        channel = where.channel if where else self.direct
        self._server.told.deleted(self.team, channel, channel.messages.pop(ts))

    def reacts(self, ts: str, name: str, where: "Room | None" = None, *, removed: bool = False) -> None:
        channel = where.channel if where else self.direct
        event = {
            "type": "reaction_removed" if removed else "reaction_added",
            "user": self.id,
            "reaction": name,
            "item": {"type": "message", "channel": channel.id, "ts": ts},
            "item_user": channel.messages[ts].get("user", ""),
        }
        self._server.told.event(self.team, event)

    def commands(self, command: str, text: str = "", where: "Room | None" = None) -> None:
        """Give a slash command, as `/reset`."""
        self._server.told.slash(self.team, where.channel if where else self.direct, self.person, command, text)

    def presses(self, label: str, where: "Room | None" = None) -> None:
        """Press the last button of this label."""
        channel = where.channel if where else self.direct
        for message in [*channel.whispers, *channel.messages.values()][::-1]:
            for block in message.get("blocks", ()):
                for element in block.get("elements", ()):
                    if element.get("text", {}).get("text") == label:
                        self._server.told.press(self.team, channel, self.person, message, element)
                        return
        raise AssertionError(f"there is no button {label!r}")

    def opens_assistant(self) -> str:
        """Begin a new conversation with the assistant; the id of its thread."""
        channel, ts = self.direct, self._server.world.ts()
        channel.messages[ts] = {
            "type": "message",
            "ts": ts,
            "user": self.team.bot.id,
            "bot_id": self.team.bot.bot_id,
            "text": "New Assistant Thread",
            "thread_ts": ts,
            "assistant": True,
        }
        thread = {"user_id": self.id, "channel_id": channel.id, "thread_ts": ts, "context": {"channel_id": "C9"}}
        self._server.told.event(self.team, {"type": "assistant_thread_started", "assistant_thread": thread})
        return ts


class Room:
    """A channel that people and the bot are in."""

    def __init__(self, server: "SlackServer", team: Team, channel: Channel) -> None:
        self._server, self.team, self.channel = server, team, channel

    @property
    def id(self) -> str:
        return self.channel.id

    def notes(self, subtype: str, user: User, **fields: Any) -> str:
        """A service message, as `channel_topic`."""
        ts = self._server.world.ts()
        message = {"type": "message", "subtype": subtype, "ts": ts, "user": user.id, "text": subtype, **fields}
        self.channel.messages[ts] = message
        self._server.told.message(self.team, self.channel, message)
        return ts

    def bot_says(self, text: str, *, legacy: bool = False) -> str:
        """Another app writes, in the old way or in the new one."""
        ts = self._server.world.ts()
        who = {"subtype": "bot_message", "username": "Other"} if legacy else {"user": "UOTHER"}
        message = {"type": "message", "ts": ts, "bot_id": "BOTHER", "text": typed(self.team, text), **who}
        self.channel.messages[ts] = message
        self._server.told.message(self.team, self.channel, message)
        return ts

    def invites_bot(self, by: User) -> None:
        self.channel.members.add(self.team.bot.id)
        self._membership("member_joined_channel", self.team.bot.id, inviter=by.id)

    def removes_bot(self) -> None:
        self.channel.members.discard(self.team.bot.id)
        event = {"type": "channel_left", "channel": self.id, "actor_id": "UADMIN"}
        self._server.told.event(self.team, event)

    def joins(self, user: User) -> None:
        self.channel.members.add(user.id)
        self._membership("member_joined_channel", user.id)

    def _membership(self, kind: str, user: str, **more: str) -> None:
        event = {"type": kind, "user": user, "channel": self.id, "channel_type": "C", "team": self.team.id, **more}
        self._server.told.event(self.team, event)
