"""What users do besides writing: slash commands and presses on buttons. Slack sends both as forms."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from adapters.slack.events import Drop
from adapters.slack.people import People
from adapters.slack.whispers import Whispers
from adapters.slack.wire import direct, moment, order, spot
from adapters.slack.workspace import Workspace, Workspaces
from gateway.message import Address, Inbound, Place

CHOICE, LINK = "choice", "link"
"""How the `action_id` of our buttons begins, before `:` and the button's number."""


class Slash(msgspec.Struct, frozen=True):
    command: str
    user_id: str
    channel_id: str
    team_id: str = ""
    enterprise_id: str = ""
    text: str = ""
    user_name: str = ""
    trigger_id: str = ""
    response_url: str = ""


class _Team(msgspec.Struct, frozen=True):
    id: str = ""


class _User(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    username: str = ""
    team_id: str = ""


class _Label(msgspec.Struct, frozen=True):
    text: str = ""


class _Action(msgspec.Struct, frozen=True):
    action_id: str = ""
    value: str = ""
    action_ts: str = ""
    text: _Label = _Label()


class _Container(msgspec.Struct, frozen=True):
    channel_id: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    is_ephemeral: bool = False


class _Message(msgspec.Struct, frozen=True):
    """The message that the button stands below: one of ours."""

    thread_ts: str = ""
    user: str = ""
    bot_id: str = ""


class _Press(msgspec.Struct, frozen=True):
    user: _User
    container: _Container
    actions: tuple[_Action, ...]
    team: _Team | None = None
    enterprise: _Team | None = None
    message: _Message | None = None
    trigger_id: str = ""


class Actions:
    """Reads slash commands and presses for one channel."""

    def __init__(
        self, channel: str, homes: Workspaces, people: People, whispers: Whispers, command: str | None
    ) -> None:
        self._channel, self._homes, self._people, self._command = channel, homes, people, command
        self._whispers = whispers

    async def slash(self, form: Mapping[str, Any]) -> Inbound | Drop:
        """A slash command acts on the direct message or on the channel as a whole: in threads Slack offers none."""
        try:
            asked = msgspec.convert(form, Slash)
        except msgspec.ValidationError:
            return _unread(form)
        ids = (f"slash:{asked.trigger_id or _print(form)}",)
        home = self._homes.first((asked.team_id, asked.enterprise_id))
        if home is None:
            return Drop(ids, asked.team_id, "unroutable")
        self._whispers.learn(home, asked.channel_id, asked.user_id, asked.response_url)
        at: Place = "dm" if direct(asked.channel_id) else "group"
        return Inbound(
            channel=self._channel,
            account=home.team,
            ids=ids,
            address=Address(
                account=self._homes.account(home.team), chat=asked.channel_id, user=asked.user_id, place=at
            ),
            sender=await self._people.sender(home, asked.user_id, asked.user_name),
            text=self._words(asked),
            extra={"slash": asked.command},
        )

    def _words(self, asked: Slash) -> str:
        if asked.command != self._command:
            return f"{asked.command} {asked.text}".strip()
        return f"/{asked.text.strip().removeprefix('/') or 'help'}"

    async def interactive(self, data: Mapping[str, Any]) -> Inbound | Drop:
        """A press on a button of ours; of forms, menus and shortcuts we have none."""
        if data.get("type") != "block_actions":
            return _unread(data)
        try:
            press = msgspec.convert(data, _Press)
        except msgspec.ValidationError:
            return _unread(data)
        ids = (f"action:{press.trigger_id or _print(data)}",)
        home = self._home(press)
        if home is None:
            return Drop(ids, press.user.team_id, "unroutable")
        action = press.actions[0] if press.actions else _Action()
        form = action.action_id.partition(":")[0]
        if form != CHOICE or not press.container.channel_id:
            return Drop(ids, home.team, "service" if form == LINK else "unsupported")
        return await self._pressed(home, ids, press, action)

    def _home(self, press: _Press) -> Workspace | None:
        """Whose message it stands below. The rest tells who pressed, who may be of another organisation."""
        if press.message is not None and (home := self._homes.speaking(press.message.user, press.message.bot_id)):
            return home
        near = (press.team, press.enterprise)
        return self._homes.first((*(one.id for one in near if one), press.user.team_id))

    async def _pressed(self, home: Workspace, ids: tuple[str, ...], press: _Press, action: _Action) -> Inbound:
        below, account = press.container, self._homes.account(home.team)
        thread = below.thread_ts or (press.message.thread_ts if press.message else "")
        if below.is_ephemeral and not direct(below.channel_id):  # under a private answer to a slash command
            address = Address(account=account, chat=below.channel_id, user=press.user.id, place="group")
        else:
            address = spot(account, below.channel_id, "", thread, below.message_ts, press.user.id)
        return Inbound(
            channel=self._channel,
            account=home.team,
            ids=ids,
            kind="button",
            address=address,
            sender=await self._people.sender(home, press.user.id, press.user.name or press.user.username),
            text=action.value,
            ref=below.message_ts,
            sent_at=moment(action.action_ts),
            order=order(action.action_ts),
            extra={"button": {"ref": below.message_ts, "text": action.text.text}},
        )


def _unread(data: Mapping[str, Any]) -> Drop:
    return Drop((f"action:{_print(data)}",), "", "unsupported")


def _print(data: Mapping[str, Any]) -> str:
    """A name for what has none of its own: the same for the same content."""
    return hashlib.sha256(repr(sorted(data.items(), key=str)).encode("utf-8", "replace")).hexdigest()[:32]
