"""What the gateway says of its own work: one closed list of events, each line masked, escaped and bounded.

A line has `timestamp`, `level`, `event` and fields. What people say stands only in fields named `text`, and those are
left out unless the operator asked for them.
"""

import logging
import sys
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from gateway.masking import HIDDEN, Mask, escaped
from gateway.settings import LogSettings
from gateway.subject import subject

EVENTS = frozenset(
    {
        "admin.changed",
        "bell.lost",
        "bot.away",
        "bot.back",
        "bot.failed",
        "bot.ignored",
        "cache.unreadable",
        "channel.behind",
        "channel.caught_up",
        "channel.failed",
        "channel.fault",
        "channel.handed_over",
        "channel.health",
        "channel.recovered",
        "channel.rolled_back",
        "channel.withdraw",
        "clock.jumped",
        "config.applied",
        "config.not_kept",
        "config.rejected",
        "connections.limited",
        "control.unavailable",
        "daemon.started",
        "daemon.stopped",
        "daemon.stopping",
        "disk.low",
        "disk.well",
        "file.not_sent",
        "file.refused",
        "file.unavailable",
        "files.elsewhere",
        "forgetting.untold",
        "function.failed",
        "group.left",
        "group.stayed",
        "housekeeping.failed",
        "housekeeping.swept",
        "http.failed",
        "inbox.dead",
        "inbox.held",
        "journal.found",
        "journal.refused",
        "journal.used",
        "library.said",
        "loop.stopped",
        "mention.slow",
        "menu.failed",
        "message.answered",
        "message.rated",
        "message.received",
        "outbox.dead",
        "participant.erased",
        "redis.away",
        "redis.up",
        "retention.swept",
        "rights.unknown",
        "send.broken",
        "send.failed",
        "send.late",
        "send.left",
        "send.retry",
        "send.silenced",
        "send.unknown",
        "storage.down",
        "summary.failed",
        "task.failed",
        "task.stubborn",
        "turn.fenced",
        "turn.refused",
        "turn.too_large",
        "voice.failed",
    }
)
"""Every event there is, as `noun.verb`."""

LONGEST = 2_000  # characters of one value
LONGEST_TRACE = 10_000
_NAMES = frozenset({"name", "username", "first_name", "last_name", "sender", "title"})

Line = MutableMapping[str, Any]


def configure(
    settings: LogSettings, secrets: Collection[str] = (), *, stream: TextIO | None = None, json: bool | None = None
) -> None:
    """Say from now on what the settings ask for, on stderr unless told otherwise, and never one of the secrets.

    Lines of libraries (the standard logging) from warnings upwards come the same way, as `library.said`.
    """
    out = stream or sys.stderr
    as_json = settings.format == "json" or (settings.format == "auto" and not out.isatty()) if json is None else json
    level = getattr(logging, settings.level.upper())
    structlog.configure(
        processors=[
            _about,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _Tidy(Mask(secrets), text=settings.text),
            _as_json if as_json else _console(out),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,  # another configuration takes effect everywhere
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers = [_Forward()]
    root.setLevel(max(level, logging.WARNING))


def _about(logger: object, method: str, line: Line) -> Line:
    """The entry that the task works on, unless the line itself names another one."""
    if (working_on := subject.get()) is not None:
        for name, value in msgspec.structs.asdict(working_on).items():
            if value:
                line.setdefault(name, value)
    return line


class _Tidy:
    """Makes every value of a line fit to be written."""

    def __init__(self, mask: Mask, *, text: bool) -> None:
        self._mask, self._text = mask, text

    def __call__(self, logger: object, method: str, line: Line) -> Line:
        if not self._text:
            line.pop("text", None)
        return {self._key(key): self._value(key, value) for key, value in line.items()}

    def _key(self, key: str) -> str:
        return escaped(self._mask(key))[:64]

    def _value(self, key: str, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if key == "timestamp":
            return value
        if key == "exception":
            return _capped(escaped(self._masked(value, LONGEST_TRACE), lines=True), LONGEST_TRACE)
        if key in _NAMES:
            return HIDDEN
        if isinstance(value, Mapping):
            return {self._key(str(inner)): self._value(str(inner), found) for inner, found in list(value.items())[:50]}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value(key, item) for item in list(value)[:50]]
        shown = self._mask.own(str(value)) if key == "text" else self._masked(value, LONGEST)
        return _capped(escaped(shown), LONGEST)

    def _masked(self, value: Any, most: int) -> str:
        """Nothing of what is cut off need be looked at, once our own secrets are out, which a cut could tear apart."""
        return self._mask(self._mask.own(str(value))[: 2 * most])


def _capped(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}... (cut)"


_as_json = structlog.processors.JSONRenderer(ensure_ascii=False)


def _console(out: TextIO) -> Any:
    render = structlog.dev.ConsoleRenderer(colors=out.isatty(), pad_event_to=20)

    def rendered(logger: object, method: str, line: Line) -> str:
        trace = line.pop("exception", None)
        text = str(render(logger, method, line))
        # Each line of a traceback is set in, so that none can pass for a line of ours.
        return text + "".join(f"\n    | {part}" for part in trace.split("\n")) if trace else text

    return rendered


class _Forward(logging.Handler):
    """Lines of libraries, said by us. What they say of a request or an answer may be anything: it is a field."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:
            message = str(record.msg)
        level = min(max(record.levelno, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger().log(
            level // 10 * 10, "library.said", library=record.name, message=message, exc_info=record.exc_info
        )
