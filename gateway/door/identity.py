"""Users whom the embedding site has signed in: a JWT with HS256, made with the channel's `identity_secret`."""

from typing import Any, NamedTuple

import jwt
from jwt.types import Options

from gateway.errors import Problem

LONGEST = 8192  # characters of a token
LIFE = 24 * 3600  # seconds that one may be valid for
SKEW = 60  # seconds that two clocks may be apart

_NEVER = 1e15  # seconds; JSON can hold numbers that no clock can

# Times are checked below, by the clock that was given.
CHECKS: Options = {
    "require": ["exp", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}


class Signed(NamedTuple):
    """Who the site says it is."""

    sub: str
    name: str = ""
    email: str = ""


def verify(token: object, secret: str, now: int) -> Signed:
    """The user a token names; `now` is in ms. Raises `Problem` 401: a bad token never makes an anonymous visitor."""
    if not isinstance(token, str) or not token or len(token) > LONGEST:
        raise _refused("it is no token")
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options=CHECKS)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise _refused("its signature or form is wrong") from None
    _in_time(claims, now / 1000)
    sub = claims["sub"]
    if not isinstance(sub, str) or not sub.strip() or len(sub) > 255 or not sub.isprintable():
        raise _refused("its sub must be a text of 1 to 255 characters")
    return Signed(sub, _text(claims.get("name")), _text(claims.get("email")))


def _in_time(claims: dict[str, Any], now: float) -> None:
    ends, begins = claims["exp"], claims.get("nbf", 0)
    if not _is_time(ends) or not _is_time(begins):
        raise _refused("its exp and nbf must be seconds since 1970")
    if ends <= now:
        raise _refused("it has expired")
    if ends > now + LIFE + SKEW:
        raise _refused("its exp may be at most 24 hours ahead")
    if begins > now + SKEW:
        raise _refused("it is not valid yet")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _NEVER


def _text(value: object) -> str:
    return value[:255] if isinstance(value, str) else ""


def _refused(why: str) -> Problem:
    return Problem(401, "user_token_refused", f"user_token was refused: {why}")
