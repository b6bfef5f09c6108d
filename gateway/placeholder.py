"""What stands in the history for a message without words, so that no later turn breaks on an empty text."""

from gateway.message import Inbound


def placeholder(inbound: Inbound) -> str:
    """The text of a message; for a lone file or sticker its kind in brackets, such as `[photo]`."""
    if inbound.text.strip():
        return inbound.text
    if inbound.files:
        return " ".join(f"[{file.kind}: {file.name}]" if file.name else f"[{file.kind}]" for file in inbound.files)
    return f"[{inbound.extra.get('kind', 'empty message')}]"
