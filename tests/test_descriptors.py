"""A process that begins with few open files allows itself as many as its connections need."""

import subprocess
import sys

import pytest

from tests.source import ROOT

SCRIPT = """
import resource, sys
from gateway.descriptors import allow
soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(allow(int(sys.argv[3])), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.feature("ACC-04")
@pytest.mark.parametrize(
    ("soft", "hard", "connections", "room", "after"),
    [
        (256, 8_000, 3_000, 3_000, 7_096),
        (256, 6_096, 10_000, 2_000, 6_096),
        (256, 300, 10_000, 0, 300),
        (7_500, 8_000, 3_000, 3_000, 7_500),
    ],
)
def test_as_many_files_as_connections_need(soft: int, hard: int, connections: int, room: int, after: int) -> None:
    command = [sys.executable, "-c", SCRIPT, *map(str, (soft, hard, connections))]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [int(word) for word in ran.stdout.split()] == [room, after, hard]
