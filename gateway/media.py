"""Media: files and voice of a message are made ready for its bot, those of an answer for their way out.

Nothing here is asked about words that are answered by words, unless there are too many of them.
"""

from collections.abc import Sequence
from itertools import chain

import structlog
from msgspec.structs import replace
from yarl import URL

from gateway import history
from gateway.access import private
from gateway.asking import Answer
from gateway.channel import Channel
from gateway.corridor import Corridor, Engaged
from gateway.errors import Refused, Retry, StorageDown, VoiceFailed
from gateway.fetch import Host
from gateway.files import cards, links
from gateway.files.incoming import Incoming, Taken, largest
from gateway.files.naming import identity
from gateway.files.outgoing import Outgoing, Source
from gateway.files.store import Named
from gateway.gates import calls_us
from gateway.markup import render
from gateway.message import File, Inbound, Json, Outbound, Turn
from gateway.placeholder import placeholder
from gateway.running import Running
from gateway.voice.hearing import Hearing
from gateway.voice.speaking import Speaking

log = structlog.get_logger()


class Media:
    """What the turns ask when there is more to a message than its words."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self.incoming = Incoming(corridor.files, corridor.fetchers, corridor.clock)
        self.outgoing = Outgoing(corridor.files, corridor.fetchers, corridor.clock)
        self._hearing, self._speaking = Hearing(corridor), Speaking(corridor)

    async def heard(self, channel: Channel, running: Running, turn: Turn) -> Turn:
        """The turn with its files in our store and its voice as text. Raises `StorageDown`.

        What the user is told of it goes to `running`; it is settled there when nothing is left that a bot could answer.
        """
        began = self._c.clock.now()
        with running:
            message = await self._heard(channel, running, turn)
            return replace(turn, message=message, deadline=turn.deadline + self._c.clock.now() - began)
        return turn  # interrupted

    async def _heard(self, channel: Channel, running: Running, turn: Turn) -> Inbound:
        message = turn.message
        if not message.files:
            return await self._wordless(channel, running, turn)
        taken = await self.incoming.take(channel, turn.session.id, turn.id, message.files)
        files = tuple(one.file for one in taken if one.trouble is None)
        listens = bool(channel.settings.voice.transcribe)
        words = await self._words(channel, turn, files) if listens else []
        if listens and not self._is_ours(channel, turn, [word for word in words if word is not None]):
            await self._forget(running, turn, files)
            return message
        said = [word for word in words if word is not None]
        people = [await self._people(file) for file in files if file.mime == cards.MIME]
        missing = [one.file for one in taken if one.trouble == "unavailable"]
        gaps = [_unavailable(file) for file in missing if not (listens and _is_voice(file))]
        lines = [*said, message.text, *map(cards.note, people), *gaps]
        text = "\n".join(line for line in lines if line.strip())
        unheard = None in words or (listens and any(map(_is_voice, missing)))
        running.answer.notices = self._notices(channel, turn, taken, said, unheard)
        if not text and all(listens and _is_voice(file) for file in files):
            running.settled = True
            text = "" if files else " ".join(f"[file not accepted: {one.file.name or one.file.kind}]" for one in taken)
        contacts = [*message.extra.get("contacts", ()), *chain(*people)]
        found = {"transcribed": bool(said), "contacts": contacts}
        extra = {**message.extra, **{name: value for name, value in found.items() if value}}
        return replace(message, text=text, files=files, extra=extra)

    async def _people(self, file: File) -> list[Json]:
        """Whom an address card names; none where that cannot be made out."""
        if file.size > cards.LARGEST:
            return []
        try:
            return cards.read(b"".join([piece async for piece in self._c.files.content(file)]))
        except Refused:  # it has gone meanwhile
            return []
        except Retry as error:
            raise StorageDown(str(error)) from error

    def _is_ours(self, channel: Channel, turn: Turn, words: Sequence[str]) -> bool:
        """Whether a message was meant for the bot, now that all of its words are known."""
        message = turn.message
        open_thread = message.address.place == "thread" and bool(turn.session.message_count)
        if private(message) or open_thread:
            return True
        return calls_us(channel, replace(message, text="\n".join([*words, message.text])))

    async def _forget(self, running: Running, turn: Turn, files: Sequence[File]) -> None:
        running.unaddressed = True
        ids = [id for file in files for id in (file.id, identity(file.id, "transcript"))]
        if ids:
            await self._c.files.drop(turn.session.id, ids)

    async def _wordless(self, channel: Channel, running: Running, turn: Turn) -> Inbound:
        """A kind of message that no bot could make anything of: said once for each kind, and not in groups."""
        message = turn.message
        if message.kind == "message" and "kind" in message.extra:
            running.settled = True
            if private(message) and not await self._c.db.read(history.was_said, turn.session.id, placeholder(message)):
                running.answer.notices = [Outbound(text=channel.say(turn.participant.language)("unsupported"))]
        return message

    async def _words(self, channel: Channel, turn: Turn, files: Sequence[File]) -> list[str | None]:
        """What each voice message says, None where that cannot be made out."""
        words: list[str | None] = []
        for file in filter(_is_voice, files):
            try:
                words.append(await self._hearing.text(channel, turn, file))
            except VoiceFailed as failed:
                log.warning("voice.failed", channel=channel.name, turn=turn.id, error=str(failed))
                words.append(None)
        return words

    def _notices(
        self, channel: Channel, turn: Turn, taken: Sequence[Taken], said: Sequence[str], unheard: bool
    ) -> list[Outbound]:
        say, troubles = channel.say(turn.participant.language), {one.trouble for one in taken}
        texts = [say("voice_heard", text="\n".join(said))] if said and channel.settings.voice.echo else []
        if "file_too_large" in troubles:
            texts.append(say("file_too_large", limit=spelled(largest(channel))))
        if "file_refused" in troubles:
            texts.append(say("file_refused"))
        if unheard:
            texts.append(say("voice_failed"))
        return [Outbound(text=text) for text in texts if text]

    def concerns(self, channel: Channel, answer: Answer) -> bool:
        """Whether there is anything to do about an answer before it may count."""
        longest = channel.limits.text
        if channel.settings.voice.reply != "never":
            return True
        return any(message.files or len(message.text) > longest for message in answer.messages)

    async def said(self, channel: Channel, engaged: Engaged, running: Running, turn: Turn) -> None:
        """Get the files of an answer, have it spoken, put down as a file what is too long. Raises `StorageDown`."""
        most = channel.settings.limits.file
        source = Source(turn.session.id, turn.id, (*channel.settings.media.hosts, *_own(engaged)), most)
        with running:
            ready: list[Outbound] = []
            for index, message in enumerate(running.answer.messages):
                before = sum(len(one.files) for one in running.answer.messages[:index])
                with_files = await self._with_files(channel, source, turn, message, before)
                ready.append(await self._worded(channel, turn, with_files, index))
            running.answer.messages = ready

    async def _with_files(
        self, channel: Channel, source: Source, turn: Turn, message: Outbound, before: int
    ) -> Outbound:
        if not message.files:
            return message
        lines, files = [message.text], []
        for got in await self.outgoing.get(source, message.files, before):
            if got.trouble is None:
                files.append(got.file)
            elif got.trouble == "unavailable":
                lines.append(_unavailable(got.file))
            else:
                say = channel.say(turn.participant.language)
                lines.append(say("file_too_large", limit=spelled(source.most)))
        return replace(message, text="\n\n".join(line for line in lines if line.strip()), files=tuple(files))

    async def _worded(self, channel: Channel, turn: Turn, message: Outbound, index: int) -> Outbound:
        """The words as a recording where that is wanted, as a file where they are too many to be sent."""
        if self._speaking.wanted(channel, turn):
            speech = await self._speaking.recording(channel, turn, message.text, index)
            if speech is not None:
                return replace(message, speech=speech)
        if channel.limits.pulled or not _is_long(channel, message.text):
            return message
        plain = channel.settings.format.input == "plain"
        name, mime = ("answer.txt", "text/plain") if plain else ("answer.md", "text/markdown")
        draft = await self._c.files.draft()
        try:
            draft.write(message.text.encode())
            named = Named(identity(turn.id, f"whole {index}"), name, mime, draft)
            [record] = await self._c.files.keep(turn.session.id, [named])
        finally:
            draft.drop()
        return replace(message, whole=self._c.files.file(record, life=links.OUTGOING))


def _is_long(channel: Channel, text: str) -> bool:
    """Whether a text would be more messages than the channel allows."""
    limits, policy = channel.limits, channel.settings.format
    if len(text) <= limits.text:
        return False
    most = policy.max_parts
    return len(render(text, limits.dialect, limits.text, limits.unit, policy.input, most=most)) > most


def _is_voice(file: File) -> bool:
    return file.kind == "voice"


def _unavailable(file: File) -> str:
    return f"[file unavailable: {file.name or file.kind}]"


def _own(engaged: Engaged) -> tuple[Host, ...]:
    """A bot's backend is where the operator says, inside or outside: the files it names may be there as well."""
    address = getattr(engaged.settings.options, "url", None)
    if not isinstance(address, str):
        return ()
    url = URL(address)
    return (Host((url.raw_host or "").lower().removesuffix("."), url.port),)


def spelled(size: int) -> str:
    """A number of bytes as people say it: 10 MB, 1.5 MB, 100 KB."""
    for unit, count in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if size >= count:
            return f"{size / count:.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} bytes"
