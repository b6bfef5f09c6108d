"""What an operator may say about a Twilio channel."""

import re
from typing import Annotated

from pydantic import AfterValidator

from gateway import options

_SENDER = re.compile(r"(whatsapp:)?\+[1-9][0-9]{6,14}|[0-9]{3,8}|messenger:[0-9]{1,30}", re.ASCII)


def _account(value: str) -> str:
    if not re.fullmatch(r"AC[0-9a-f]{32}", value):
        raise ValueError("is not an account SID: expected AC and 32 of 0-9 a-f, as the console shows it")
    return value


def _sender(value: str) -> str:
    bare = re.sub(r"[\s().-]", "", value)
    if not _SENDER.fullmatch(bare):
        raise ValueError(
            "expected a sender of the account: whatsapp:+14155238886, +14155550100 or messenger:1234567890"
        )
    return bare


def _bot(value: str) -> str:
    if not re.fullmatch(r"[\w.-]{0,64}", value):
        raise ValueError("expected a name of letters, digits and . _ -")
    return value


class Options(options.Options):
    """Keys of a `platform: twilio` channel."""

    account_sid: Annotated[str, AfterValidator(_account)] = options.needed(
        "The account, as the console shows it: AC..."
    )
    auth_token: options.Secret = options.needed("The account's auth token; webhooks are signed with it as well.")
    sender: Annotated[str, AfterValidator(_sender)] = options.needed(
        "Who the channel is: whatsapp:+14155238886, a number for SMS such as +14155550100, or messenger:<page id>. "
        "Put it in quotes.",
        alias="from",
    )
    conversations: bool = options.key(False, "Whether group conversations of the account are answered too.")
    name: Annotated[str, AfterValidator(_bot)] = options.key(
        "", "The bot's name in conversations: the author of its lines, and called by @name. Else the channel's name."
    )
    webhook_key: options.Secret | None = options.key(
        None, "The secret of a webhook key, when the account signs with HMAC-SHA256: no other signature is taken then."
    )
    register_webhook: bool = options.key(
        True, "Have Twilio call server.public_url: set at start, taken back when the channel is removed."
    )
    catch_up: bool = options.key(
        False, "After an outage, look through Twilio's list of messages and take in what is missing."
    )
    order_wait: options.DurationOrNever = options.key(
        "10s", "How long a part waits for the one before it to be reported as delivered; off: not at all."
    )
    api_base: options.Url = options.key(
        "https://api.twilio.com", "Address of Twilio's API: of another region, a proxy, or a test server."
    )
