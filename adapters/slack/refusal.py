"""Slack's own "no", as one of the three errors an adapter may raise.

Slack answers 200 with `{"ok": false, "error": "a_word"}`; only the rate limit and proxies use HTTP's codes.
"""

from gateway.errors import Refused, RefusedReason, Retry, SendError, Unknown

_AUTH = {
    *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"),
    *("org_login_required", "team_access_not_granted", "ekm_access_denied", "app_uninstalled", "invalid_token"),
}
_GONE = {
    *("channel_not_found", "is_archived", "user_not_found", "user_disabled", "thread_not_found", "users_not_found"),
}
_BLOCKED = {
    *("not_in_channel", "user_not_in_channel", "restricted_action", "restricted_action_read_only_channel"),
    *("restricted_action_thread_only_channel", "restricted_action_thread_locked", "cannot_dm_bot"),
    *("messages_tab_disabled", "cannot_reply_to_message", "not_in_channel_or_dm", "access_denied"),
}
_TOO_LONG = {"msg_too_long", "msg_blocks_too_long", "markdown_text_too_long"}
_LATER = {"service_unavailable", "request_timeout", "team_added_to_org", "accesslimited"}
# Of these Slack says itself that the operation may have come through before the error.
_DOUBTFUL = {"internal_error", "fatal_error"}
_THROTTLED = {"ratelimited", "rate_limited", "message_limit_exceeded"}


def refusal(method: str, error: str, needed: str = "", after: float | None = None) -> SendError:
    """What a refused call means: try later, or never as it is. `needed` is the scope that the token lacks."""
    detail = f"{method}: {error or 'refused without a word'}"
    if error in _THROTTLED:
        return Retry(detail, after=after)
    if error in _LATER:
        return Retry(detail)
    if error in _DOUBTFUL or error.startswith("duplicate_"):
        return Unknown(detail)
    if error == "missing_scope":
        # Without its right to speak the bot is dumb; any other that is missing costs only what needs it.
        reason: RefusedReason = "auth" if method == "chat.postMessage" else "unsupported"
        return Refused(reason, f"{detail}: give the app the scope {needed or '?'} and install it again")
    return Refused(_reason(error), detail)


def _reason(error: str) -> RefusedReason:
    for words, reason in _REASONS:
        if error in words:
            return reason
    return "rejected"


_REASONS: tuple[tuple[set[str], RefusedReason], ...] = (
    (_AUTH, "auth"),
    (_GONE, "gone"),
    (_BLOCKED, "blocked"),
    (_TOO_LONG, "too_long"),
)


def wait(header: str | None) -> float | None:
    """The seconds of a `Retry-After`, None when it has none that make sense."""
    if header and header.isascii() and header.isdecimal() and len(header) < 7:
        return float(header)
    return None
