"""What became of what we said: before parts leave the outbox, their ids and fates go to their lines, for good.

The lines are looked for by readers; a session is read once for all of its parts in a batch.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gateway import history
from gateway.db import Tx
from gateway.message import Part, decode

OVER = "state NOT IN ('ready', 'sending', 'unknown')"


class Fate(NamedTuple):
    """A part that has had its time. `line` is where its line stands in the session, None where it has none."""

    part: int
    session: str
    line: int | None
    ref: str
    state: str


def of(parts: Sequence[int]) -> Tx[list[Fate]]:
    """What became of parts, as far as they are over."""
    marks = ", ".join(f"${index + 1}" for index in range(len(parts)))
    rows = yield (
        f"""SELECT id, session, body, created_at, COALESCE(ref, ''), COALESCE(status, state) FROM outbox
              WHERE id IN ({marks}) AND {OVER} ORDER BY id""",
        tuple(parts),
    )
    times: defaultdict[str, list[int]] = defaultdict(list)
    for _, session, _, at, _, _ in rows:
        times[session].append(at)
    lines = {}
    for session, told in times.items():
        lines[session] = yield from _lines(session, min(told), max(told))
    return [Fate(id, session, _place(lines[session], body), ref, state) for id, session, body, _, ref, state in rows]


def _lines(session: str, first: int, last: int) -> Tx[Mapping[str, Sequence[int]]]:
    """Where the messages of each turn's answer stand that were written in a time; parts are as old as their lines."""
    rows = yield (
        "SELECT turn, seq FROM message WHERE session = $1 AND role <> 'user' AND at BETWEEN $2 AND $3 ORDER BY seq",
        (session, first, last),
    )
    found: defaultdict[str, list[int]] = defaultdict(list)
    for turn, seq in rows:
        found[turn].append(seq)
    return found


def _place(lines: Mapping[str, Sequence[int]], body: str) -> int | None:
    part = decode(Part, body)
    answer = lines.get(part.turn, ())
    return answer[part.line] if part.line < len(answer) else None


def settle(fates: Sequence[Fate]) -> Tx[int]:
    """Note what became of parts, and let them go. Returns how many there were."""
    if not fates:
        return 0
    lines: dict[tuple[str, int], tuple[str, str]] = {}
    for fate in fates:
        if fate.line is not None:
            ref, _ = lines.get((fate.session, fate.line), ("", ""))
            lines[fate.session, fate.line] = ref or fate.ref, fate.state
    for (session, seq), (ref, state) in lines.items():
        yield from history.fated(session, seq, ref, state)
    marks = ", ".join(f"${index + 1}" for index in range(len(fates)))
    rows = yield (
        f"DELETE FROM outbox WHERE id IN ({marks}) AND {OVER} RETURNING 1",
        tuple(fate.part for fate in fates),
    )
    return len(rows)
