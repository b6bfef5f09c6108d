"""`python -m tests.bench [--messages N] [--chats N] [--sqlite]`: what a message costs, here and through a relay.

Here: on SQLite, and on PostgreSQL with one gateway and with two; with `--sqlite` only there.
"""

import argparse
import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

from tests.bench.contest import Contestant, Row, on_postgres, on_sqlite, relay
from tests.bench.far import Ledger, serve


async def compare(all: list[Contestant], ledger: Ledger, messages: int, rounds: int) -> tuple[list[Row], list[float]]:
    """In turns, a round each, so that whatever else the machine does meets all alike; and their ratios to the first."""
    for one in all:
        await one.warm_up(ledger, messages // 10)
    ratios: list[list[float]] = []
    for _ in range(rounds):
        first, *others = [await one.flat_out(ledger, messages // rounds) for one in all]
        ratios.append([other / first for other in others])
    rows = [await one.at_half_pace(ledger, messages // 2) for one in all]
    return rows, [median(ratio) for ratio in zip(*ratios, strict=True)]


async def run(messages: int, chats: int, rounds: int, *, postgres: bool) -> tuple[list[Row], list[float]]:
    ledger = Ledger()
    server, far = await serve(ledger)
    async with AsyncExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        all = [
            await stack.enter_async_context(relay(far, chats)),
            await stack.enter_async_context(on_sqlite(far, chats, folders[0])),
        ]
        for replicas in (1, 2) if postgres else ():
            contestant = on_postgres(far, chats, folders[replicas], replicas)
            all.append(await stack.enter_async_context(contestant))
        found = await compare(all, ledger, messages, rounds)
    server.close()
    return found


def table(rows: list[Row], ratios: list[float]) -> str:
    heads = (
        "msg/s",
        "CPU us/msg",
        "database",
        "ack p50",
        "ack p99 ms",
        "answer p50",
        "answer p99",
        "peak MB",
        "grown MB",
    )
    lines = ["  ".join((f"{'':22}", *(f"{head:>10}" for head in heads)))]
    for row in rows:
        figures = (
            row.rate,
            row.cpu,
            row.database,
            row.ack50,
            row.ack99,
            row.whole50,
            row.whole99,
            row.peak,
            row.growth,
        )
        lines.append("  ".join((f"{row.name:22}", *(f"{figure:10.1f}" for figure in figures))))
        lines.append(f"{'':22}  lost {row.lost}, doubled {row.doubled}, out of order {row.disordered}")
    lines.append("CPU per message against the bare relay (median of the rounds; without the database server's):")
    lines += [f"  {row.name:22}  {ratio:.2f}" for row, ratio in zip(rows[1:], ratios, strict=True)]
    if len(ratios) > 2:
        *_, one, two = rows
        rate, cpu = two.rate / one.rate, ratios[2] / ratios[1]
        lines.append(f"Two gateways against one: {rate:.2f} times as many messages, each for {cpu:.2f} of the CPU")
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--messages", type=int, default=10_000)
    arguments.add_argument("--chats", type=int, default=1_000)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--sqlite", action="store_true", help="not on PostgreSQL, with one gateway and with two")
    wanted = arguments.parse_args()
    print(table(*asyncio.run(run(wanted.messages, wanted.chats, wanted.rounds, postgres=not wanted.sqlite))))


if __name__ == "__main__":
    main()
