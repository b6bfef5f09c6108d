"""Being called by Slack: knowing its calls from anybody else's, and saying 200 once they are on disk."""

import hashlib
import hmac
from urllib.parse import parse_qsl

import orjson

from adapters.slack.entrance import Entrance
from adapters.slack.intake import Found, Intake, parse
from gateway.adapter import Call, Gate, Reply
from gateway.errors import StorageDown

_SKEW = 300  # seconds that a call may be old, or ahead of our clock
_FIELDS = 100
_LATER = Reply(503, headers={"retry-after": "2"})


class Webhook:
    """One channel's: events, slash commands and presses all come to the same address."""

    def __init__(self, gate: Gate, intake: Intake, entrance: Entrance, secret: str) -> None:
        self._gate, self._intake, self._entrance, self._secret = gate, intake, entrance, secret.encode()

    def authentic(self, call: Call) -> bool:
        """Whether Slack signed just these bytes, and lately. Compared as bytes: a header may hold anything."""
        stamp = call.headers.get("x-slack-request-timestamp", "")
        if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
            return False
        signed = b"v0:" + stamp.encode() + b":" + call.body
        wanted = b"v0=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest().encode()
        given = call.headers.get("x-slack-signature", "").encode("ascii", "replace")
        fresh = abs(self._gate.now() // 1000 - int(stamp)) <= _SKEW
        return hmac.compare_digest(given, wanted) and fresh

    async def handle(self, call: Call) -> Reply:
        """The answer to any call at all. Slack calls again after anything but 200, so what nobody wants is 200 too."""
        if not self.authentic(call):
            return Reply(401)
        if call.method != "POST":
            return Reply(405, headers={"allow": "POST"})
        data = parse(call.body)
        if data is not None and data.get("type") == "url_verification":
            challenge = data.get("challenge")
            return Reply(200, orjson.dumps({"challenge": challenge if isinstance(challenge, str) else ""}))
        if not self._entrance.known:  # called while we start
            return _LATER
        found = await (self._form(call.body) if data is None else self._intake.event(data))
        if found is None:
            return Reply(400)
        try:
            await self._intake.take([(found, call.body)])
        except StorageDown:
            return _LATER
        self._gate.heard()
        return Reply(200)

    async def _form(self, body: bytes) -> Found | None:
        """A slash command or a press; nothing when it is no form of Slack's."""
        try:
            form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS))
        except ValueError:
            return None
        if "payload" in form:
            data = parse(form["payload"].encode("utf-8", "replace"))
            return await self._intake.interactive(data) if data is not None else None
        if "command" in form:
            return await self._intake.slash(form)
        return None
