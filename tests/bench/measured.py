"""What a process under load costs, read from the kernel's own account of it."""

import os
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Cost(NamedTuple):
    """CPU seconds of all its threads so far, and resident memory now and at its highest, in MB."""

    cpu: float
    resident: float
    peak: float


def cost(pid: int) -> Cost:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    memory = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return Cost(
        (int(fields[11]) + int(fields[12])) / TICKS,
        int(memory["VmRSS"].split()[0]) / 1024,
        int(memory["VmHWM"].split()[0]) / 1024,
    )


def percentile(values: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
