"""The methods of the Bot API. Each takes a call's arguments and gives its result, or raises a `Refusal`."""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.far.telegram import entities, keyboards
from tests.far.telegram.chats import Chat
from tests.far.telegram.media import Media
from tests.far.telegram.params import Params
from tests.far.telegram.refusal import bad_request

if TYPE_CHECKING:
    from tests.far.telegram.server import TelegramServer

_ACTIONS = {"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice"} | {
    *("upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note"),
}
_TEXT = 4096
Method = Callable[[Params], Awaitable[Any]]


class Methods:
    """What the server can do for a bot; looked up without regard to case."""

    def __init__(self, server: "TelegramServer") -> None:
        self._server, self._world = server, server.world
        self._table: dict[str, Method] = {
            "getme": self.get_me,
            "setwebhook": self.set_webhook,
            "deletewebhook": self.delete_webhook,
            "getwebhookinfo": self.get_webhook_info,
            "sendmessage": self.send_message,
            "editmessagetext": self.edit_message_text,
            "deletemessage": self.delete_message,
            "sendchataction": self.send_chat_action,
            "sendmessagedraft": self.send_message_draft,
            "leavechat": self.leave_chat,
            "getchatmember": self.get_chat_member,
            "getfile": self.get_file,
            **server.touches.table,
            **Media(server, self).table,
        }

    def find(self, name: str) -> Method | None:
        return self._table.get(name.lower())

    async def get_me(self, asked: Params) -> Any:
        return {
            **self._world.bot.stamp(),
            "can_join_groups": True,
            "can_read_all_group_messages": not self._server.privacy,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    async def set_webhook(self, asked: Params) -> Any:
        url, secret = asked.text("url"), asked.text("secret_token")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise bad_request("secret token contains unallowed characters")
        if not url:
            return await self.delete_webhook(asked)
        self._allow(asked)
        if asked.flag("drop_pending_updates"):
            self._server.queue.drop()
        self._server.queue.interrupt("terminated by setWebhook request")
        await self._server.pusher.start(url, secret)
        return True

    async def delete_webhook(self, asked: Params) -> Any:
        if asked.flag("drop_pending_updates"):
            self._server.queue.drop()
        await self._server.pusher.stop()
        return True

    async def get_webhook_info(self, asked: Params) -> Any:
        pusher, queue = self._server.pusher, self._server.queue
        found: dict[str, Any] = {
            "url": pusher.url,
            "has_custom_certificate": False,
            "pending_update_count": len(queue.pending),
        }
        if pusher.url:
            found["max_connections"] = 40
        if pusher.last_error:
            found |= {"last_error_date": pusher.last_error_date, "last_error_message": pusher.last_error}
        if queue.allowed is not None:
            found["allowed_updates"] = sorted(queue.allowed)
        return found

    async def get_updates(self, asked: Params) -> bytes:
        """The only method whose answer is made elsewhere: it may be long, and it may be late."""
        self._allow(asked)
        limit, timeout = asked.number("limit", 100), asked.number("timeout")
        return await self._server.queue.poll(asked.number("offset"), max(1, min(100, limit)), max(0, min(50, timeout)))

    def _allow(self, asked: Params) -> None:
        allowed = asked.data("allowed_updates", list)
        if allowed is not None:
            self._server.queue.allowed = set(allowed) or None

    async def send_message(self, asked: Params) -> Any:
        content = self._words(asked)
        return self.post(asked, content, content["text"])

    def post(self, asked: Params, content: dict[str, Any], text: str) -> dict[str, Any]:
        """A message of any content, where and how a call wants it."""
        chat, thread = self._target(asked)
        reply_to = self._reply_to(asked, chat)
        if (markup := asked.data("reply_markup", dict)) is not None:
            keyboards.check(markup)
            content = {**content, "reply_markup": markup}
        self._server.pace.check(chat.id)
        message = self._world.speak(chat, thread, content, reply_to)
        self._server.accepted(chat.id, message["message_id"], text, asked.given)
        return message

    async def edit_message_text(self, asked: Params) -> Any:
        chat = self._world.open_chat(asked.number("chat_id"))
        message = chat.messages.get(asked.number("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        if message["from"]["id"] != self._world.bot.id:
            raise bad_request("message can't be edited")
        content = self._words(asked)
        if not asked.given.get("reply_markup") and content == {
            name: message[name] for name in ("text", "entities") if name in message
        }:
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly "
                "the same as a current content and reply markup of the message"
            )
        self._server.pace.check(chat.id)
        markup = asked.data("reply_markup", dict)
        if markup is not None:
            keyboards.check(markup)
        for name in ("entities", "reply_markup"):  # an edit without buttons takes them away
            message.pop(name, None)
        message |= {**content, "edit_date": int(self._world.now())}
        if markup is not None:
            message["reply_markup"] = markup
        return message

    async def delete_message(self, asked: Params) -> Any:
        chat = self._world.open_chat(asked.number("chat_id"))
        message = chat.messages.get(asked.number("message_id"))
        if message is None:
            raise bad_request("message to delete not found")
        if message["from"]["id"] != self._world.bot.id or message["date"] < self._world.now() - 48 * 3600:
            raise bad_request("message can't be deleted")
        self._server.pace.check(chat.id)
        del chat.messages[message["message_id"]]
        return True

    async def send_chat_action(self, asked: Params) -> Any:
        chat, _ = self._target(asked)
        if asked.text("action") not in _ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._server.actions.append((chat.id, asked.text("action")))
        return True

    async def send_message_draft(self, asked: Params) -> Any:
        chat, thread = self._target(asked)
        if chat.type != "private":
            raise bad_request("chat must be a private chat")
        if not asked.number("draft_id"):
            raise bad_request("draft_id must be non-zero")
        text, marks = asked.text("text"), asked.data("entities", list) or []
        if entities.units(text) > _TEXT:
            raise bad_request("message is too long")
        entities.check(text, marks)
        self._server.drafts.append((chat.id, thread, asked.number("draft_id"), text, marks))
        return True

    async def leave_chat(self, asked: Params) -> Any:
        chat = self._world.open_chat(asked.number("chat_id"))
        if chat.type == "private":
            raise bad_request("chat is not a group")
        chat.shut = f"bot is not a member of the {chat.type} chat"
        self._world.membership(chat, self._world.bot, "member", "left")
        return True

    async def get_chat_member(self, asked: Params) -> Any:
        chat = self._world.open_chat(asked.number("chat_id"))
        person = self._server.people.get(asked.number("user_id"))
        if person is None:
            raise bad_request("user not found")
        status = self._server.admins.get((chat.id, person.id), "member")
        return {"status": status, "user": person.stamp()} | ({"is_anonymous": False} if status == "creator" else {})

    async def get_file(self, asked: Params) -> Any:
        number = asked.text("file_id")
        content = self._server.files.get(number)
        if content is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        if len(content) > 20 << 20:
            raise bad_request("file is too big")
        found = {"file_id": number, "file_unique_id": f"u{number}", "file_size": len(content)}
        return {**found, "file_path": f"documents/{number}"}

    def _target(self, asked: Params) -> tuple[Chat, int]:
        chat = self._world.open_chat(asked.number("chat_id"))
        thread = asked.number("message_thread_id")
        self._world.check_thread(chat, thread)
        return chat, thread

    def _words(self, asked: Params) -> dict[str, Any]:
        text, marks = asked.text("text"), asked.data("entities", list) or []
        if asked.given.get("parse_mode"):
            raise bad_request("unsupported parse_mode")  # no parser here: bots under test send entities
        if not text.strip():
            raise bad_request("message text is empty")
        if entities.units(text) > _TEXT:
            raise bad_request("message is too long")
        entities.check(text, marks)
        return {"text": text, "entities": marks} if marks else {"text": text}

    def _reply_to(self, asked: Params, chat: Chat) -> int:
        wish = asked.data("reply_parameters", dict)
        if wish is None:
            return 0
        number = Params(wish).number("message_id")
        if number in chat.messages:
            return number
        if Params(wish).flag("allow_sending_without_reply"):
            return 0
        raise bad_request("message to be replied not found")
