"""Whether a group message is meant for this bot, and its text without the bot's own name around it."""

from collections.abc import Sequence

from adapters.telegram.wire import Entity, Message


def units(text: str) -> int:
    """Length as Telegram counts it, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, start: int, end: int) -> str:
    """A stretch of text by UTF-16 units; half an emoji at a border is left out. Any numbers will do."""
    if start < 0 or end <= start:
        return ""
    if text.isascii():
        return text[start:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "ignore")


class Ear:
    """Knows one bot by its id and, once `username` is set, by its name."""

    def __init__(self, account: str) -> None:
        self._id = int(account)
        self.username = ""

    def hears(self, message: Message, text: str, entities: Sequence[Entity]) -> bool:
        """A mention, an answer to us, or a command that is not another bot's."""
        called = self._called(text, entities)
        if called is not None:
            return called
        return self._answers_us(message) or any(self._names_us(text, entity) for entity in entities)

    def names_another(self, text: str, entities: Sequence[Entity]) -> bool:
        """A command for another bot: `/help@other`."""
        return self._called(text, entities) is False

    def strip(self, text: str, entities: Sequence[Entity]) -> str:
        """The text without our name at its start or end. Our name alone stays: no text becomes empty."""
        bare = text
        for entity in reversed(entities):
            end = entity.offset + entity.length
            if not self._names_us(text, entity):
                continue
            if end == units(bare.rstrip()):
                bare = cut(bare, 0, entity.offset).rstrip()
            elif entity.offset == 0:
                bare = cut(bare, end, units(bare)).lstrip(" \t\r\n,:")
        return bare or text

    def _called(self, text: str, entities: Sequence[Entity]) -> bool | None:
        """Nothing when the text does not begin with a command."""
        command = next((entity for entity in entities if entity.type == "bot_command" and entity.offset == 0), None)
        if command is None:
            return None
        _, at, target = cut(text, 0, command.length).partition("@")
        return not at or target.lower() == self.username.lower()

    def _names_us(self, text: str, entity: Entity) -> bool:
        if entity.type == "mention":
            name = cut(text, entity.offset, entity.offset + entity.length)
            return bool(self.username) and name.lower() == f"@{self.username.lower()}"
        return entity.type == "text_mention" and entity.user is not None and entity.user.id == self._id

    def _answers_us(self, message: Message) -> bool:
        answered = message.reply_to_message
        return (
            answered is not None
            # in a topic, what answers nothing "answers" the service message that opened the topic
            and answered.forum_topic_created is None
            and answered.user is not None
            and answered.user.id == self._id
        )
