"""What a process under load costs, read from the kernel's own account of it."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Cost(NamedTuple):
    """CPU seconds of all its threads so far, and resident memory now and at its highest, in MB."""

    cpu: float
    resident: float
    peak: float


def cost(pid: int) -> Cost:
    memory = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Cost(
        time.clock_gettime(~pid << 3 | 2),  # its CPU clock, as the kernel numbers them: see clock_getcpuclockid(3)
        int(memory["VmRSS"].split()[0]) / 1024,
        int(memory["VmHWM"].split()[0]) / 1024,
    )


def costs(pids: Iterable[int]) -> Cost:
    """What several processes have cost together; a server's helpers come and go meanwhile, and count while they run."""
    found = []
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            found.append(cost(pid))
    return Cost(*map(sum, zip(*found, strict=True)))


def family(pid: int) -> list[int]:
    """A process and those that it has started, and they in turn."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
