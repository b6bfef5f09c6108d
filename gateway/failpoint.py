"""Named places where the crash test may end this process: `GW_FAILPOINT=turn.commit:3` kills it at the third pass."""

import os
import signal

_name, _, _count = os.environ.get("GW_FAILPOINT", "").partition(":")
_left = int(_count or 1)


def failpoint(name: str) -> None:
    """Die here, as by `kill -9`, when the environment asks for it. Costs a comparison otherwise."""
    global _left
    if name == _name:
        _left -= 1
        if _left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
