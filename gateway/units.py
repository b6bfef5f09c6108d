"""The units of the configuration: durations (`30s`), sizes (`10MB`), rates (`60/m`)."""

import re

import msgspec

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_AMOUNT = r"(\d{1,9}(?:\.\d{1,6})?)"
_DURATION = re.compile(rf"{_AMOUNT}([smhd])", re.ASCII)
_SIZE = re.compile(rf"{_AMOUNT} ?(B|KB|MB|GB)", re.ASCII)
_RATE = re.compile(rf"{_AMOUNT}/([smhd])", re.ASCII)
_LONGEST = 100 * 365 * 86400


class Rate(msgspec.Struct, frozen=True):
    """At most `count` in `seconds` on the long run; `burst` at once, 0: as many as one second allows, at least one."""

    count: float
    seconds: float
    burst: float = 0


def duration(text: str) -> float:
    """Seconds of `30s`, `5m`, `2h`, `7d`; more than zero, at most a hundred years. Raises `ValueError`."""
    found = _DURATION.fullmatch(text)
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST:
        raise ValueError("expected a duration such as 30s, 5m, 2h or 7d")
    return seconds


def size(text: str) -> int:
    """Bytes of `64KB`, `10MB`, `1GB` (1 MB = 1,048,576 bytes); at least one. Raises `ValueError`."""
    found = _SIZE.fullmatch(text)
    count = int(float(found[1]) * _BYTES[found[2]]) if found else 0
    if count < 1:
        raise ValueError("expected a size such as 64KB, 10MB or 1GB")
    return count


def rate(text: str) -> Rate:
    """The rate of `60/m`, `1/s`, `0.5/s`, `1000/d`; more than zero. Raises `ValueError`."""
    found = _RATE.fullmatch(text)
    if not found or not float(found[1]):
        raise ValueError("expected a rate such as 1/s, 60/m, 500/h or 1000/d")
    return Rate(float(found[1]), float(_SECONDS[found[2]]))
