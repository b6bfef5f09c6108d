"""Knowing Twilio's calls from anybody else's: by the signature over the address it calls and all it says."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode, urlsplit

from pydantic import SecretStr

from adapters.twilio.fields import Fields, read_form, read_json
from gateway.adapter import Call

HEADER = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"
BODY_HASH = "bodySHA256"

RETRIES = "#rc=5&rp=5xx,ct,rt"
"""What we add to the addresses that we give Twilio: by itself it does not come again when we could not write."""

_PORTS = {"https": 443, "http": 80}


class Signature:
    """What one channel's webhooks are signed with. Which algorithm is the operator's choice, never the caller's."""

    def __init__(self, name: str, token: SecretStr, key: SecretStr | None) -> None:
        from twilio.request_validator import (  # type: ignore[import-untyped]
            HMAC_SHA1,
            HMAC_SHA256,
            RequestValidator,
            get_signature_algorithm,
        )

        self._path = f"/c/{quote(name, safe='')}"
        self._algorithm = HMAC_SHA256 if key else HMAC_SHA1
        self._validator = RequestValidator((key or token).get_secret_value())
        self._algorithm_of = get_signature_algorithm

    def address(self, public_url: str, query: Mapping[str, str] | None = None) -> str:
        """Where Twilio is to call us; "" when the operator did not say how we are reached."""
        return f"{public_url}{self._path}{_query(query)}{RETRIES}" if public_url else ""

    def fields(self, public_url: str, call: Call) -> Fields | None:
        """What a call says, None when it does not prove that Twilio says it."""
        given = call.headers.get(HEADER, "")
        if not public_url or not given or not given.isascii():
            return None
        if self._algorithm_of(call.headers.get(SETTINGS, "")).upper() != self._algorithm:
            return None
        signed = fields = Fields()
        if BODY_HASH in call.query:
            digest = hashlib.sha256(call.body).hexdigest()
            if not hmac.compare_digest(call.query[BODY_HASH].lower().encode("utf-8", "replace"), digest.encode()):
                return None
            fields = read_json(call.body)
        else:
            signed = fields = read_form(call.body)
        for address in self._spellings(public_url, _query(call.query)):
            if self._is_for(given, address, signed):
                return fields
        return None

    def _is_for(self, given: str, address: str, signed: Fields) -> bool:
        try:
            wanted = self._validator.compute_signature(address, signed, self._algorithm)
        except UnicodeEncodeError:  # a lone surrogate in the query
            return False
        return hmac.compare_digest(given.encode(), wanted.encode())

    def _spellings(self, public_url: str, query: str) -> Iterator[str]:
        """The addresses that Twilio may have signed: it writes the port or not, and may or may not leave out our #."""
        parts = urlsplit(public_url)
        host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
        other = host if parts.port is not None else f"{host}:{_PORTS[parts.scheme]}"
        for netloc in (parts.netloc, other):
            address = parts._replace(netloc=netloc).geturl() + self._path + query
            yield address
            yield address + RETRIES


def _query(query: Mapping[str, str] | None) -> str:
    return "?" + urlencode(query, errors="replace") if query else ""
