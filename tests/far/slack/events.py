"""How Slack tells of what happened: events in their envelope, slash commands, presses."""

import re
from typing import TYPE_CHECKING, Any

from tests.far.slack.world import Channel, Message, Person, Team

if TYPE_CHECKING:
    from tests.far.slack.server import SlackServer

_URL = re.compile(r"https?://[^\s<>|]+")


def typed(team: Team, text: str) -> str:
    """A text as Slack keeps what somebody types: signs escaped, `@name` and addresses in brackets."""
    for sign, escape in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, escape)
    for person in team.people.values():
        text = re.sub(rf"@{re.escape(person.name)}\b", f"<@{person.id}>", text)
    for name in ("here", "channel", "everyone"):
        text = re.sub(rf"(?<!\w)@{name}\b", f"<!{name}>", text)
    return _URL.sub(lambda found: f"<{found[0]}>", text)


class Told:
    """Tells the app. `mention_first` turns round the two events of a mention; `echoes` are the app's own messages."""

    def __init__(self, server: "SlackServer") -> None:
        self._server = server
        self.mention_first = False
        self.echoes = True
        self.hears_channels = True

    def event(self, team: Team, event: dict[str, Any]) -> None:
        number = self._server.world.number()
        stamp = event.get("event_ts") or self._server.world.ts()
        payload = {
            "token": "old-verification-token",
            "team_id": team.id,
            "api_app_id": "A1",
            "event": {**event, "event_ts": stamp},
            "type": "event_callback",
            "event_id": f"Ev{number:08d}",
            "event_time": int(float(stamp)),
            "authorizations": [self._authorization(team)],
        }
        self._server.feed.happen("events_api", payload)

    def _authorization(self, team: Team) -> dict[str, Any]:
        whole = self._server.organisation
        installed = {"enterprise_id": whole or None, "team_id": None if whole else team.id}
        return {**installed, "user_id": team.bot.id, "is_bot": True, "is_enterprise_install": bool(whole)}

    def message(self, team: Team, channel: Channel, message: Message) -> None:
        """A new message; one that calls the bot is told of twice."""
        own = message.get("bot_id") == team.bot.bot_id
        if own and not self.echoes:
            return
        event = {**message, "channel": channel.id, "channel_type": channel.kind, "event_ts": message["ts"]}
        mentioned = f"<@{team.bot.id}>" in message.get("text", "") and channel.kind != "im"
        told = [event] if self.hears_channels or channel.kind == "im" else []
        if mentioned and "subtype" not in message:
            again = {**event, "type": "app_mention"}
            del again["channel_type"]
            told = [again, *told] if self.mention_first else [*told, again]
        for one in told:
            self.event(team, one)

    def changed(self, team: Team, channel: Channel, now: Message, before: Message) -> None:
        stamp = self._server.world.ts()
        self.event(
            team,
            {
                "type": "message",
                "subtype": "message_changed",
                "hidden": True,
                "channel": channel.id,
                "channel_type": channel.kind,
                "ts": stamp,
                "event_ts": stamp,
                "message": now,
                "previous_message": before,
            },
        )

    def deleted(self, team: Team, channel: Channel, was: Message) -> None:
        stamp = self._server.world.ts()
        self.event(
            team,
            {
                "type": "message",
                "subtype": "message_deleted",
                "hidden": True,
                "channel": channel.id,
                "channel_type": channel.kind,
                "ts": stamp,
                "event_ts": stamp,
                "deleted_ts": was["ts"],
                "previous_message": was,
            },
        )

    def slash(self, team: Team, channel: Channel, person: Person, command: str, text: str) -> None:
        number = self._server.world.number()
        name = {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)
        self._server.feed.happen(
            "slash_commands",
            {
                "token": "old-verification-token",
                "team_id": team.id,
                "team_domain": "far",
                "channel_id": channel.id,
                "channel_name": name,
                "user_id": person.id,
                "user_name": person.name,
                "command": command,
                "text": text,
                "api_app_id": "A1",
                **({"enterprise_id": self._server.organisation} if self._server.organisation else {}),
                "is_enterprise_install": str(bool(self._server.organisation)).lower(),
                "response_url": self._server.speaking.lend(channel, person.id),
                "trigger_id": f"{number}.1.abc",
            },
        )

    def press(self, team: Team, channel: Channel, person: Person, message: Message, button: dict[str, Any]) -> None:
        number = self._server.world.number()
        container = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id}
        container["is_ephemeral"] = message in channel.whispers
        if "thread_ts" in message:
            container["thread_ts"] = message["thread_ts"]
        self._server.feed.happen(
            "interactive",
            {
                "type": "block_actions",
                "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": team.id},
                "api_app_id": "A1",
                "token": "old-verification-token",
                "container": container,
                "trigger_id": f"{number}.1.abc",
                "team": {"id": team.id, "domain": "far"},
                "enterprise": None,
                "is_enterprise_install": False,
                "channel": {"id": channel.id, "name": channel.name or "directmessage"},
                "message": message,
                "response_url": f"{self._server.origin}/actions/{team.id}/{number}/secret",
                "actions": [{**button, "block_id": "b1", "action_ts": self._server.world.ts()}],
            },
        )
