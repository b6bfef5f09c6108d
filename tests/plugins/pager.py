"""A platform with a secret and a page, and a bot with options of every type."""

from typing import Any, Literal

from gateway import adapter, bot
from gateway.message import Part
from gateway.options import (
    Duration,
    DurationOrNever,
    Id,
    Listed,
    Options,
    PageOptions,
    Rate,
    Secret,
    Size,
    Url,
    key,
    needed,
)


class PagerOptions(PageOptions):
    token: Secret = needed("The account's token.")
    sender: str | None = key(None, "Who we send as.", alias="from")
    urgency: Literal["low", "high"] = key("low", "How loud.")


class Adapter(adapter.Adapter):
    Options = PagerOptions

    async def send(self, part: Part) -> str:
        return part.id


class Inner(Options):
    depth: int = key(1, "A key inside an option.", ge=1)


class Every(Options):
    pause: Duration = key("1s", "A duration.")
    until: DurationOrNever = key("never", "A duration or never.")
    size: Size = key("1KB", "A size.")
    pace: Rate = key("1/s", "A rate.")
    url: Url | None = key(None, "An address.")
    secret: Secret | None = key(None, "A secret.")
    ids: Listed[Id] = key((), "Ids.")
    flag: bool = key(False, "A truth value.")
    count: int = key(1, "A number.")
    share: float = key(0.5, "A fraction.", ge=0, le=1)
    word: str = key("x", "A word.", min_length=1, max_length=10)
    inner: Inner = key({}, "Keys inside.")
    extra: dict[str, Any] = key({}, "Anything.")


class Bot(bot.Bot):
    Options = Every
