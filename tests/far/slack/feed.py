"""What happened and has not been acknowledged yet, in order."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

import orjson

Form = Literal["events_api", "slash_commands", "interactive"]


@dataclass
class Happening:
    """One thing that the app is told. `body` is what is sent over HTTP, `payload` goes into a socket's envelope."""

    number: int
    form: Form
    payload: dict[str, Any]
    copies: int = 1
    attempts: int = 0
    reason: str = ""
    body: bytes = field(init=False)

    def __post_init__(self) -> None:
        if self.form == "slash_commands":
            self.body = urlencode(self.payload).encode()
        elif self.form == "interactive":
            self.body = urlencode({"payload": orjson.dumps(self.payload).decode()}).encode()
        else:
            self.body = orjson.dumps(self.payload)

    @property
    def content_type(self) -> str:
        return "application/json" if self.form == "events_api" else "application/x-www-form-urlencoded"


class Feed:
    """Happenings by number. `out` sends one; while held nothing is sent. `copies` is how often each is sent."""

    def __init__(self) -> None:
        self.pending: dict[int, Happening] = {}
        self.copies = 1
        self.out: Callable[[Happening], None] = lambda happening: None
        self.changed: Callable[[], None] = lambda: None
        self._held: list[Happening] | None = None
        self._count = 0

    def happen(self, form: Form, payload: dict[str, Any]) -> Happening:
        self._count += 1
        happening = Happening(self._count, form, payload, self.copies)
        self.pending[happening.number] = happening
        if self._held is not None:
            self._held.append(happening)
        else:
            for _ in range(self.copies):
                self.out(happening)
        self.changed()
        return happening

    def hold(self) -> None:
        """Keep what happens from now on."""
        self._held = []

    def release(self, order: random.Random | None = None) -> None:
        """Send what was held; shuffled, with an order."""
        held, self._held = self._held or [], None
        if order is not None:
            order.shuffle(held)
        for happening in held:
            self.out(happening)

    def confirm(self, number: int) -> None:
        self.pending.pop(number, None)
        self.changed()
