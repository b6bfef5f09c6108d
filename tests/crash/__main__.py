"""`python -m tests.crash`: kill gateways, print the table. Exit status 1 when a promise was broken."""

import argparse
import asyncio
import logging
import os
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill gateways and see what users saw of it.")
    parser.add_argument("kills", type=int, nargs="?", default=int(os.environ.get("GW_CRASHES", "500")))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--replicas", type=int, default=1, help="so many gateways on one PostgreSQL")
    parser.add_argument("--troubles", action="store_true", help="everything else fails now and then, too")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown, to be published")
    given = parser.parse_args()
    if given.replicas > 1:
        os.environ["GW_STORE"] = "postgres"
    from tests.crash.matrix import Matrix, crash  # what it imports looks at the environment

    logging.getLogger("aiohttp.server").disabled = True  # the dead leave requests behind
    began = time.monotonic()

    def told(matrix: Matrix) -> None:
        done = sum(matrix.kills.values())
        print(f"{done} kills, {matrix.faults} faults, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)

    matrix = asyncio.run(crash(given.kills, given.seed, told, given.at_once, given.replicas, troubles=given.troubles))
    print(matrix.markdown if given.markdown else matrix)
    for finding in matrix.forbidden:
        print(finding)
    sys.exit(bool(matrix.forbidden))


if __name__ == "__main__":
    main()
