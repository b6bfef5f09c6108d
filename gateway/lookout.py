"""What other processes do that concerns this one: a turn of ours is over for them, a session watched here goes on.

The bell tells it at once. That it is looked for every second makes it right.
"""

from collections.abc import Sequence
from typing import NamedTuple

from gateway import moving
from gateway.bell import Bell
from gateway.corridor import Corridor
from gateway.db import Tx
from gateway.errors import StorageDown
from gateway.running import Running
from gateway.shared import LOOK
from gateway.turns import Turns


class Stand(NamedTuple):
    """How a lane stands: what has become of its history, who may answer in it, and whether that is still wanted."""

    lane: int
    version: int
    fence: int
    cancelled: int


def stands(lanes: Sequence[int]) -> Tx[list[Stand]]:
    marks = ", ".join(f"${n}" for n in range(1, len(lanes) + 1))
    rows = yield (
        f"""SELECT id, version, in_fence, EXISTS (SELECT 1 FROM inbox i
              WHERE i.lane = lane.id AND i.state = 'waiting' AND i.reason = 'cancelled')
            FROM lane WHERE id IN ({marks})""",
        tuple(lanes),
    )
    return [Stand(*row) for row in rows]


BATCH = 1000  # lanes asked for at once


class Lookout:
    """Looks while somebody watches here, or a turn runs here."""

    def __init__(self, corridor: Corridor, turns: Turns) -> None:
        self._c, self._turns = corridor, turns
        self._versions: dict[int, int] = {}  # of the lanes watched here
        self._to_read = False  # where chats go on

    async def run(self) -> None:
        """Look whenever others tell us to, until cancelled."""
        bell = Bell(self.look)
        self._c.shared.subscribe("turns", lambda text: self._told(bell, text))
        self._c.shared.subscribe("moved", lambda _: self._moved(bell))
        await bell.run()

    def _told(self, bell: Bell, text: str) -> None:
        lane, _, how = text.partition(" ")
        if text == LOOK or not lane.isdecimal():
            bell.ring()
        elif (running := self._turns.running.get(int(lane))) is not None:
            running.interrupt("cancelled" if how == "cancelled" else "superseded")

    def _moved(self, bell: Bell) -> None:
        """A chat goes on under another id, or what was known of one is gone."""
        self._to_read = True
        bell.ring()

    async def look(self) -> None:
        """Compare what we know with what stands in the store."""
        if self._to_read or not self._c.shared.hears:
            await self._read_aliases()
        watched, running = set(self._c.live.lanes), dict(self._turns.running)
        self._versions = {lane: version for lane, version in self._versions.items() if lane in watched}
        lanes = [*(watched | running.keys())]
        for start in range(0, len(lanes), BATCH):
            try:
                found = await self._c.db.read(stands, lanes[start : start + BATCH])
            except StorageDown:  # whoever needs it says so
                return
            for stand in found:
                turn = running.get(stand.lane)
                if stand.lane in watched:
                    self._compare(stand, turn)
                if turn is not None and turn.envelope.lease.fence != stand.fence:
                    turn.interrupt("fenced")
                elif turn is not None and stand.cancelled:
                    turn.interrupt("cancelled")

    async def _read_aliases(self) -> None:
        known, self._to_read = dict(self._c.aliases), False
        try:
            found = await self._c.db.read(moving.aliases)
        except StorageDown:
            self._to_read = True
            return
        if self._c.aliases != known:  # by now; what was read may be older
            self._to_read = True
            return
        self._c.aliases.clear()
        self._c.aliases.update(found)

    def _compare(self, stand: Stand, turn: Running | None) -> None:
        """Tell those who watch a lane that they have missed something."""
        before = self._versions.get(stand.lane, turn.envelope.version if turn is not None else None)
        self._versions[stand.lane] = stand.version
        if before != stand.version:
            self._c.live.news(stand.lane)
