"""Checking a sender with Twilio: the account, and who is told of its messages."""

from urllib.parse import urlsplit

import msgspec

from adapters.twilio.api import Api
from adapters.twilio.registration import ByHand, Registration, same
from gateway.adapter import Finding
from gateway.errors import Refused, SendError

_NEW_TOKEN = "Set account_sid and auth_token as the console shows them; both change when the token is renewed."  # noqa: S105


class Account(msgspec.Struct, frozen=True):
    """`status` is active, suspended or closed."""

    sid: str
    status: str = "active"
    friendly_name: str = ""


async def account(api: Api) -> Account:
    """The account itself. Raises `Retry`, or `Refused("auth")` when we may not speak for it."""
    try:
        found = await api.get("account", api.of_account(".json"), (), Account)
    except Refused as refused:
        # An account that is not there is answered with 404.
        raise Refused("auth", str(refused)) from None
    if found.status != "active":
        raise Refused("auth", f"account: it is {found.status[:20]}")
    return found


async def findings(api: Api, registration: Registration, url: str) -> list[Finding]:
    """One line for each thing looked at. Raises nothing: what cannot be asked is a finding too."""
    try:
        found = await account(api)
    except SendError as error:
        refused = isinstance(error, Refused)
        return [Finding(False, str(error), _NEW_TOKEN if refused else "Is api_base reachable from here?")]
    return [Finding(True, f"the account {found.friendly_name or found.sid} is active"), await _heard(registration, url)]


async def _heard(registration: Registration, url: str) -> Finding:
    if not url:
        remedy = "Set it to the https address by which Twilio reaches us: signatures are checked against it."
        return Finding(False, "nobody can call us: server.public_url is not set", remedy)
    try:
        now = await registration.current()
    except ByHand as by_hand:
        return Finding(True, str(by_hand), f"It has to be {url} with POST.")
    except SendError as error:
        return Finding(False, f"the webhook cannot be looked at: {error}", "It is tried again every few minutes.")
    if same(now, url):
        return Finding(True, "the sender's messages come to us")
    parts = urlsplit(now)
    place = f"go to {parts.scheme}://{parts.hostname or '?'}" if now else "go to nobody"
    return Finding(False, f"the sender's messages {place}", "With register_webhook it is set when the channel starts.")
