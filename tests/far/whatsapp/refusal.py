"""The Graph API's "no"."""

from typing import Any

# HTTP status and sentence of the codes that are asked for most.
SENTENCES: dict[int, tuple[int, str]] = {
    2: (500, "Service temporarily unavailable"),
    4: (400, "Application request limit reached"),
    10: (403, "Application does not have permission for this action"),
    100: (400, "Invalid parameter"),
    190: (401, "Invalid OAuth access token - Cannot parse access token"),
    368: (403, "Temporarily blocked for policies violations"),
    130429: (429, "Rate limit hit"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Business Account locked"),
    131041: (400, "Group is unknown"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "User has stopped receiving marketing messages"),
    131051: (400, "Unsupported message type"),
    131053: (400, "Media upload error"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Business Account is in maintenance mode"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
}


class Refusal(Exception):
    """An `error` with its code and the HTTP status that goes with it."""

    def __init__(self, code: int, details: str = "", *, status: int = 0, retry_after: int = 0) -> None:
        super().__init__(details)
        known, self.sentence = SENTENCES.get(code, (400, "Something nobody has heard of"))
        self.code, self.details, self.status, self.retry_after = code, details, status or known, retry_after

    def answer(self) -> dict[str, Any]:
        error: dict[str, Any] = {
            "message": f"(#{self.code}) {self.sentence}",
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": "AbCdEfGhIjKlMnOpQrStUvWxYz0",
        }
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        return {"error": error}

    def reported(self) -> dict[str, Any]:
        """As it stands in the report of a failed message."""
        data = {"details": self.details or self.sentence}
        return {"code": self.code, "title": self.sentence, "message": self.sentence, "error_data": data}


def bad(details: str) -> Refusal:
    return Refusal(100, details)
