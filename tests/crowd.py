"""A store with very many conversations in it, made by SQL through the real schema.

Each has its lane, its participant, its open session with two lines, an answered entry, its dedupe key; those of the
channel `site` a token, those of `p` a part that was sent. One in ten has a closed session before the open one.
"""

import asyncio
from pathlib import Path

import apsw

from gateway.db.sqlite import Sqlite
from gateway.tokens import digest

DAY = 86_400_000  # ms

CHANNEL = "CASE n % 3 WHEN 0 THEN 'p' WHEN 1 THEN 'site' ELSE 'partners' END"
ACCOUNT = "CASE n % 3 WHEN 0 THEN 'acct' ELSE '' END"
LEVEL = "CASE n % 3 WHEN 1 THEN 'anonymous' ELSE 'platform' END"
PLACE = "CASE n % 3 WHEN 0 THEN 'dm' ELSE 'conversation' END"
KEY = "CASE n % 3 WHEN 0 THEN 'p/b/dm:account=acct,user=crowd' ELSE {CHANNEL} || '/b/conversation:chat=crowd' END || n"
KEY = KEY.replace("{CHANNEL}", CHANNEL)
OPEN, OLD = "printf('%08x-%015d', n * 2654435761 % 4294967296, n)", "printf('old-%015d', n)"
LAST = ":then + n + n % 2 * (:now - :then - 2 * :count)"

STEPS = (
    f"""INSERT INTO lane (id, key, channel, account, bot, scope, place, chat, thread, session, next_seq, next_part,
            version)
          SELECT n, {KEY}, {CHANNEL}, {ACCOUNT}, 'b', {PLACE}, {PLACE}, 'crowd' || n, '', {OPEN}, 1, n % 3 = 0, 1
            FROM crowd""",
    f"""INSERT INTO participant (id, channel, account, bot, person, level, name, first_seen)
          SELECT 'person' || n, {CHANNEL}, {ACCOUNT}, 'b', 'crowd' || n, {LEVEL}, 'Somebody', :then FROM crowd""",
    f"""INSERT INTO session (id, lane, participant, key, channel, bot, epoch, state, level, created_at, first_activity,
            last_activity, last_user_activity, quiet_from, next_message, message_count)
          SELECT {OPEN}, n, 'person' || n, {KEY}, {CHANNEL}, 'b', 0, CASE n % 2 WHEN 1 THEN 'active' ELSE 'dormant' END,
            {LEVEL}, :then, :then, {LAST}, {LAST}, {LAST}, 2, 2 FROM crowd""",
    f"""INSERT INTO session (id, lane, participant, key, channel, bot, epoch, state, reason, level, created_at,
            first_activity, last_activity, last_user_activity, quiet_from, ended_at)
          SELECT {OLD}, n, 'person' || n, {KEY}, {CHANNEL}, 'b', 0, 'closed', 'reset', {LEVEL}, :then, :then, :then,
            :then, :then, :then FROM crowd WHERE n % 10 = 0""",
    f"""INSERT INTO message (session, seq, role, text, at, turn)
          SELECT {OPEN}, 1, 'user', 'Hello?', :then, 'turn' || n FROM crowd""",
    f"""INSERT INTO message (session, seq, role, text, at, turn)
          SELECT {OPEN}, 2, 'assistant', 'Hello.', :then, 'turn' || n FROM crowd""",
    f"""INSERT INTO inbox (lane, seq, session, participant, turn, channel, body, received_at, state, ended_at)
          SELECT n, 1, {OPEN}, 'person' || n, 'turn' || n, {CHANNEL}, '{{}}', :then, 'done', :then FROM crowd""",
    f"""INSERT INTO outbox (lane, seq, session, inbox, channel, epoch, body, created_at, state, sent_at)
          SELECT n, 1, {OPEN}, n, 'p', 0, '{{}}', :then, 'sent', :then FROM crowd WHERE n % 3 = 0""",
    "INSERT INTO dedupe (key, seen_at) SELECT randomblob(16), :then FROM crowd",
    f"""INSERT INTO token (hash, channel, lane, session, participant, created_at, used_at, expires_at)
          SELECT randomblob(32), 'site', n, {OPEN}, 'person' || n, :then, :then, :now + 86400000 FROM crowd
            WHERE n % 3 = 1""",
)


async def gather(path: Path, count: int, now: int) -> None:
    """Fill the store at `path`, which is made. Half of the people were here at `now`, half of them five days before."""
    store = await Sqlite.open(path)
    await store.close()
    await asyncio.to_thread(_fill, path, count, now)


def _fill(path: Path, count: int, now: int) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -200000")
    given = {"count": count, "now": now, "then": now - 5 * DAY}
    numbers = "numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
    crowd = f"(WITH RECURSIVE {numbers} SELECT n FROM numbers)"
    with connection:
        for step in STEPS:
            used = {name: value for name, value in given.items() if name == "count" or f":{name}" in step}
            connection.execute(step.replace("FROM crowd", f"FROM {crowd}"), used)
    connection.close()


def visitors(path: Path, count: int, now: int) -> list[str]:
    """Tokens for so many visitors of the channel `site` in the store at `path`."""
    given = {f"visitor-{index}": 1 + 3 * index for index in range(count)}
    connection = apsw.Connection(str(path))
    with connection:
        connection.executemany(
            f"""INSERT INTO token (hash, channel, lane, session, participant, created_at, used_at)
                  SELECT ?1, 'site', n, {OPEN}, 'person' || n, ?3, ?3 FROM (SELECT ?2 AS n)""",
            [(digest(token), number, now) for token, number in given.items()],
        )
    connection.close()
    return list(given)
