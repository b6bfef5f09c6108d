"""What the gateway itself says to users: every text by its id, in English or in the operator's words.

A text may hold placeholders such as `{limit}`; `{{` stands for a brace. "" means: say nothing.
"""

import re
from collections.abc import Mapping

Own = Mapping[str, Mapping[str, str]]
"""The operator's words: language -> id -> text."""

TEXTS: Mapping[str, str] = {
    "start": "Hello! Send a message to begin.",
    "help": "Commands:\n{commands}",
    "status": "Session {session}, bot {bot}: {state} since {started}, {messages} messages, {waiting} waiting.",
    "whoami": "You are {name} ({id}).",
    "history_empty": "Nothing has been said in this conversation yet.",
    "reset_done": "Conversation reset.",
    "confirm_reset": "This ends the conversation for everybody here. Answer {yes} within a minute to go on.",
    "confirm_forget": "This deletes everything that is known of you here, for good. "
    "Send /forget {yes} within five minutes to go on.",
    "forgotten": "Deleted: {counts}.",
    "yes": "yes",
    "stopped": "Stopped.",
    "nothing_to_stop": "There is nothing to stop.",
    "ended": "Conversation ended.",
    "unknown_command": "Unknown command: {command}. Try /help.",
    "not_allowed": "You are not allowed to do that.",
    "not_checked": "Whether you may do that could not be checked just now. Please try again.",
    "slow_down": "You are sending messages too quickly. Please wait a moment.",
    "too_many": "Too many messages are waiting. Please wait for an answer before sending more.",
    "failed": "Something went wrong. Please try again.",
    "bot_away": "There is a problem on our side at the moment. Your message is kept and will be answered.",
    "late": "Sorry for the late answer.",
    "too_late": "That choice is no longer available.",
    "unsupported": "Sorry, this kind of message is not supported.",
    "file_too_large": "The file is too large: at most {limit} can be sent.",
    "file_refused": "This kind of file is not accepted.",
    "voice_heard": "I heard: {text}",
    "voice_failed": "Sorry, I could not understand the voice message. Please write instead.",
    "menu_reset": "Start a new conversation",
    "menu_start": "Begin",
    "menu_help": "Show all commands",
    "menu_status": "How this conversation stands",
    "menu_stop": "Stop the answer being written",
    "menu_end": "End the conversation",
    "menu_history": "Show what was said",
    "menu_whoami": "Show who I am to the bot",
    "menu_forget": "Delete all that is known of me",
    "disabled": "",
    "group_welcome": "",
}
"""Every id with its English text."""

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z_]+)\}|(\{)")


def placeholders(text: str) -> set[str]:
    """Names of the placeholders in a text; a stray brace counts as one without a name."""
    return {found[1] or "" for found in _PLACEHOLDER.finditer(text) if found[1] or found[2]}


def fault(id: str, text: str) -> str:
    """What is wrong with the operator's words for an id, or "" when they will do."""
    needed, there = placeholders(TEXTS[id]), placeholders(text)
    if odd := sorted(there - needed):
        known = ", ".join(f"{{{name}}}" for name in sorted(needed)) or "none"
        return f"unknown placeholder {{{odd[0]}}} (there are: {known}; a literal brace is written {{{{)"
    if text and (missing := sorted(needed - there)):
        return f"the placeholder {{{missing[0]}}} is missing"
    return ""


def text(id: str, language: str = "en", own: Own | None = None, /, **values: object) -> str:
    """The words for an id, in the operator's version where there is one: of that language, else in English.

    `values` fill the placeholders. Raises `KeyError` for an unknown id, and for a value that is missing.
    """
    words = TEXTS[id]
    for tongue in (language, language.partition("-")[0], "en"):
        if own and id in own.get(tongue, {}):
            words = own[tongue][id]
            break

    def fill(found: re.Match[str]) -> str:
        return str(values[found[1]]) if found[1] else found[0][0]

    return _PLACEHOLDER.sub(fill, words)
