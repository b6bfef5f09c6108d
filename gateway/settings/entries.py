"""What a bot and a channel are: the keys that all kinds have in common, and the loaded whole."""

from typing import Literal

from pydantic import Field

from gateway.adapter import Adapter
from gateway.bot import Bot
from gateway.options import Duration, Listed, Options, key, needed
from gateway.settings.blocks import (
    Access,
    Coalesce,
    Commands,
    Dedupe,
    Delivery,
    Format,
    History,
    Limits,
    Session,
    Stream,
    Summary,
)
from gateway.settings.groups import Group, Override, Spot
from gateway.settings.media import Media, Voice
from gateway.settings.retention import Retention
from gateway.settings.routes import Route
from gateway.settings.words import Words


class BotKeys(Options):
    """The keys that every bot has; those of its kind stand beside them."""

    kind: str = needed("What answers: one of the built-in kinds, or package.module.")
    timeout: Duration = key("60s", "Longest time for a whole answer.")
    retries: int = key(4, "Further tries when the backend is away or busy.", ge=0, le=100)
    concurrency: int = key(200, "Answers being asked of it at once.", ge=1)
    fallback: str = key("", "Who answers when it is away or has failed for good: another name under bots.")
    away_after: Duration = key("15s", "While it is away, who has waited so long is told texts.bot_away.")
    patience: Duration = key("30m", "How long its messages wait for it while it is away; after that texts.failed.")


class Blocks(Options):
    """The blocks that may stand under `defaults` and in every channel."""

    session: Session = Field(default_factory=Session)
    group: Group = Field(default_factory=Group)
    groups: dict[Spot, Override] = key({}, "What is otherwise in some groups: by chat id, <chat>/<topic> or *.")
    access: Access = Field(default_factory=Access)
    commands: Commands = Field(default_factory=Commands)
    coalesce: Coalesce = Field(default_factory=Coalesce)
    history: History = Field(default_factory=History)
    summary: Summary = Field(default_factory=Summary)
    limits: Limits = Field(default_factory=Limits)
    dedupe: Dedupe = Field(default_factory=Dedupe)
    delivery: Delivery = Field(default_factory=Delivery)
    format: Format = Field(default_factory=Format)
    media: Media = Field(default_factory=Media)
    voice: Voice = Field(default_factory=Voice)
    stream: Stream = Field(default_factory=Stream)
    retention: Retention = Field(default_factory=Retention)
    texts: Words = Field(default={}, description="Other words than the gateway's own, by id, or by language and id.")


class ChannelKeys(Blocks):
    """The keys that every channel has; those of its platform stand beside them."""

    platform: str = needed("The platform: one of the installed adapters, or package.module.")
    bot: str = needed("Who answers: a name under bots.")
    routes: Listed[Route] = key((), "Who answers instead, the first rule that fits: by chat, user or keyword.")
    enabled: bool = key(True, "false: nothing is answered.")
    when_disabled: Literal["drop", "hold"] = key(
        "drop", "What becomes of messages while it is not enabled: dropped, or answered once it is again."
    )


class BotSettings(BotKeys):
    """One bot, ready to be made: `plugin(name, options, tools)`."""

    name: str
    options: Options
    plugin: type[Bot]


class ChannelSettings(ChannelKeys):
    """One channel, ready to be made: `plugin(name, options, gate)`.

    `fault` says why it cannot be, when its adapter does not load (its SDK is not installed); then there are
    neither `options` nor `plugin`, and only this channel fails.
    """

    name: str
    options: Options | None
    plugin: type[Adapter] | None
    fault: str = ""
