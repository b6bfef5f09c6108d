"""Everything that is known of a person at their account of a channel, as one document that can be given to them."""

from collections.abc import Sequence
from typing import Any

import orjson

from gateway import erasing, history, whereabouts
from gateway.db import Database, Rows, Tx
from gateway.erasing import SPAN
from gateway.files import records
from gateway.message import Message
from gateway.operations import sessions, transcript
from gateway.operations.office import Office, moment
from gateway.operations.participants import unknown
from gateway.whereabouts import BEGINNING, Line, Whom, steps

Data = dict[str, Any]


async def export(office: Office, participant: str) -> str:
    """JSON text: the same things that `erase` would delete. Raises `Problem` 404."""
    db, read = office.corridor.db, office.corridor.db.read
    who = await read(whereabouts.whom, participant)
    if who is None:
        raise unknown()
    conversations = []
    for home in await whereabouts.homes(db, who):
        async for some in steps(db, whereabouts.conversations, home.lane, begin=BEGINNING):
            for session in some:
                facts, messages = await read(transcript.whole, session)
                conversations.append({**transcript.document(facts, messages), "files": await read(_files, session)})
    company = [await _in_company(db, who, session) async for session in whereabouts.company(db, who)]
    document = {
        "channel": who.channel,
        "account": who.account,
        "user": who.person,
        "ids": sorted(who.ids),
        "known": await read(_known, who),
        "conversations": conversations,
        "in_company": [found for found in company if found["messages"] or found["ratings"]],
        "overheard": await read(_overheard, who),
        "events": await _events(office, who),
        "tokens": await read(_tokens, who),
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"


def _known(who: Whom) -> Tx[list[Data]]:
    """What each bot has met of them."""
    found = []
    for id in who.participants:
        rows = yield (
            """SELECT bot, name, language, level, profile, data, first_seen, last_seen, blocked FROM participant
                 WHERE id = $1""",
            (id,),
        )
        for bot, name, language, level, profile, data, first, last, blocked in rows:
            shown = {"id": id, "bot": bot, "name": name, "language": language, "level": level}
            told = {"profile": orjson.loads(profile), "data": orjson.loads(data)}
            times = {"first_seen": moment(first), "last_seen": moment(last), "blocked": bool(blocked)}
            found.append({**shown, **told, **times})
    return found


async def _in_company(db: Database, who: Whom, session: str) -> Data:
    """Their own lines where others speak too, and what they thought of answers."""
    messages: list[Data] = []
    ratings: list[Data] = []
    async for said in steps(db, whereabouts.lines, who, session, begin=0):
        for message in await db.read(_of, said) if said else ():
            if message.role == "user":
                messages.append(sessions.line(message))
            else:
                given = message.ratings.items()
                ratings += [{"seq": message.seq, "score": score} for id, score in given if id in who.ids]
    return {"session": sessions.brief(await db.read(sessions.find, session)), "messages": messages, "ratings": ratings}


def _of(said: Sequence[Line]) -> Tx[list[Message]]:
    found: list[Message] = []
    for session, seq in said:
        found += yield from history.after(session, seq - 1, 1)
    return found


def _files(session: str) -> Tx[list[Data]]:
    found = yield from records.held(session)
    return [{"id": f.id, "name": f.name, "mime": f.mime, "size": f.size, "at": moment(f.created_at)} for f in found]


def _overheard(who: Whom) -> Tx[list[Data]]:
    """What they said in groups beside the bot."""
    found: Rows = []
    for id in who.ids:
        found += yield (
            "SELECT chat, text, at FROM overheard WHERE channel = $1 AND account = $2 AND sender = $3 ORDER BY id",
            (who.channel, who.account, id),
        )
    return [{"chat": chat, "text": text, "at": moment(at)} for chat, text, at in found]


def _tokens(who: Whom) -> Tx[list[Data]]:
    """What opens their conversations; the tokens themselves are not known."""
    found: Rows = []
    for id in who.participants:
        found += yield "SELECT session, created_at, used_at, expires_at FROM token WHERE participant = $1", (id,)
    return [
        {"session": session, "created_at": moment(created), "used_at": moment(used), "expires_at": moment(expires)}
        for session, created, used, expires in found
    ]


async def _events(office: Office, who: Whom) -> list[Data]:
    """What came in from them, as long as it is kept."""
    found: list[Data] = []
    after, upto = 0, (await office.corridor.db.read(erasing.last_entries)).inbox
    while after < upto:
        entries = await office.corridor.db.read(erasing.entries, "inbox", who.channel, after, upto)
        theirs = [number for number, _, participant in entries if participant in who.participants]
        for start in range(0, len(theirs), erasing.BATCH):
            found += await office.corridor.db.read(_bodies, theirs[start : start + erasing.BATCH])
        after += SPAN
    return found


def _bodies(numbers: Sequence[int]) -> Tx[list[Data]]:
    marks = ", ".join(f"${index + 1}" for index in range(len(numbers)))
    rows = yield (
        f"SELECT turn, session, received_at, state, reason, body FROM inbox WHERE id IN ({marks}) ORDER BY id",
        tuple(numbers),
    )
    return [
        {
            "turn": turn,
            "session": session,
            "at": moment(at),
            "state": state,
            "reason": reason,
            "event": orjson.loads(body) if body else None,
        }
        for turn, session, at, state, reason, body in rows
    ]
