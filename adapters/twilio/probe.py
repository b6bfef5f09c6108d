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
    active = Finding(True, f"the account {found.friendly_name or found.sid} is active")
    return [active, *(await _heard(registration, url))]


async def _heard(registration: Registration, url: str) -> list[Finding]:
    if not url:
        remedy = "Set it to the https address by which Twilio reaches us: signatures are checked against it."
        return [Finding(False, "nobody can call us: server.public_url is not set", remedy)]
    found = []
    for what, ask in (
        ("the sender's messages", registration.current),
        ("events of conversations", registration.for_conversations),
    ):
        try:
            found.append(_goes(what, await ask(), url))
        except ByHand as by_hand:
            found.append(Finding(True, str(by_hand), f"It has to be {url} with POST."))
        except SendError as error:
            remedy = "It is tried again every few minutes."
            found.append(Finding(False, f"where {what} go cannot be looked at: {error}", remedy))
    return [one for one in found if one is not None]


def _goes(what: str, now: str | None, url: str) -> Finding | None:
    if now is None:
        return None
    if same(now, url):
        return Finding(True, f"{what} come to us")
    parts = urlsplit(now)
    place = f"go to {parts.scheme}://{parts.hostname or '?'}" if now else "go to nobody"
    return Finding(False, f"{what} {place}", "With register_webhook it is set when the channel starts.")
