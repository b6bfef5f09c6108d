"""Being called by Meta: the handshake, and knowing its calls from anybody else's."""

import hashlib
import hmac

from gateway.adapter import Call, Reply

_HEADER = "x-hub-signature-256"


class Webhook:
    """One app's webhook. Signatures carry no time: that every event has an id is what guards against replay."""

    def __init__(self, app_secret: str, verify_token: str) -> None:
        self._secret, self._word = app_secret.encode(), verify_token.encode()

    def authentic(self, call: Call) -> bool:
        """Whether the very bytes of the body are signed with the app's secret."""
        expected = b"sha256=" + hmac.new(self._secret, call.body, hashlib.sha256).hexdigest().encode()
        given = call.headers.get(_HEADER, "").encode("ascii", "replace")
        return hmac.compare_digest(given, expected)

    def shake(self, call: Call) -> Reply:
        """Meta asks whether this is us, once when the callback URL is set."""
        given = call.query.get("hub.verify_token", "").encode("utf-8", "replace")
        challenge = call.query.get("hub.challenge", "")
        if call.query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given, self._word):
            return Reply(403)
        return Reply(200, challenge.encode("utf-8", "replace")[:1024], "text/plain")
