"""The account of a life: what users saw, held against what they said. It knows nothing of how the gateway works."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise, product
from typing import NamedTuple

from tests.crash.life import Asked, Evidence, Said

RESET = "Conversation reset."
SORRY = "Something went wrong. Please try again."
VERDICTS = ("lost", "doubled", "disordered", "mixed", "flagged", "buried")
"""`flagged` and `buried` are what the promises allow and the store owns up to: a part in doubt that came twice or
stayed unconfirmed, and an apology for a message whose process died three times."""
ALLOWED = ("flagged", "buried")
DEADLY = 3


class Finding(NamedTuple):
    """One departure from exactly once, in order, complete, to the right person."""

    verdict: str
    kill: int
    detail: str


class Shown(NamedTuple):
    """A message of the bot. Number 0 is the reply to a reset, -1 an apology."""

    user: int
    number: int
    nonce: str = ""
    place: int = 1
    places: int = 1


def read(chat: int, text: str) -> Shown:
    """A message as it was shown, understood."""
    if text in (RESET, SORRY):
        return Shown(chat, 0 if text == RESET else -1)
    _, user, number, nonce, place, _, places = text.split()
    return Shown(int(user), int(number), nonce, int(place), int(places))


class Store:
    """What the gateway's store owns up to."""

    def __init__(self, evidence: Evidence) -> None:
        self.doubts: Counter[Shown] = Counter()
        self.given_up: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        self.unconfirmed: Counter[tuple[int, int]] = Counter()
        self.dropped: Counter[tuple[int, int]] = Counter()
        for part in evidence.parts:
            one = read(part.chat, part.text)
            self.doubts[one] += part.unknowns
            if part.state == "unconfirmed":
                self.given_up[one.user, one.number].add(one.place)
                self.unconfirmed[one.user, one.number] += 1
            if part.state == "dropped":
                self.dropped[one.user, one.number] += 1
        self.buried = {text for text, state, _, crashes in evidence.entries if state == "dead" and crashes >= DEADLY}
        self.superseded = {text for text, state, reason, _ in evidence.entries if (state, reason) == _SUPERSEDED}


_SUPERSEDED = ("dropped", "superseded")


def findings(evidence: Evidence) -> list[Finding]:
    """Everything that was not exactly once, in order, complete and to the right person."""
    found = [Finding("mixed", 0, fault) for fault in evidence.faults]
    shown: defaultdict[int, list[tuple[Shown, int]]] = defaultdict(list)
    for chat, text, kill in evidence.shown:
        one = read(chat, text)
        if one.user != chat:
            found.append(Finding("mixed", kill, f"{text!r} in the chat of {chat}"))
        shown[chat].append((one, kill))
    store = Store(evidence)
    for user in sorted({said.user for said in evidence.said}):
        said = [one for one in evidence.said if one.user == user]
        found += _Chat(said, store).findings(shown[user])
    return found + _taken(evidence) + _asked(evidence)


class _Chat:
    """One person's chat: what they said in order, and what they saw in order."""

    def __init__(self, said: list[Said], store: Store) -> None:
        self._said, self._store = said, store
        self._found: list[Finding] = []

    def findings(self, shown: list[tuple[Shown, int]]) -> list[Finding]:
        """Which of two notices is a repeat cannot be seen: the reading that leaves least to explain is the true one."""
        seen = self._without_copies(shown)
        copies, readings = self._found, list[list[Finding]]()
        for repeated in self._repeated(seen):
            self._found = [Finding("flagged", seen[at][1], f"{seen[at][0]} again") for at in repeated]
            self._read([one for at, (one, _) in enumerate(seen) if at not in repeated])
            readings.append(self._found)
        return copies + min(readings, key=lambda found: sum(one.verdict not in ALLOWED for one in found))

    def _read(self, rest: list[Shown]) -> None:
        """Walk through what was said and what was shown side by side."""
        self._unanswered: list[Said] = []  # resets
        self._unconfirmed = self._store.unconfirmed[self._said[0].user, -1]  # apologies
        position = 0
        for index, said in enumerate(self._said):
            answer: list[Shown] = []
            while position < len(rest) and self._answers(rest[position], said) and rest[position] not in answer:
                answer.append(rest[position])
                position += 1
            self._judge(said, answer, followed=any(not later.number for later in self._said[index + 1 :]))
        for one in rest[position:]:
            self._note("disordered", self._said[-1].kill, f"{one} after all else")
        # Replies to resets look the same: which of those in a row was dropped by the next one cannot be told, nor
        # which of them was in doubt too often.
        who = self._said[0].user, 0
        unseen = self._unanswered[self._store.dropped[who] :]
        owned = self._store.unconfirmed[who]
        for verdict, some in (("flagged", unseen[:owned]), ("lost", unseen[owned:])):
            for said in some:
                self._note(verdict, said.kill, f"the reply to a reset of {said.user}")

    def _answers(self, one: Shown, said: Said) -> bool:
        return said.text in self._store.buried if one.number == -1 else one.number == said.number

    def _without_copies(self, shown: list[tuple[Shown, int]]) -> list[tuple[Shown, int]]:
        """Less the repeats that the store owns up to: at most one of each part, and before the next part."""
        rest: list[tuple[Shown, int]] = []
        copies: Counter[Shown] = Counter()
        for one, kill in shown:
            if one.nonce and copies[one]:
                honest = self._store.doubts[one] > 0 and copies[one] == 1 and rest[-1][0] == one
                self._note("flagged" if honest else "doubled", rest[-1][1], f"{one} again")
            else:
                rest.append((one, kill))
            copies[one] += 1
        return rest

    def _repeated(self, shown: list[tuple[Shown, int]]) -> Iterator[set[int]]:
        """Replies to resets look the same, and so do apologies: as many in a row may be repeats as were in doubt, where
        there are more of them than there should be. The places of those that may be, in every way. One that is
        unconfirmed was seen, or it was not, and then another one is a repeat.
        """
        user = self._said[0].user
        due = {0: sum(not said.number for said in self._said)}
        due[-1] = sum(said.text in self._store.buried for said in self._said)
        ways = []
        for number, wanted in due.items():
            extra = sum(one.number == number for one, _ in shown) - wanted + self._store.dropped[user, number]
            places = [
                at for at, ((one, _), (next, _)) in enumerate(pairwise(shown), 1) if one == next == Shown(user, number)
            ]
            most = min(self._store.doubts[Shown(user, number)], len(places))
            counts = {max(0, min(extra + unseen, most)) for unseen in range(self._store.unconfirmed[user, number] + 1)}
            ways.append([way for count in sorted(counts) for way in combinations(places, count)])
        return ({*resets, *apologies} for resets, apologies in product(*ways))

    def _judge(self, said: Said, answer: list[Shown], *, followed: bool) -> None:
        if not said.number and not answer:
            self._unanswered.append(said)
            return
        parts = [one for one in answer if one.number != -1]
        if len(parts) < len(answer):
            self._note("buried", said.kill, f"{said.text} after {len(parts)} parts")
            if not parts:
                return
        if len({one.nonce for one in parts}) > 1:
            self._note("doubled", said.kill, f"two answers to {said.text}: {parts}")
        have = [one.place for one in parts]
        if have != sorted(have):
            self._note("disordered", said.kill, f"{said.text}: {parts}")
        missing = set(range(1, (parts[0].places if parts else 1) + 1)) - set(have)
        if not parts and said.text in self._store.buried and self._unconfirmed:
            self._unconfirmed -= 1
            self._note("flagged", said.kill, f"{said.text}: an apology is unconfirmed")
            return
        who = said.user, said.number
        excuse = -1 if said.text in self._store.buried else said.number
        dropped = said.text in self._store.superseded or self._store.dropped[said.user, excuse] > 0
        if missing and missing <= self._store.given_up[who]:
            self._note("flagged", said.kill, f"{said.text}: unconfirmed {sorted(missing)}")
        elif missing and not (followed and dropped):
            self._note("lost", said.kill, f"{said.text} of {said.user}: {sorted(missing)} of {parts or 'everything'}")

    def _note(self, verdict: str, kill: int, detail: str) -> None:
        self._found.append(Finding(verdict, kill, detail))


def _taken(evidence: Evidence) -> list[Finding]:
    """What was said and taken, taken once."""
    said, taken = Counter(one.text for one in evidence.said), Counter(text for text, *_ in evidence.entries)
    lost = [Finding("lost", 0, f"{text} was acknowledged and is not in the store") for text in (said - taken)]
    return lost + [Finding("doubled", 0, f"{text} was taken more often than it was said") for text in (taken - said)]


def _asked(evidence: Evidence) -> list[Finding]:
    """The bot: one key for a message however often it is asked, growing attempts, and a history that was shown."""
    found: list[Finding] = []
    known = {text for _, text, _ in evidence.shown} | {part.text for part in evidence.parts if part.state != "ready"}
    calls: defaultdict[str, list[Asked]] = defaultdict(list)
    for asked in evidence.asked:
        calls[asked.text].append(asked)
        user = asked.text.split()[1]
        strange = [text for text in asked.history if text.startswith("answer") and text not in known]
        strange += [text for text in asked.history if text not in (SORRY, RESET) and text.split()[1] != user]
        if strange:
            found.append(Finding("mixed", 0, f"{asked.text} was asked with {strange}"))
    for text, tries in calls.items():
        attempts = [asked.attempt for asked in tries]
        if len({asked.key for asked in tries}) > 1 or attempts != sorted(set(attempts)):
            found.append(Finding("doubled", 0, f"{text} was asked under {tries}"))
    return found
