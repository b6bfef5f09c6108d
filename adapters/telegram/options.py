"""What an operator may say about a Telegram channel."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr

from gateway import options


def _bot_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9]{1,20}:[\w-]{30,}", value.get_secret_value(), re.ASCII):
        raise ValueError(
            "is not a bot token: expected digits, a colon and 30 characters or more, as @BotFather gives it"
        )
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value.get_secret_value()):
        raise ValueError("must be 1 to 256 of A-Z a-z 0-9 _ and -")
    return value


class Options(options.Options):
    """Keys of a `platform: telegram` channel."""

    token: Annotated[options.Secret, AfterValidator(_bot_token)] = options.needed(
        "The bot's token, as @BotFather gives it."
    )
    mode: Literal["polling", "webhook"] = options.key(
        "polling", "polling asks Telegram for updates; webhook lets Telegram call server.public_url."
    )
    secret: Annotated[options.Secret, AfterValidator(_webhook_secret)] | None = options.key(
        None, "What Telegram must send along with every webhook; derived from the token when not given."
    )
    register_webhook: bool = options.key(
        True, "With mode: webhook, tell Telegram where to call us, and take it back when the channel is removed."
    )
    api_base: options.Url = options.key(
        "https://api.telegram.org", "Address of the Bot API: a proxy, or a Bot API server of your own."
    )
