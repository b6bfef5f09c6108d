"""What the channels of a configuration can do; nothing need run for that."""

from typing import Any

from gateway.operations.channels import abilities as declared
from gateway.settings import Settings


def abilities(settings: Settings) -> list[dict[str, Any]]:
    """Every channel with the abilities of its platform; None where the adapter does not load."""
    return [
        {
            "name": channel.name,
            "platform": channel.platform,
            "bot": channel.bot,
            "fault": channel.fault,
            "can": declared(channel.plugin) if channel.plugin is not None else None,
        }
        for channel in settings.channels.values()
    ]
