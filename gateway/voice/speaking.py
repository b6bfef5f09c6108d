"""Speaking: an answer becomes a voice message; where it cannot, it stays text."""

import structlog

from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.errors import VoiceFailed
from gateway.files import links, sniff
from gateway.files.naming import identity
from gateway.files.store import Named
from gateway.markup import render
from gateway.message import File, Turn
from gateway.voice.service import Service, speak
from gateway.voice.services import service
from gateway.voice.wording import LONGEST, wording

log = structlog.get_logger()


class Speaking:
    """Has answers spoken by whom the channel names."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor

    def wanted(self, channel: Channel, turn: Turn) -> bool:
        """Whether the answer to a turn is to be spoken, and can be sent so."""
        policy = channel.settings.voice
        if policy.reply == "never" or not (channel.limits.voice or channel.limits.pulled):
            return False
        return policy.reply == "always" or any(file.kind == "voice" for file in turn.message.files)

    async def recording(self, channel: Channel, turn: Turn, text: str, index: int) -> File | None:
        """A text as spoken, kept; None when there is nothing to say aloud or it failed. Raises `StorageDown`."""
        spoken = wording(text, channel.settings.format.input).spoken
        if not spoken or len(spoken) > LONGEST or self._is_long(channel, spoken):
            return None
        try:
            return await self._kept(channel, turn, await self._sound(channel, spoken), index)
        except (VoiceFailed, OSError) as error:
            log.warning("voice.failed", channel=channel.name, turn=turn.id, error=str(error))
            return None

    def _is_long(self, channel: Channel, spoken: str) -> bool:
        """Should the recording not be sent, one message must take its words."""
        limits = channel.limits
        if limits.pulled:
            return False
        return len(render(spoken, limits.dialect, limits.text, limits.unit, "plain", most=1)) > 1

    async def _sound(self, channel: Channel, spoken: str) -> bytes:
        policy = channel.settings.voice
        found = service(policy, policy.speech or policy.transcribe, self._c.bots)
        if not isinstance(found, Service):
            raise VoiceFailed(f"{found.name} cannot speak")
        most = min(channel.settings.limits.file, channel.limits.files_out or channel.settings.limits.file)
        http = self._c.fetchers.services
        return await speak(http, found, policy.speech_model, policy.speaker, spoken, most)

    async def _kept(self, channel: Channel, turn: Turn, content: bytes, index: int) -> File:
        mime = sniff.mime(content[:4096], "")
        if not mime.startswith("audio/"):
            raise VoiceFailed(f"the answer is {mime}, no sound")
        store = self._c.files
        draft = await store.draft()
        try:
            draft.write(content)
            named = Named(identity(turn.id, f"speech {index}"), "answer" + sniff.ending(mime), mime, draft)
            [record] = await store.keep(turn.session.id, [named])
        finally:
            draft.drop()
        return store.file(record, "voice", links.OUTGOING)
