"""The Slack adapter."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import ClassVar

from adapters.slack import entrance, parts, probe
from adapters.slack.actions import Actions
from adapters.slack.api import Api
from adapters.slack.assistant import Assistant
from adapters.slack.downloads import Downloads
from adapters.slack.drafts import Drafts
from adapters.slack.entrance import Entrance
from adapters.slack.events import Events
from adapters.slack.intake import Intake
from adapters.slack.line import HEARTBEAT
from adapters.slack.missed import Missed
from adapters.slack.options import Options as AppOptions
from adapters.slack.parents import Parents
from adapters.slack.people import People
from adapters.slack.reactions import Reactions
from adapters.slack.sdk import Sdk
from adapters.slack.socket import Socket
from adapters.slack.uploads import ALBUM, LARGEST, Uploads, is_file
from adapters.slack.webhook import Webhook
from adapters.slack.whispers import Whispers
from adapters.slack.workspace import Workspace, Workspaces
from gateway import adapter
from gateway.adapter import Boundary, Call, Finding, Gate, Limits, Reply
from gateway.errors import Refused, Retry, SendError
from gateway.message import Address, File, Part
from gateway.units import Rate


class Adapter(adapter.Adapter):
    """One Slack app, in one workspace or in several."""

    Options = AppOptions
    limits = Limits(
        text=parts.TEXT,
        prefixes="/!",
        dialect="mrkdwn",
        caption=parts.TEXT,
        edit=True,
        delete=True,
        draft=True,
        typing=60,
        groups=True,
        threads=True,
        many_sessions=True,
        reactions=True,
        buttons=True,
        buttoned=parts.SECTION,
        files_in=LARGEST,
        files_out=LARGEST,
        album=ALBUM,
        chat_rate=Rate(1, 1),
        body=1_048_576,
    )
    boundary: ClassVar[Boundary] = {"dm": "thread", "group": "chat", "thread": "thread"}

    options: AppOptions

    def __init__(self, name: str, options: AppOptions, gate: Gate) -> None:
        super().__init__(name, options, gate)
        self._homes = Workspaces(single=options.bot_token is not None)
        self._api, self._sdk = Api(gate, options.api_base), Sdk(gate, options.api_base)
        self._entrance = Entrance(gate, self._sdk, options, self._homes)
        people, parents = People(gate, self._sdk), Parents(gate, self._sdk)
        self._people, self._reactions = people, Reactions(gate, self._sdk)
        self._whispers = Whispers(gate, options.api_base)
        self._assistant = Assistant(self._api, self._homes, options.prompts)
        self._drafts = Drafts(gate, self._api, self._homes, people)
        self._uploads, self._downloads = Uploads(gate, self._sdk), Downloads(gate, self._sdk, options.api_base)
        actions = Actions(name, self._homes, people, self._whispers, options.command)
        events = Events(name, self._homes, people, parents)
        self._intake = Intake(gate, events, actions, self._assistant)
        self._missed = Missed(gate, self._sdk, self._homes, events)
        secret = options.signing_secret
        self._webhook = Webhook(gate, self._intake, self._entrance, secret.get_secret_value()) if secret else None

    @property
    def hears_every(self) -> float:
        """By Socket Mode our pings are answered; called by Slack, we see every few minutes that our tokens hold."""
        return HEARTBEAT if self.options.mode == "socket" else self._entrance.looks_every

    @property
    def alone(self) -> bool:
        return self.options.mode == "socket"

    async def open(self) -> None:
        """Ask in every workspace who we are there, and remove what an earlier process left half said."""
        await self._entrance.enter()
        first = self._homes.all()[0]
        self.account, self.mention = first.team if self._homes.single else "", first.name
        await self._drafts.clear()

    async def run(self) -> None:
        """Hear by Socket Mode; or, called by Slack, look every few minutes whether our tokens still hold."""
        if self.options.mode == "socket" and self.options.app_token is not None:
            token = self.options.app_token.get_secret_value()
            await Socket(self.gate, self._sdk, self._intake, token, self._entrance).run()
        await self._entrance.watch()

    @property
    def catches_up(self) -> bool:
        return self.options.catch_up

    async def catch_up(self, since: int) -> None:
        """Messages in all channels of which the bot is a member; presses and slash commands stand nowhere."""
        await self._missed.take(since)

    async def handle(self, call: Call) -> Reply:
        """A call of Slack's: 200 once it is on disk, 503 when it could not be written."""
        if self.options.mode != "http" or self._webhook is None:
            return Reply(404)
        return await self._webhook.handle(call)

    async def send(self, part: Part) -> str:
        """A message as mrkdwn, with its buttons; or files with a text above them."""
        home = self._home(part.address)
        try:
            return await self._send(home, part)
        except Refused as refused:
            raise self._spared(refused) from None

    async def _send(self, home: Workspace, part: Part) -> str:
        chat, thread = part.address.chat, part.address.thread
        if len(part.text) > parts.TEXT:
            raise Refused("too_long", f"a text of {len(part.text)} characters")
        ref = await self._drafts.take(home, part)
        if ref:
            await self._calm(home, chat, thread)
            return ref
        if part.files:
            ref = await self._uploads.send(home, part)
            await self._calm(home, chat, thread)
            return ref
        ref = await self._post(home, part)
        self._assistant.posted(home, chat, thread)
        return ref

    async def _post(self, home: Workspace, part: Part) -> str:
        """What only one user is to see is nobody else's even where we are no member: slash commands work anywhere."""
        method = "chat.postEphemeral" if parts.private(part.address) else "chat.postMessage"
        try:
            answer = await self._api.call(home, method, parts.message(part))
        except Refused as refused:
            outside = refused.reason in ("gone", "blocked")
            if not outside or not await self._whispers.say(home, part.address, parts.words(part)):
                raise
            return f"whisper:{part.id}"
        return answer.ts or answer.message_ts

    async def edit(self, ref: str, part: Part) -> None:
        """A message keeps its place; Slack takes the same text again without a word."""
        if is_file(ref):
            raise Refused("rejected", "Slack does not let the text above a file be edited")
        asked = {"blocks": [], "channel": part.address.chat, "ts": ref, **parts.words(part)}
        try:
            await self._api.call(self._home(part.address), "chat.update", asked)
        except Refused as refused:
            raise self._spared(refused) from None

    async def delete(self, address: Address, ref: str) -> None:
        """A message of ours. What files were shared in has no id that we know; what one user saw cannot be undone."""
        if is_file(ref) or parts.private(address):
            raise Refused("rejected", "Slack does not let this be taken back")
        try:
            await self._api.call(self._home(address), "chat.delete", {"channel": address.chat, "ts": ref})
        except Refused as refused:
            raise self._spared(refused) from None

    async def draft(self, address: Address, key: int, text: str) -> None:
        """A stream in threads; elsewhere, if the operator wants it, a message that is edited."""
        await self._drafts.show(self._home(address), address, key, text)

    async def progress(self, address: Address, key: int, text: str) -> None:
        """In threads the line that says that the app is at work: a stream only grows, and takes nothing back."""
        home = self._home(address)
        if address.thread and self._assistant.can_think(home, address.chat):
            with suppress(Refused):
                await self._assistant.think(home, address.chat, address.thread, text)
                return
        await self._drafts.show(home, address, key, text)

    async def typing(self, address: Address) -> None:
        """In threads, where the app is an assistant. Elsewhere Slack has no such sign for apps."""
        if address.thread:
            await self._assistant.think(self._home(address), address.chat, address.thread)

    async def react(self, address: Address, ref: str, emoji: str) -> None:
        """Emoji are the signs themselves, or Slack's names as `:name:`."""
        await self._reactions.put(self._home(address), address.chat, ref, emoji)

    async def is_admin(self, address: Address) -> bool:
        """Owners and administrators of the workspace rule in all its channels."""
        return await self._people.is_admin(self._home(address), address.user)

    async def fetch(self, file: File) -> AsyncIterator[bytes]:
        """Raises `Refused` when Slack has no such file (any more) or keeps it elsewhere, else `Retry`."""
        team, _, number = file.ref.partition("/")
        home = self._homes.find(team) if number else None
        if home is None:
            raise Refused("gone", "no file of a workspace that is known here")
        async for piece in self._downloads.fetch(home, number):
            yield piece

    async def leave(self, chat: str) -> None:
        """Ids of channels are unique among all workspaces: only one knows this one."""
        failure: SendError | None = None
        for home in self._homes.all():
            try:
                await self._sdk.ask(
                    home.token, "conversations.leave", lambda client: client.conversations_leave(channel=chat)
                )
                return
            except SendError as error:
                failure = error
        if failure is not None:
            raise failure

    async def probe(self) -> list[Finding]:
        url = f"{self.gate.public_url}/c/{self.name}" if self.gate.public_url else ""
        return await probe.findings(self._sdk, self.options, entrance.tokens(self.options), url)

    async def close(self) -> None:
        """Nobody is to find half an answer in a channel that is closed."""
        if not self.gate.http.closed:
            await self._drafts.close()

    def _home(self, address: Address) -> Workspace:
        home = self._homes.find(address.account)
        if home is None:
            raise Retry(f"no token for the workspace {address.account or '?'}", after=entrance.SHUT)
        return home

    def _spared(self, refused: Refused) -> SendError:
        """One workspace that shut us out is not to stop the others."""
        if refused.reason == "auth" and len(self._homes.all()) > 1:
            return Retry(str(refused), after=entrance.SHUT)
        return refused

    async def _calm(self, home: Workspace, chat: str, thread: str) -> None:
        try:
            await self._assistant.calm(home, chat, thread)
        except SendError:
            return
