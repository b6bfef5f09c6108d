"""The crash test, and the test of the account that it rests on.

`GW_CRASHES` says how many kills; `python -m tests.crash` prints the whole table.
"""

import os
from collections.abc import Callable

import pytest

from tests.crash.account import RESET, SORRY, findings
from tests.crash.life import Asked, Evidence, Part, Said
from tests.crash.matrix import Matrix, crash
from tests.postgres import CHOSEN

KILLS = int(os.environ.get("GW_CRASHES", "30"))


@pytest.mark.feature("INB-02", "DEV-03", "INB-01", "INB-03", "ORD-01", "OUT-01", "OUT-03", "OUT-05", "LIF-11", "LIF-19")
@pytest.mark.timeout(0)
async def test_killed_anywhere_the_gateway_keeps_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    matrix = await crash(KILLS, seed=int(os.environ.get("GW_SEED", "0")), at_once=2)
    with capsys.disabled():
        print(f"\n{matrix}")
    assert matrix.forbidden == []
    assert sum(matrix.kills.values()) == KILLS
    assert sum(matrix.messages.values()) > KILLS


@pytest.mark.store
@pytest.mark.feature("STO-03", "STO-04", "STO-06", "DEV-03", "CFG-04", "CFG-05")
@pytest.mark.timeout(0)
async def test_whatever_else_fails_meanwhile_it_keeps_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Platform, bot, store and, among two gateways on PostgreSQL, Valkey; these stand still and lose it, too. And all
    the while their configuration is edited.
    """
    seed, replicas = int(os.environ.get("GW_SEED", "0")), 2 if CHOSEN else 1
    matrix = await crash(max(1, KILLS // 3), seed, at_once=2, replicas=replicas, troubles=True)
    with capsys.disabled():
        print(f"\n{matrix}")
    assert matrix.forbidden == []
    assert matrix.faults > sum(matrix.kills.values())


def answer(user: int, number: int, place: int, nonce: str = "cafe") -> str:
    return f"answer {user} {number} {nonce} {place} of 2"


def ideal() -> Evidence:
    """Two people; one of them begins anew between two messages."""
    said = [Said(7, 1, 0), Said(8, 1, 0), Said(7, 0, 0), Said(7, 2, 1)]
    shown = [(7, answer(7, 1, 1), 0), (7, answer(7, 1, 2), 0), (8, answer(8, 1, 1), 0), (8, answer(8, 1, 2), 0)]
    shown += [(7, RESET, 0), (7, answer(7, 2, 1), 1), (7, answer(7, 2, 2), 1)]
    asked = [Asked(one.text, one.text, 1, ()) for one in said if one.number]
    parts = [Part(chat, text, "sent", 0) for chat, text, _ in shown]
    entries: list[tuple[str, str, str | None, int]] = [(one.text, "done", None, 0) for one in said]
    return Evidence(["here", "there"], said, shown, asked, parts, entries, [])


def part(evidence: Evidence, place: int, state: str, unknowns: int) -> None:
    evidence.parts[place] = evidence.parts[place]._replace(state=state, unknowns=unknowns)


def entry(evidence: Evidence, place: int, state: str, reason: str, crashes: int = 0) -> None:
    evidence.entries[place] = (evidence.entries[place][0], state, reason, crashes)


def copied(evidence: Evidence, times: int = 1, at: int = 1, doubts: int = 1) -> None:
    part(evidence, 0, "sent", doubts)
    evidence.shown[at:at] = [evidence.shown[0]] * times


def dropped(evidence: Evidence) -> None:
    """The first answer never came, because of the reset."""
    entry(evidence, 0, "dropped", "superseded")
    del evidence.shown[:2], evidence.parts[:2], evidence.asked[0]


def unconfirmed(evidence: Evidence) -> None:
    part(evidence, 6, "unconfirmed", 2)
    del evidence.shown[6]


def sorry(evidence: Evidence, crashes: int) -> None:
    entry(evidence, 3, "dead", "poison", crashes)
    evidence.shown[5:] = [(7, SORRY, 1)]


def never_dropped(evidence: Evidence) -> None:
    entry(evidence, 3, "dropped", "superseded")
    del evidence.shown[-1]


def notice_again(evidence: Evidence) -> None:
    part(evidence, 4, "sent", 1)
    evidence.shown.insert(4, evidence.shown[4])


def later_notice_again(evidence: Evidence) -> None:
    """Two resets in a row, and then the one whose reply came twice."""
    evidence.said[:0] = [Said(7, 0, 0)] * 2
    evidence.shown[:0] = [(7, RESET, 0)] * 2
    evidence.parts[:0] = [Part(7, RESET, "sent", 0)] * 2
    evidence.entries[:0] = [("/reset", "done", None, 0)] * 2
    part(evidence, 6, "sent", 1)
    evidence.shown.insert(6, evidence.shown[6])


def another_unseen(evidence: Evidence) -> None:
    """The reply to one reset came twice, that to another never."""
    evidence.said.append(Said(7, 0, 1))
    evidence.parts.append(Part(7, RESET, "unconfirmed", 2))
    evidence.entries.append(("/reset", "done", None, 0))
    notice_again(evidence)


def no_sorry(evidence: Evidence, *parts: Part) -> None:
    """Buried, and nobody has seen an apology."""
    sorry(evidence, 3)
    del evidence.shown[5:], evidence.parts[5:]
    evidence.parts.extend(parts)


DOCTORED: list[tuple[str, Callable[[Evidence], object], list[str]]] = [
    ("nothing", lambda e: None, []),
    ("an answer is missing", lambda e: e.shown.__delitem__(slice(0, 2)), ["lost"]),
    ("a part is missing", lambda e: e.shown.__delitem__(1), ["lost"]),
    ("the last part is missing", lambda e: e.shown.__delitem__(-1), ["lost"]),
    ("a reset is not answered", lambda e: e.shown.__delitem__(4), ["lost"]),
    ("a message is not in the store", lambda e: e.entries.__delitem__(0), ["lost"]),
    ("what a reset has dropped", dropped, []),
    ("dropped, but no reset came after it", never_dropped, ["lost"]),
    ("a copy in doubt", copied, ["flagged"]),
    ("a copy not in doubt", lambda e: copied(e, doubts=0), ["doubled"]),
    ("two copies", lambda e: copied(e, times=2, doubts=2), ["flagged", "doubled"]),
    ("a copy after the next part", lambda e: copied(e, at=2), ["doubled"]),
    ("a reset's reply in doubt, twice", notice_again, ["flagged"]),
    ("a reset's reply in doubt, twice, behind two others", later_notice_again, ["flagged"]),
    ("a reset's reply in doubt, twice, and another's unconfirmed", another_unseen, ["flagged"]),
    ("a reset's reply twice", lambda e: e.shown.insert(4, e.shown[4]), ["disordered", "lost"]),
    ("owned up as unconfirmed", unconfirmed, ["flagged"]),
    ("two answers", lambda e: e.shown.__setitem__(1, (7, answer(7, 1, 2, "beef"), 0)), ["doubled"]),
    ("a message taken twice", lambda e: e.entries.append(e.entries[0]), ["doubled"]),
    ("parts the wrong way round", lambda e: e.shown.insert(0, e.shown.pop(1)), ["disordered"]),
    ("an answer after the reset", lambda e: e.shown.insert(0, e.shown.pop(4)), ["disordered", "lost"]),
    ("somebody else's answer", lambda e: e.shown.insert(0, (8, answer(7, 1, 1), 0)), ["mixed"]),
    ("buried after three crashes", lambda e: sorry(e, 3), ["buried"]),
    ("an apology unconfirmed", lambda e: no_sorry(e, Part(7, SORRY, "unconfirmed", 2)), ["flagged"]),
    ("no apology", no_sorry, ["lost"]),
    ("buried before", lambda e: sorry(e, 2), ["disordered", "lost"]),
    ("another key", lambda e: e.asked.append(e.asked[0]._replace(key="k", attempt=2)), ["doubled"]),
    ("the same attempt", lambda e: e.asked.append(e.asked[0]), ["doubled"]),
    ("a later attempt", lambda e: e.asked.append(e.asked[0]._replace(attempt=2)), []),
    ("told what nobody saw", lambda e: e.asked.append(Asked("say 7 9", "k", 1, (answer(7, 1, 1, "beef"),))), ["mixed"]),
    ("told what others said", lambda e: e.asked.append(Asked("say 7 9", "k", 1, ("say 8 1",))), ["mixed"]),
    ("an unclean store", lambda e: e.faults.append("waiting counts what waits: [(1,)]"), ["mixed"]),
]


@pytest.mark.feature("DEV-03")
@pytest.mark.parametrize(("what", "doctor", "verdicts"), DOCTORED, ids=[what for what, _, _ in DOCTORED])
def test_the_account_notices(what: str, doctor: Callable[[Evidence], object], verdicts: list[str]) -> None:
    evidence = ideal()
    doctor(evidence)
    found = findings(evidence)
    assert sorted({finding.verdict for finding in found}) == sorted(verdicts), found


@pytest.mark.feature("DEV-03")
def test_the_table_has_a_row_for_each_place_of_death_as_markdown_too() -> None:
    evidence = ideal()._replace(kills=["bot.before", "send.after"], met={"the bot fails": 1234})
    copied(evidence)
    matrix = Matrix()
    matrix.add(evidence)
    table, besides = matrix.markdown.split("\n\n")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert {len(row) for row in rows} == {len(rows[0])}
    found = {row[0]: dict(zip(rows[0][1:], row[1:], strict=True)) for row in rows[2:]}
    assert (found["bot.before"]["messages"], found["bot.before"]["flagged"]) == ("3", "1")
    assert (found["send.after"]["messages"], found["send.after"]["flagged"]) == ("1", "0")
    assert (found["all"]["kills"], found["all"]["messages"], found["all"]["lost"]) == ("2", "4", "0")
    assert besides.splitlines()[-1] == "| the bot fails | 1,234 |"
    plain = [line.split() for line in str(matrix).splitlines()]
    assert ["bot.before", "1", "3", "0", "0", "0", "0", "1", "0"] in plain
