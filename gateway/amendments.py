"""The door for edits and deletions: judged like a message, written down, and then seen to."""

from msgspec.structs import replace

from gateway import amending, recovery
from gateway.amending import Amended, Amendment
from gateway.channel import Channel
from gateway.corridor import Corridor
from gateway.foretold import Foretold
from gateway.gates import judge
from gateway.inbox import mark, turn_of
from gateway.message import Inbound


class Amendments:
    """Takes edits and deletions in."""

    def __init__(self, corridor: Corridor) -> None:
        self._c = corridor
        self.foretold = Foretold(corridor.clock)

    async def receive(self, channel: Channel, inbound: Inbound) -> Amended:
        """Change what was said. It is on disk when this returns; raises `StorageDown` when it is not."""
        policy = channel.settings.session.on_edit
        verdict = judge(channel, replace(inbound, kind="message", addressed=True), command=True)
        if verdict is None and policy == "ignore" and inbound.kind == "edit":
            verdict = "unsupported"
        key = "" if verdict else await self._key(channel, inbound)
        marks = [mark(channel.name, inbound.account, event) for event in inbound.ids]
        turn, now = turn_of(marks[0]), self._c.clock.now()
        # What the gateway before may have answered is only noted.
        anew = policy == "reanswer_last" and recovery.held(inbound, self._c.recovering) is None
        answer = await self._c.db.read(amending.answer_of, key, inbound.ref) if key and anew else None
        amendment = Amendment(key, inbound, marks, turn, now, verdict, anew, answer)
        amended = await self._c.db.write(amending.amend, amendment)
        self._c.metrics.accepted(channel.name, amended.outcome).inc()
        if amended.outcome == "unroutable":
            self.foretold.note(inbound)
        if amended.outcome == "stored":
            self._c.memory.forget_words(amended.session)
        return amended

    async def _key(self, channel: Channel, inbound: Inbound) -> str:
        """The lane in which it was said; where several bots serve the channel, any of theirs may be it."""
        keys = []
        for bot in channel.bots:
            try:
                keys.append(channel.key(inbound.address, bot)[1])
            except ValueError:
                return ""
        for key in keys[1:]:
            if await self._c.db.read(amending.answered_last, key, inbound.ref):
                return key
        return keys[0]
