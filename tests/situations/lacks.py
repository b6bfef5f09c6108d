"""What a platform does not have: the situations that are not played on a road, and the fact that keeps them off it."""

_PUSHED_ONLY = ("a_message_without_a_signature", "a_message_signed_by_somebody_else", "a_signature_of_other_words")
_FETCHED = "nobody calls us: we fetch over a connection of our own, and the door is shut (tests/test_forged.py)"
_NO_TIME = "what proves a call carries no time; that every event has an id guards against replay"
_LENIENT = "its formatting is signs within the text, which it never refuses"
_SECRETS = "its proof is a secret and not a signature: it says nothing about the words"

LACKS: dict[str, dict[str, str]] = {
    "telegram-webhook": {
        "a_waiting_message_deleted": "bots are not told of deletions",
        "a_kind_that_no_bot_reads": "every kind that Telegram has is read, if only by its name",
        "a_signature_of_other_words": _SECRETS,
        "a_message_of_ten_minutes_ago": _NO_TIME,
    },
    "telegram-polling": {
        "a_waiting_message_deleted": "bots are not told of deletions",
        "a_kind_that_no_bot_reads": "every kind that Telegram has is read, if only by its name",
        **dict.fromkeys((*_PUSHED_ONLY, "a_message_of_ten_minutes_ago", "a_message_replayed"), _FETCHED),
    },
    "slack-http": {
        "a_place": "people cannot send places",
        "an_address_card": "people cannot send address cards",
        "formatting_refused": _LENIENT,
    },
    "slack-socket": {
        "a_place": "people cannot send places",
        "an_address_card": "people cannot send address cards",
        "formatting_refused": _LENIENT,
        **dict.fromkeys((*_PUSHED_ONLY, "a_message_of_ten_minutes_ago", "a_message_replayed"), _FETCHED),
    },
    "whatsapp": {
        "several_pictures_at_once": "each picture of an album is a message of its own, with nothing that ties them",
        "formatting_refused": _LENIENT,
        "a_message_of_ten_minutes_ago": _NO_TIME,
    },
    "twilio": {
        "the_last_message_edited": "Twilio tells of no edits by people alone with us",
        "an_older_message_edited": "Twilio tells of no edits by people alone with us",
        "a_waiting_message_deleted": "Twilio tells of no deletions by people alone with us",
        "written_while_the_gateway_is_away": "it tries for 15 seconds and then lets go of the message",
        "formatting_refused": _LENIENT,
        "a_message_of_ten_minutes_ago": _NO_TIME,
    },
}
