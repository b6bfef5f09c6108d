"""Who writes to us: by the business-scoped user id where there is one, else by telephone number.

The user id is the one to keep: it stays the same for all numbers of a business, and users who took a username no
longer show their number. A number is only what they can be reached by today.
"""

import re
from collections import OrderedDict

import msgspec

from gateway.message import Sender

REMEMBERED = 20_000
_ID = re.compile(r"[!-~]{1,256}")


class Profile(msgspec.Struct, frozen=True):
    name: str = ""
    username: str = ""


class Contact(msgspec.Struct, frozen=True):
    """What a webhook tells of a person. Either id may be missing."""

    profile: Profile = Profile()
    wa_id: str = ""
    user_id: str = ""


def e164(number: str) -> str:
    """A telephone number as `+15550100`; what is no number stays as it is."""
    bare = re.sub(r"[\s().\-/]", "", number).removeprefix("whatsapp:")
    digits = bare.removeprefix("+") if bare.startswith("+") else bare.removeprefix("00")
    return f"+{digits}" if re.fullmatch(r"[1-9][0-9]{4,14}", digits, re.ASCII) else number


def is_phone(identity: str) -> bool:
    """Whether an id is a telephone number: user ids begin with a country code in letters."""
    return identity.isascii() and identity.isdigit()


def named(identity: object) -> bool:
    """Whether this can be an id at all."""
    return isinstance(identity, str) and bool(_ID.fullmatch(identity))


def speaker(phone: str, user: str, contact: Contact) -> Sender | None:
    """Who speaks, by what a message and the contact beside it tell. None when nothing names them."""
    if phone and not is_phone(phone):
        phone, user = "", user or phone
    user, phone = user or contact.user_id, phone or contact.wa_id
    identity = user or phone
    if not named(identity):
        return None
    return Sender(
        id=identity,
        name=contact.profile.name,
        username=contact.profile.username,
        profile={"phone": e164(phone)} if phone else {},
    )


class Acquaintances:
    """Which user has which telephone number, as far as was seen lately."""

    def __init__(self) -> None:
        self._users: OrderedDict[tuple[str, str], str] = OrderedDict()

    def user(self, account: str, phone: str) -> str:
        """The user id that a number is known to belong to; "" when it is not."""
        return self._users.get((account, phone), "")

    def meet(self, account: str, phone: str, user: str) -> bool:
        """Remember whose number this is. True when that is news."""
        key = account, phone
        news = self._users.get(key) != user
        self._users[key] = user
        self._users.move_to_end(key)
        if len(self._users) > REMEMBERED:
            self._users.popitem(last=False)
        return news
