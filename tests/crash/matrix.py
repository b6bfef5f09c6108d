"""Many lives, and the table of what became of them: for each place of death the kills and the findings."""

import asyncio
import json
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.crash.account import ALLOWED, VERDICTS, Finding, findings
from tests.crash.life import PLACES, TOGETHER, Evidence, Life

KILLS = 10  # in one life
HEAD = ("killed at", "kills", "messages", *VERDICTS)
FORBIDDEN = tuple(verdict for verdict in VERDICTS if verdict not in ALLOWED)


class Matrix:
    """What has been found so far, by place of death."""

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()
        self.found: Counter[tuple[str, str]] = Counter()
        self.forbidden: list[Finding] = []
        self.met: Counter[str] = Counter()  # what went wrong besides

    def add(self, evidence: Evidence) -> None:
        self.kills.update(evidence.kills)
        self.met.update(evidence.met)
        self.messages.update(evidence.kills[said.kill] for said in evidence.said)
        for finding in findings(evidence):
            self.found[evidence.kills[finding.kill], finding.verdict] += 1
            if finding.verdict in FORBIDDEN:
                self.forbidden.append(finding)

    @property
    def counts(self) -> dict[str, list[int]]:
        """For each place of death, and for all, the kills, the messages and each verdict's findings."""
        counts = {
            place: [self.kills[place], self.messages[place], *(self.found[place, verdict] for verdict in VERDICTS)]
            for place in TOGETHER
            if self.kills[place] or place in PLACES
        }
        return {**counts, "all": [sum(column) for column in zip(*counts.values(), strict=True)]}

    def __str__(self) -> str:
        table = [f"{HEAD[0]:<16}" + "".join(f"{cell:>11}" for cell in HEAD[1:])]
        table += [f"{place:<16}" + "".join(f"{count:>11}" for count in row) for place, row in self.counts.items()]
        if self.met:
            table += [f"{self.faults} faults, of them besides:"]
            table += [f"{count:7} {name}" for name, count in self.met.most_common()]
        return "\n".join(table)

    @property
    def markdown(self) -> str:
        """The same tables, to be published."""
        tables = [_table(HEAD, self.counts.items())]
        if self.met:
            tables += [_table(("besides", "times"), ((n, [c]) for n, c in self.met.most_common()))]
        return "\n\n".join(tables)

    @property
    def faults(self) -> int:
        return self.kills.total() + self.met.total()


def _table(head: Sequence[str], rows: Iterable[tuple[str, list[int]]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])]]
    lines += [[name, *(f"{count:,}" for count in counts)] for name, counts in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plans(kills: int, chance: random.Random, all: Sequence[str] = PLACES) -> Iterator[list[str]]:
    """Places of death for each life: all in turn, and then again, in no order."""
    places: list[str] = []
    while len(places) < kills:
        places += chance.sample(all, len(all))
    for start in range(0, kills, KILLS):
        yield places[start : min(start + KILLS, kills)]


async def crash(
    kills: int,
    seed: int,
    told: Callable[[Matrix], None] = lambda matrix: None,
    at_once: int = 1,
    replicas: int = 1,
    *,
    troubles: bool = False,
) -> Matrix:
    """So many kills, in lives of ten. `told` is called after each life.

    Where there are troubles several gateways' server crashes too: their lives are led one after another.
    """
    whole = troubles and replicas > 1
    chance, matrix, places = random.Random(seed), Matrix(), asyncio.Semaphore(1 if whole else at_once)

    async def live(number: int, plan: list[str]) -> None:
        async with places:
            folder = Path(tempfile.mkdtemp(prefix="crash-"))
            polling, chance = number % 2 == 0, random.Random(seed + number)
            life = Life(folder, chance, polling=polling, replicas=replicas, troubles=troubles)
            evidence = await life.run(plan)
            before = len(matrix.forbidden)
            matrix.add(evidence)
            if len(matrix.forbidden) == before:
                shutil.rmtree(folder)
            else:
                (folder / "evidence.json").write_text(json.dumps(evidence._asdict(), indent=1))
            told(matrix)

    async with asyncio.TaskGroup() as lives:
        for number, plan in enumerate(plans(kills, chance, TOGETHER if whole else PLACES)):
            lives.create_task(live(number, plan))
    return matrix
