"""How long to wait before trying again."""

import random


def backoff(failures: int, first: float = 1.0, longest: float = 60.0) -> float:
    """Seconds: doubling from `first` up to `longest`, with jitter between half and the whole of it."""
    ceiling = min(longest, first * 2.0 ** min(failures - 1, 30))
    return ceiling * random.uniform(0.5, 1.0)
