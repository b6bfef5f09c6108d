"""Who hears and who speaks: an address, or a bot that has one."""

from collections.abc import Mapping

from pydantic import SecretStr

from gateway.corridor import Engaged
from gateway.errors import VoiceFailed
from gateway.settings.media import Voice
from gateway.voice.service import Service


def service(policy: Voice, named: str, bots: Mapping[str, Engaged]) -> Service | Engaged:
    """What a key of the block names. Raises `VoiceFailed` when that bot does not serve now."""
    if "://" in named:
        return Service(named, _word(policy.key))
    engaged = bots.get(named)
    if engaged is None:
        raise VoiceFailed(f"there is no bot {named}")
    options = engaged.settings.options
    base = getattr(options, "base_url", None)  # of bots that speak to such an API, the audio is beside the chat
    return Service(base, _word(policy.key or getattr(options, "key", None))) if isinstance(base, str) else engaged


def _word(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
