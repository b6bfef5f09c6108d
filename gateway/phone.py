"""Phone numbers in their one form: E.164, `+15550100`, however a platform or a person writes them."""

from functools import lru_cache

LONGEST = 64  # characters that may still be a number with all its brackets and blanks


@lru_cache(maxsize=8192)
def e164(text: str) -> str:
    """`+1 555 0100` and `+1 (555) 01-00` as `+15550100`. What is no international number is given back as it is."""
    if not text.strip().startswith("+") or len(text) > LONGEST:
        return text
    # Its tables take a while to load, and only channels with numbers need them.
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, parse

    try:
        return format_number(parse(text.strip()), PhoneNumberFormat.E164)
    except NumberParseException:
        return text
