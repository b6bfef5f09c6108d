"""Copies of sessions in Redis, for whichever process answers next: written after the commit, and not in its way.

A copy says which version of its lane it is of. One that is not of the version that was claimed is none, and neither is
one that is not whole, or not as one of our processes wrote it. What has been erased leaves a copy that no other is
newer than, so that a late one stays away.
"""

from collections.abc import Iterator
from functools import partial

import msgspec
import structlog
from msgspec.json import encode

from gateway.memory import Remembered
from gateway.message import Message
from gateway.sessions import Facts
from gateway.shared.redis_line import Command, Line, Words
from gateway.shared.seal import Seal

KEPT = 3600  # seconds
LONGEST = 500  # messages in a copy
MOST = 10_000  # sessions that wait to be written or to go; beyond that copies are left out, and lapse by themselves
ERASED = (1 << 53) - 1  # a version that none is newer than
PARTS = ("", ":messages", ":variables", ":context", ":last_activity")

# A copy is written whole, unless there is a newer one.
_KEEP = """
local before = redis.call('TYPE', KEYS[1]).ok == 'hash' and tonumber(redis.call('HGET', KEYS[1], 'version')) or 0
if before >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'facts', ARGV[2], 'seal', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[3])
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 3], 'EX', ARGV[3]) end
return 1
"""
_READ = """
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return false end
local found = redis.call('HMGET', KEYS[1], 'version', 'seal', 'facts')
if found[1] ~= ARGV[1] or not found[2] or not found[3] then return false end
for i = 2, #KEYS do
  if redis.call('TYPE', KEYS[i]).ok ~= 'string' then return false end
  found[i + 2] = redis.call('GET', KEYS[i])
end
return found
"""
_FORGET = """
redis.call('DEL', unpack(KEYS))
if ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], 'version', ARGV[1])
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
"""

log = structlog.get_logger()


class Rest(msgspec.Struct, array_like=True):
    """What there is to say of a session beside its parts; `reach` is how much of its history the copy would hold."""

    facts: Facts
    summary: str | None
    summary_upto: int
    message_count: int
    resumed: bool
    reach: int


_rest = msgspec.json.Decoder(Rest)
_messages = msgspec.json.Decoder(list[Message])


class RedisCache:
    """The copies of one store's sessions."""

    def __init__(self, line: Line, prefix: str, seal: Seal) -> None:
        self._line, self._prefix, self._seal = line, prefix, seal
        self._fresh: dict[str, Remembered] = {}  # that are to be written
        self._gone: dict[str, bool] = {}  # that are to go, and whether nothing of them may come back
        line.changed.append(self._turned)

    async def recall(self, session: str, version: int, reach: int) -> Remembered | None:
        """The copy of a session as of a version, if there is one that goes back as far as is wanted."""
        if not self._line.up or session in self._gone:
            return None
        found = await self._line.ask("EVAL", _READ, len(PARTS), *self._keys(session), version)
        try:
            return self._read(session, version, reach, found) if isinstance(found, list) else None
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            log.warning("cache.unreadable", session=session, error=type(error).__name__)
            return None

    def keep(self, session: str, kept: Remembered) -> None:
        """A session has been committed as it stands here."""
        if self._line.up and len(self._fresh) < MOST and len(kept.window) <= LONGEST:
            self._fresh[session] = kept
            self._line.want(self._commands)

    def drop(self, session: str, *, erased: bool = False) -> None:
        """No copy of a session is good any more; with `erased` none may be made of what was known before."""
        self._fresh.pop(session, None)
        if erased or len(self._gone) < MOST:
            self._gone[session] = erased or self._gone.get(session, False)
            self._line.want(self._commands)

    def _turned(self, up: bool) -> None:
        """Redis came or went. What was to be written then is not worth it later; what was to go still is to go."""
        self._fresh.clear()
        if up and self._gone:
            self._line.want(self._commands)

    def _commands(self) -> Iterator[Command]:
        for session, erased in self._gone.items():
            version = str(ERASED) if erased else ""
            words: Words = ("EVAL", _FORGET, len(PARTS), *self._keys(session), version, KEPT)
            yield Command(words, partial(self._went, session, erased), needed=True)
        fresh, self._fresh = self._fresh, {}
        for session, kept in fresh.items():
            if session not in self._gone:
                yield Command(("EVAL", _KEEP, len(PARTS), *self._keys(session), *self._written(session, kept)))

    def _went(self, session: str, erased: bool, answer: object) -> None:
        if answer is None:
            self._line.want(self._commands)  # once more, as soon as it can be
        elif self._gone.get(session) == erased:
            del self._gone[session]

    def _keys(self, session: str) -> list[str]:
        return [f"{self._prefix}session:{session}{part}" for part in PARTS]

    def _written(self, session: str, kept: Remembered) -> Words:
        facts = kept.facts._replace(variables="", context="", summary=None, metadata="{}", tags="[]")
        rest = encode(Rest(facts, kept.summary, kept.summary_upto, kept.message_count, kept.resumed, kept.reach))
        parts = encode(kept.window), encode(kept.variables), encode(kept.context), encode(kept.last_activity)
        return kept.version, rest, KEPT, self._seal.of(*_name(session, kept.version), rest, *parts), *parts

    def _read(self, session: str, version: int, reach: int, found: list[bytes]) -> Remembered | None:
        """A copy that one of us has made, or None. Raises something for what is none of ours."""
        _, seal, *written = found
        if not self._seal.fits(seal, *_name(session, version), *written):
            return None
        first, messages, variables, context, last = written
        rest = _rest.decode(first)
        if rest.reach < reach:
            return None
        facts = rest.facts._replace(
            summary=rest.summary,
            summary_upto=rest.summary_upto,
            message_count=rest.message_count,
            last_activity=int(last),
            variables=variables.decode(),
            context=context.decode(),
        )
        kept = Remembered(version, facts, _messages.decode(messages)[-reach:], reach)
        kept.resumed = rest.resumed
        return kept


def _name(session: str, version: int) -> tuple[bytes, bytes]:
    return session.encode(), str(version).encode()
