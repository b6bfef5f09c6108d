"""Checking our numbers with Meta: the token, how the numbers are seen, and where their webhooks go."""

import msgspec

from adapters.whatsapp.api import Api, segment
from gateway.adapter import Finding
from gateway.errors import Refused, SendError

_FIELDS = "id,display_phone_number,verified_name,quality_rating,status,webhook_configuration"
_NEW_TOKEN = "Make a token of a system user with whatsapp_business_messaging and set it as `access_token`."  # noqa: S105
_QUALITY = "People block or report this number: see its quality in the WhatsApp Manager, or it may be limited."


class Webhooks(msgspec.Struct, frozen=True):
    """Where webhooks go; the most specific of them counts."""

    phone_number: str = ""
    whatsapp_business_account: str = ""
    application: str = ""

    @property
    def effective(self) -> str:
        return self.phone_number or self.whatsapp_business_account or self.application


class Number(msgspec.Struct, frozen=True):
    """A number of ours as Meta knows it."""

    id: str
    display_phone_number: str = ""
    verified_name: str = ""
    quality_rating: str = ""
    status: str = ""
    webhook_configuration: Webhooks | None = None


async def number(api: Api, account: str) -> Number:
    """Raises `Retry` or `Refused`."""
    return await api.get(f"{segment(account)}?fields={_FIELDS}", Number)


async def findings(api: Api, accounts: tuple[str, ...], webhook: str) -> list[Finding]:
    """One line for each thing looked at. Raises nothing: what cannot be asked is a finding too."""
    found: list[Finding] = []
    for account in accounts:
        try:
            ours = await number(api, account)
        except SendError as error:
            auth = isinstance(error, Refused) and error.reason == "auth"
            found.append(Finding(False, f"number {account}: {error}", _NEW_TOKEN if auth else _UNREACHED))
            continue
        found += [_name(ours), _webhook(ours, webhook)]
    return found


_UNREACHED = "Is api_base reachable from here, and phone_number_id the id (not the number) from the app's API setup?"


def _name(ours: Number) -> Finding:
    called = f"{ours.display_phone_number or ours.id} ({ours.verified_name or 'without a verified name'})"
    if ours.quality_rating.upper() == "RED":
        return Finding(False, f"{called} is of low quality", _QUALITY)
    return Finding(True, f"the token may use {called}")


def _webhook(ours: Number, webhook: str) -> Finding:
    if not webhook:
        return Finding(False, "nobody can call us: server.public_url is not set", "Set it to our https address.")
    theirs = ours.webhook_configuration.effective if ours.webhook_configuration else ""
    if theirs == webhook:
        return Finding(True, f"webhooks of {ours.display_phone_number or ours.id} come to us")
    remedy = (
        f"In the app's WhatsApp configuration set {webhook} as callback URL, with verify_token; subscribe messages."
    )
    if not theirs:
        return Finding(False, f"Meta does not say where webhooks of {ours.display_phone_number or ours.id} go", remedy)
    return Finding(False, f"webhooks of {ours.display_phone_number or ours.id} go elsewhere", remedy)
