"""Hearing: a voice message becomes text, once."""

import asyncio
from contextlib import aclosing

from msgspec.structs import replace

from gateway.asking import Answer
from gateway.channel import Channel
from gateway.corridor import Corridor, Engaged
from gateway.errors import BotError, SendError, VoiceFailed
from gateway.files import sniff
from gateway.files.naming import identity
from gateway.files.store import Named
from gateway.message import File, Turn
from gateway.text import clean
from gateway.voice import duration
from gateway.voice.service import Service, Sound, transcribe
from gateway.voice.services import service

LONGEST = 600.0  # seconds of one recording


class Hearing:
    """Transcribes recordings by whom the channel names, and keeps what was heard beside them."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor

    async def text(self, channel: Channel, turn: Turn, file: File) -> str:
        """What is said in a file of ours; `turn` is the one it came with. Raises `VoiceFailed` and `StorageDown`."""
        store, id = self._c.files, identity(file.id, "transcript")
        record = (await store.known(turn.session.id, [id])).get(id)
        if record is not None:
            return (await self._whole(store.file(record))).decode()
        text = await self._heard(channel, turn, file)
        draft = await store.draft()
        try:
            draft.write(text.encode())
            await store.keep(turn.session.id, [Named(id, "transcript.txt", "text/plain", draft)])
        finally:
            draft.drop()
        return text

    async def _heard(self, channel: Channel, turn: Turn, file: File) -> str:
        record = (await self._c.files.known(turn.session.id, [file.id])).get(file.id)
        if record is None:
            raise VoiceFailed("the recording is not kept any more")
        length = await asyncio.to_thread(duration.seconds, self._c.files.place(record))
        if length is not None and length > LONGEST:
            raise VoiceFailed(f"it is {length:.0f}s long, more than {LONGEST:.0f}s")
        policy = channel.settings.voice
        found = service(policy, policy.transcribe, self._c.bots)
        if not isinstance(found, Service):
            return await self._told(found, turn, file)
        name = "voice" + (sniff.ending(file.mime) or ".bin")
        sound = Sound(name, file.mime, await self._whole(file))
        return await transcribe(self._c.fetchers.services, found, policy.model, sound)

    async def _told(self, engaged: Engaged, turn: Turn, file: File) -> str:
        """Ask a bot that is no API: it gets the recording as a turn of its own, and answers with the words."""
        message = replace(turn.message, text="", files=(file,), extra={})
        asked = replace(turn, id=f"{turn.id}-transcript", type="transcribe", message=message, history=(), summary=None)
        answer = Answer()
        try:
            async with asyncio.timeout(engaged.settings.timeout), aclosing(engaged.bot.answer(asked)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    answer.add(piece)
        except (BotError, TimeoutError) as error:
            raise VoiceFailed(f"{engaged.name}: {type(error).__name__}: {error}") from None
        answer.end()
        text = clean("\n".join(message.text for message in answer.messages)).strip()
        if not text:
            raise VoiceFailed("nothing was heard")
        return text

    async def _whole(self, file: File) -> bytes:
        try:
            return b"".join([piece async for piece in self._c.files.content(file)])
        except SendError as error:
            raise VoiceFailed(str(error)) from None
