"""The shape of the operator's YAML: strict models of its sections and blocks, and how they are loaded."""

from gateway.settings.entries import BotSettings, ChannelSettings
from gateway.settings.loading import load, settings
from gateway.settings.process import (
    AdminSettings,
    InboxSettings,
    Listen,
    LogSettings,
    ServerSettings,
    StorageSettings,
)
from gateway.settings.schema import schema
from gateway.settings.whole import Settings

__all__ = [
    "AdminSettings",
    "BotSettings",
    "ChannelSettings",
    "InboxSettings",
    "Listen",
    "LogSettings",
    "ServerSettings",
    "Settings",
    "StorageSettings",
    "load",
    "schema",
    "settings",
]
