"""What came to us and cannot be answered here goes to the dead letters at the door, to be requeued when it can."""

from collections.abc import Sequence

from msgspec.structs import replace

from gateway.db import Tx
from gateway.history import Line, append
from gateway.intake import Arrival, Outcome, Scene
from gateway.message import Inbound
from gateway.result import heard


def buried(arrival: Arrival, inbound: Inbound, reason: str) -> Arrival:
    """An arrival as a dead letter: its line stands in the history, as with all that was given up, and nobody is asked.
    What is let go is let go all the same.
    """
    if arrival.verdict is not None:
        return arrival
    lines = heard(inbound, arrival.turn)

    def effect(scene: Scene) -> Tx[Outcome]:
        return (yield from _note(scene, lines))

    return replace(arrival, effect=effect, filed=("dead", reason), pace=None, gathers=None, me=None)


def _note(scene: Scene, lines: Sequence[Line]) -> Tx[Outcome]:
    session = str(scene.lane.session)
    yield from append(session, lines, scene.arrival.now, user=True)
    yield "UPDATE lane SET version = version + 1 WHERE id = $1", (scene.lane.id,)
    return Outcome(session=session)
