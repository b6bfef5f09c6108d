"""What Slack takes for blocks, of those kinds that bots under test send."""

from typing import Any

from tests.far.slack.refusal import Refusal


def check(blocks: Any) -> None:
    """Raises the refusal that wrong blocks earn."""
    if not isinstance(blocks, list) or len(blocks) > 50:
        raise Refusal("invalid_blocks")
    seen: set[str] = set()
    for block in blocks:
        match block:
            case {"type": "section", "text": {"type": "mrkdwn", "text": str(text)}} if 0 < len(text) <= 3000:
                pass
            case {"type": "actions", "elements": [_, *_] as elements} if len(elements) <= 25:
                for element in elements:
                    _button(element, seen)
            case _:
                raise Refusal("invalid_blocks")


def _button(element: Any, seen: set[str]) -> None:
    match element:
        case {"type": "button", "text": {"type": "plain_text", "text": str(label)}, "action_id": str(name)}:
            value, url = element.get("value", ""), element.get("url", "")
            fits = 0 < len(label) <= 75 and len(value) <= 2000 and len(url) <= 3000 and len(name) <= 255
            web = not url or url.startswith(("http://", "https://", "mailto:"))
            if not fits or not web or name in seen:
                raise Refusal("invalid_blocks")
            seen.add(name)
        case _:
            raise Refusal("invalid_blocks")
