"""People who talk in groups, for the tests of what the bot makes of it."""

from typing import Any

from gateway.intake import Accepted
from tests.kit import Kit

CHANNEL = """
people: {{staff: [7001, 7002]}}
bots: {{b: {{kind: echo}}, sales: {{kind: echo}}, help: {{kind: echo}}}}
channels:
  p:
    platform: {platform}
    bot: b
    limits: {{send: off, messages: off}}
    {more}
"""


def yaml(*more: str, platform: str = "tests.paper") -> str:
    """One channel of paper with these keys, and three bots: b, sales, help."""
    return CHANNEL.format(platform=platform, more="\n    ".join(more))


async def hear(kit: Kit, text: str, user: str = "ada", chat: str = "g1", **how: Any) -> Accepted:
    """Somebody speaks to the bot in a group."""
    return await kit.say(text, user=user, chat=chat, **{"place": "group", **how})


async def outcome(kit: Kit, text: str, user: str = "ada", chat: str = "g1", **how: Any) -> str:
    """What became of it."""
    return (await hear(kit, text, user, chat, **how)).outcome


async def chat(kit: Kit, text: str, user: str = "ada", chat: str = "g1", **how: Any) -> str:
    """Somebody speaks in a group, and not to the bot. What became of it."""
    return await outcome(kit, text, user, chat, **{"addressed": False, **how})
