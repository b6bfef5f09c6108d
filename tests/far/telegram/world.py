"""Everything Telegram knows that is not about delivery: chats, messages, and what happens in them."""

import time
from collections.abc import Callable
from typing import Any

from tests.far.telegram.chats import GENERAL_TOPIC, Chat, Person
from tests.far.telegram.queue import Queue
from tests.far.telegram.refusal import bad_request, forbidden


class World:
    """Chats by id. In `lean` mode no message is remembered."""

    def __init__(self, bot: Person, queue: Queue, *, privacy: bool, lean: bool) -> None:
        self.bot, self._queue, self._privacy, self._lean = bot, queue, privacy, lean
        self.now: Callable[[], float] = time.time
        self.chats: dict[int, Chat] = {}
        self._reactions: dict[tuple[int, int, int], list[dict[str, Any]]] = {}
        self.presses: list[str] = []
        self.albums = 0

    def private(self, person: Person) -> Chat:
        chat = self.chats.get(person.id)
        if chat is None:
            chat = Chat(person.id, "private", username=person.username, first_name=person.first_name)
            self.chats[person.id] = chat
        return chat

    def group(self, number: int, title: str, kind: str, forum: bool) -> Chat:
        return self.chats.setdefault(number, Chat(number, kind, title, forum=forum))

    def post(
        self, chat: Chat, who: dict[str, Any], content: dict[str, Any], *, topic: int = 0, reply_to: int = 0
    ) -> int:
        """A message by somebody other than the bot; its id."""
        message = {
            "message_id": chat.number(),
            **who,
            "chat": chat.stamp(),
            "date": int(self.now()),
            **content,
        }
        if topic and topic != GENERAL_TOPIC:
            message |= {"message_thread_id": topic, "is_topic_message": True}
            if not reply_to and chat.type != "private":
                message["reply_to_message"] = self._opening(chat, topic)
        if reply_to:
            message["reply_to_message"] = self.quoted(chat, reply_to)
        self._remember(chat, message)
        if self._may_hear(chat, message):
            self._queue.push("message", chat.id, message)
        return int(message["message_id"])

    def edit(self, chat: Chat, number: int, text: str) -> None:
        message = chat.messages[number]
        message |= {"text": text, "edit_date": int(self.now())}
        message.pop("entities", None)
        self._queue.push("edited_message", chat.id, message)

    def press(self, chat: Chat, person: Person, number: int, data: str) -> None:
        self.presses.append(f"press{len(self.presses) + 1}")
        below = chat.messages.get(number) or {"message_id": number, "chat": chat.stamp(), "date": 0}
        press = {
            "id": self.presses[-1],
            "from": person.stamp(),
            "chat_instance": str(chat.id),
            "data": data,
        }
        self._queue.push("callback_query", chat.id, {**press, "message": below})

    def react(self, chat: Chat, person: Person, number: int, emoji: list[str]) -> None:
        key = chat.id, number, person.id
        old, new = self._reactions.get(key, []), [{"type": "emoji", "emoji": one} for one in emoji]
        self._reactions[key] = new
        change = {"chat": chat.stamp(), "message_id": number, "user": person.stamp(), "date": int(self.now())}
        self._queue.push("message_reaction", chat.id, {**change, "old_reaction": old, "new_reaction": new})

    def membership(self, chat: Chat, by: Person, old: str, new: str) -> None:
        def member(status: str) -> dict[str, Any]:
            return {"user": self.bot.stamp(), "status": status} | ({"until_date": 0} if status == "kicked" else {})

        change = {"chat": chat.stamp(), "from": by.stamp(), "date": int(self.now())}
        change |= {"old_chat_member": member(old), "new_chat_member": member(new)}
        self._queue.push("my_chat_member", chat.id, change)

    def migrate(self, old: Chat, by: Person, new_first: bool) -> Chat:
        """A group becomes a supergroup: a new id, told of in both chats."""
        new = Chat(-1_000_000_000_000 + old.id, "supergroup", old.title, forum=old.forum, topics=dict(old.topics))
        new.migrated_from, old.migrated_to = old.id, new.id
        self.chats[new.id] = new
        who = {"from": by.stamp()}
        moves = [(old, {"migrate_to_chat_id": new.id}), (new, {"migrate_from_chat_id": old.id})]
        for chat, content in reversed(moves) if new_first else moves:
            self.post(chat, who, content)
        return new

    def open_chat(self, number: int) -> Chat:
        """The chat that the bot may write to. Raises what Telegram answers when it may not."""
        chat = self.chats.get(number)
        if chat is None:
            raise bad_request("chat not found")
        if chat.migrated_to:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
        if chat.shut:
            raise forbidden(chat.shut)
        return chat

    def speak(self, chat: Chat, thread: int, content: dict[str, Any], reply_to: int = 0) -> dict[str, Any]:
        """A message by the bot, as the API's `Message`."""
        message = {
            "message_id": chat.number(),
            "from": self.bot.stamp(),
            "chat": chat.stamp(),
            "date": int(self.now()),
            **content,
        }
        if thread:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        if reply_to:
            message["reply_to_message"] = self.quoted(chat, reply_to)
        self._remember(chat, message)
        return message

    def quoted(self, chat: Chat, number: int) -> dict[str, Any]:
        """A message as it stands in an answer to it: without what it answered itself."""
        message = chat.messages.get(number)
        if message is None:
            raise bad_request("message to be replied not found")
        return {name: value for name, value in message.items() if name != "reply_to_message"}

    def check_thread(self, chat: Chat, thread: int) -> None:
        if thread and chat.type != "private" and thread not in chat.topics:
            raise bad_request("message thread not found")

    def _remember(self, chat: Chat, message: dict[str, Any]) -> None:
        if not self._lean:
            chat.messages[message["message_id"]] = message

    def _opening(self, chat: Chat, topic: int) -> dict[str, Any]:
        return {
            "message_id": topic,
            "from": self.bot.stamp(),  # the worst case: the bot opened the topic itself
            "chat": chat.stamp(),
            "date": int(self.now()),
            "message_thread_id": topic,
            "is_topic_message": True,
            "forum_topic_created": {"name": chat.topics.get(topic, "topic"), "icon_color": 7322096},
        }

    def _may_hear(self, chat: Chat, message: dict[str, Any]) -> bool:
        """In privacy mode: commands, mentions of the bot, answers to it, and service messages."""
        if not self._privacy or chat.type == "private" or "text" not in message:
            return True
        answered = message.get("reply_to_message", {})
        if answered.get("from", {}).get("id") == self.bot.id and "forum_topic_created" not in answered:
            return True
        marks = {mark["type"] for mark in message.get("entities", ())}
        return "bot_command" in marks or f"@{self.bot.username}".lower() in message["text"].lower()
