"""All that the operator decided, checked and frozen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, SecretStr

from config import Copy, Problem, Trail
from gateway.settings.entries import BotSettings, ChannelSettings
from gateway.settings.people import People
from gateway.settings.process import (
    AdminSettings,
    InboxSettings,
    LogSettings,
    ServerSettings,
    StorageSettings,
)
from gateway.settings.redis import RedisSettings


@dataclass(frozen=True)
class Settings:
    """One configuration. Two are equal when they ask for the same.

    `bots` and `channels` are by name. `warnings` are what an operator should know and may leave as it is;
    `trail` is what was read for it, `copy` what was in the files of YAML.
    """

    server: ServerSettings
    admin: AdminSettings
    storage: StorageSettings
    redis: RedisSettings
    inbox: InboxSettings
    log: LogSettings
    people: People
    bots: Mapping[str, BotSettings]
    channels: Mapping[str, ChannelSettings]
    warnings: tuple[Problem, ...]
    trail: Trail = field(default_factory=Trail, compare=False)
    copy: Copy = field(default=Copy({}, {}), compare=False)

    def secrets(self) -> frozenset[str]:
        """Every secret value, for whoever must keep them out of logs and answers."""
        known = self.storage.secrets | self.redis.secrets
        return known.union(_secrets([*self.bots.values(), *self.channels.values()]))


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        yield from _secrets(vars(value))
    elif isinstance(value, Mapping):
        yield from _secrets(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets(item)
