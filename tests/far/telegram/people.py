"""People who write to the bot: what they do becomes updates."""

from typing import TYPE_CHECKING, Any

from tests.far.telegram import entities, keyboards
from tests.far.telegram.chats import Chat, Person

if TYPE_CHECKING:
    from tests.far.telegram.world import World


def photo(number: str) -> list[dict[str, Any]]:
    """The sizes of a photo, the smallest first."""
    sizes = ((90, 60, "s"), (320, 240, ""))
    return [
        {"file_id": f"{number}{small}", "file_unique_id": f"u{number}{small}", "width": width, "height": height}
        for width, height, small in sizes
    ]


class User:
    """A person with a hand on the keyboard. Without a `chat` they write to the bot in private."""

    def __init__(self, world: "World", person: Person) -> None:
        self._world, self.person = world, person

    @property
    def id(self) -> int:
        return self.person.id

    def says(
        self,
        text: str,
        chat: "Group | None" = None,
        *,
        topic: int = 0,
        reply_to: int = 0,
        **fields: Any,
    ) -> int:
        """Write a message; its id. `fields` are more of the API's `Message` fields, or replace ours."""
        marks = entities.found(text)
        return self.posts(
            {"text": text, **({"entities": marks} if marks else {}), **fields},
            chat,
            topic=topic,
            reply_to=reply_to,
        )

    def posts(self, content: dict[str, Any], chat: "Group | None" = None, *, topic: int = 0, reply_to: int = 0) -> int:
        """Post any content, as `{"photo": [...], "caption": "look"}`."""
        place = chat.chat if chat else self._world.private(self.person)
        who = {"from": self.person.stamp()}
        return self._world.post(place, who, content, topic=topic, reply_to=reply_to)

    def sends_photos(self, *numbers: str, caption: str = "", chat: "Group | None" = None, **fields: Any) -> list[int]:
        """One photo, or several as an album whose first one bears the caption; their message ids."""
        self._world.albums += 1
        together = {"media_group_id": f"album{self._world.albums}"} if len(numbers) > 1 else {}
        said = [{"caption": caption} if caption and not at else {} for at in range(len(numbers))]
        return [
            self.posts({"photo": photo(number), **together, **words, **fields}, chat)
            for number, words in zip(numbers, said, strict=True)
        ]

    def edits(self, message: int, text: str, chat: "Group | None" = None) -> None:
        place = chat.chat if chat else self._world.private(self.person)
        self._world.edit(place, message, text)

    def presses(self, message: int, data: str, chat: "Group | None" = None) -> None:
        """Press a button below a message of the bot's."""
        place = chat.chat if chat else self._world.private(self.person)
        self._world.press(place, self.person, message, data)

    def taps(self, message: int, label: str, chat: "Group | None" = None) -> None:
        """Press the button with this label, as it stands below a message of the bot's."""
        place = chat.chat if chat else self._world.private(self.person)
        keys = keyboards.buttons(place.messages[message])
        self.presses(message, next(key["callback_data"] for key in keys if key["text"] == label), chat)

    def reacts(self, message: int, *emoji: str, chat: "Group | None" = None) -> None:
        """From now on these are this person's reactions to a message; none takes them back."""
        place = chat.chat if chat else self._world.private(self.person)
        self._world.react(place, self.person, message, list(emoji))

    def blocks(self) -> None:
        chat = self._world.private(self.person)
        chat.shut = "bot was blocked by the user"
        self._world.membership(chat, self.person, "member", "kicked")

    def unblocks(self) -> None:
        chat = self._world.private(self.person)
        chat.shut = ""
        self._world.membership(chat, self.person, "kicked", "member")


class Group:
    """A group that the bot is in."""

    def __init__(self, world: "World", chat: Chat) -> None:
        self._world, self.chat = world, chat

    @property
    def id(self) -> int:
        return self.chat.id

    def topic(self, name: str) -> int:
        """Open a topic in a forum; its thread id, which is that of the message that opens it."""
        thread = self.chat.number()
        self.chat.topics[thread] = name
        return thread

    def admin_says(self, text: str, signature: str = "") -> int:
        """An anonymous admin writes in the group's name."""
        stand_in = Person(1087968824, "Group", "GroupAnonymousBot", is_bot=True)
        return self._as_chat(stand_in, self.chat, text, **({"author_signature": signature} if signature else {}))

    def channel_says(self, text: str, channel: int, title: str) -> int:
        """The linked channel's post arrives in the group."""
        stand_in = Person(777000, "Telegram", language_code="")
        posting = Chat(channel, "channel", title)
        return self._as_chat(stand_in, posting, text, is_automatic_forward=True)

    def _as_chat(self, stand_in: Person, chat: Chat, text: str, **fields: Any) -> int:
        who = {"from": stand_in.stamp(), "sender_chat": chat.stamp()}
        marks = entities.found(text)
        content = {"text": text, **({"entities": marks} if marks else {}), **fields}
        return self._world.post(self.chat, who, content)

    def service(self, who: User, **content: Any) -> int:
        """A service message, as `new_chat_title="News"`."""
        return self._world.post(self.chat, {"from": who.person.stamp()}, content)

    def adds_bot(self, by: User) -> None:
        self.chat.shut = ""
        self._world.membership(self.chat, by.person, "left", "member")

    def removes_bot(self, by: User) -> None:
        self.chat.shut = f"bot was kicked from the {self.chat.type} chat"
        self._world.membership(self.chat, by.person, "member", "kicked")
