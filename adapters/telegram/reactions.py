"""Reactions that we put on people's messages. Telegram lets bots choose from a fixed set only."""

from typing import Any

from adapters.telegram import parts
from gateway.message import Address

# What operators like to write, and the nearest that there is.
_NEAREST = {
    **dict.fromkeys(("✅", "✔", "☑", "🆗", "👍🏻"), "👌"),
    **dict.fromkeys(("❌", "✖", "🚫", "⛔", "⚠"), "💔"),
    **dict.fromkeys(("⏳", "⌛", "🕐", "🔄"), "🤔"),
    "📝": "✍",
    "👁": "👀",
}
_VARIATION = "\ufe0f"  # asks for the coloured form of a sign; Telegram's own names do without


def asked(address: Address, ref: str, emoji: str) -> dict[str, Any]:
    """The arguments of `setMessageReaction`; no emoji takes ours away."""
    bare = emoji.replace(_VARIATION, "")
    reaction = [{"type": "emoji", "emoji": _NEAREST.get(bare, bare)}] if bare else []
    return {"chat_id": parts.number(address.chat), "message_id": parts.number(ref), "reaction": reaction}
