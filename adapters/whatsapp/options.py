"""What an operator may say about a WhatsApp channel."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from gateway import options


def _number(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,32}", value, re.ASCII):
        raise ValueError("is no id of digits: it stands beside the number in the app's API setup")
    return value


def _version(value: str) -> str:
    if not re.fullmatch(r"v[0-9]{1,3}\.[0-9]{1,3}", value, re.ASCII):
        raise ValueError("expected a version such as v24.0")
    return value


Number = Annotated[options.Id, AfterValidator(_number)]


class Options(options.Options):
    """Keys of a `platform: whatsapp` channel."""

    phone_number_id: Number | None = options.key(
        None, "The id of the business number, as the app's API setup shows it; not the telephone number itself."
    )
    numbers: options.Listed[Number] = Field(
        default=(), description="Ids of several numbers that share the webhook, instead of phone_number_id."
    )
    access_token: options.Secret = options.needed(
        "A permanent token of a system user, with whatsapp_business_messaging."
    )
    app_secret: options.Secret = options.needed("The app's secret, by which Meta signs every webhook.")
    verify_token: options.Secret = options.needed("Any word: the same that is given to Meta beside the callback URL.")
    business_account_id: Number | None = options.key(
        None, "The WhatsApp Business Account; when given, the app is subscribed to its webhooks at start."
    )
    api_base: options.Url = options.key(
        "https://graph.facebook.com", "Address of the Graph API: Meta's, or a proxy of your own."
    )
    api_version: Annotated[str, AfterValidator(_version)] = options.key("v24.0", "Version of the Graph API.")

    @model_validator(mode="after")
    def _which(self) -> "Options":
        if bool(self.phone_number_id) == bool(self.numbers):
            raise options.faults(
                (("phone_number_id",), "give either phone_number_id, or numbers: with several of them")
            )
        if len(set(self.numbers)) < len(self.numbers):
            raise options.faults((("numbers",), "holds the same number twice"))
        return self

    @property
    def accounts(self) -> tuple[str, ...]:
        """The ids of all our numbers, the first one standing for the channel."""
        return self.numbers or (self.phone_number_id or "",)
