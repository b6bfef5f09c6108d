"""Named places where a test may end this process, have it stand still, or ask it to stop.

`GW_FAILPOINT=turn.commit:3` kills it at the third pass; with `turn.commit:3:STOP` it stands still there, and with
`turn.commit:3:TERM` it is asked to stop, once.
"""

import os
import signal

_name, _count, _how, *_ = [*os.environ.get("GW_FAILPOINT", "").split(":"), "", ""]
_left = int(_count or 1)


def failpoint(name: str) -> None:
    """Die here, as by `kill -9`, when the environment asks for it. Costs a comparison otherwise."""
    global _left
    if name == _name:
        _left -= 1
        if not _left or (_left < 0 and not _how):
            os.kill(os.getpid(), signal.Signals[f"SIG{_how or 'KILL'}"])
