"""Standard Webhooks: requests that leave the gateway are signed so, and signed ones that come in checked."""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
TOLERANCE = 300  # seconds that two clocks may be apart
_MOST = 10  # signatures looked at in one header; more than two active secrets are rare, a flood is not our work
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)

Keys = tuple[bytes, ...]


def keys(secret: str) -> Keys:
    """The HMAC keys of a secret: the bytes after `whsec_`, else its own text.

    Libraries of the standard read a secret without the prefix as base64, other receivers as text; where it
    can be both, both are keys, and a request carries a signature for each. Raises `ValueError` when what
    follows `whsec_` is no base64.
    """
    if secret.startswith(PREFIX):
        decoded = _base64(secret.removeprefix(PREFIX))
        if not decoded:
            raise ValueError("what follows whsec_ must be base64")
        return (decoded,)
    decoded = _base64(secret)
    return (secret.encode(), decoded) if 24 <= len(decoded) <= 64 else (secret.encode(),)


def sign(key: bytes, id: str, seconds: int, body: bytes) -> str:
    """One signature, as it stands in the header."""
    return "v1," + base64.b64encode(_digest(key, id, str(seconds), body)).decode()


def headers(keys: Keys, id: str, now: int, body: bytes) -> dict[str, str]:
    """The three headers of a request; `now` is in ms."""
    seconds = now // 1000
    return {
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join([sign(key, id, seconds, body) for key in keys]),
    }


def verify(keys: Sequence[bytes], headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Whether one of the keys signed this within five minutes of `now` (ms). Header names are lower case."""
    id, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id or not _SECONDS.fullmatch(seconds) or abs(now // 1000 - int(seconds)) > TOLERANCE:
        return False
    given = [_base64(part[3:]) for part in headers.get("webhook-signature", "").split()[:_MOST] if part[:3] == "v1,"]
    wanted = [_digest(key, id, seconds, body) for key in keys]
    return sum(hmac.compare_digest(one, other) for one in given for other in wanted) > 0


def _digest(key: bytes, id: str, seconds: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{id}.{seconds}.".encode(errors="surrogatepass") + body, "sha256")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
