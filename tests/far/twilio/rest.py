"""The REST API's resources. Each takes a call's arguments and gives its result, or raises a `Refusal`."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import orjson

from tests.far.twilio.caller import Many
from tests.far.twilio.faults import Refusal

if TYPE_CHECKING:
    from tests.far.twilio.server import Letter, TwilioServer

LONGEST = 1600
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


class Asked(NamedTuple):
    """One call: the pieces of its path that are ids, and its arguments."""

    ids: dict[str, str]
    form: Many
    json: Any
    content: bytes = b""
    type: str = ""

    def first(self, name: str) -> str:
        values = self.form.get(name)
        return values[0] if values else ""


class Said(NamedTuple):
    """What people read of a message, and the choices below it: what stands on each, and what a press says."""

    body: str
    choices: tuple[tuple[str, str], ...] = ()


class Rest:
    """What the account can do."""

    def __init__(self, server: "TwilioServer") -> None:
        self._server = server

    async def account(self, asked: Asked) -> Any:
        return {"sid": self._server.account, "status": self._server.status, "friendly_name": "Far"}

    async def messages(self, asked: Asked) -> Any:
        """Create a message. What is wrong with its recipient Twilio often finds out only later."""
        to, sender = asked.first("To"), asked.first("From")
        kind = _kind(to)
        if not to:
            raise Refusal(400, 21604, "A 'To' phone number is required.")
        if sender not in self._server.webhooks:
            raise Refusal(400, 63007 if ":" in sender else 21606)
        if kind != _kind(sender):
            raise Refusal(400, 21910)
        if kind != "messenger" and not _NUMBER.fullmatch(to.rpartition(":")[2]):
            raise Refusal(400, 21211)
        person = self._server.people.get(to)
        if person is not None and person.stopped:
            raise Refusal(400, 21610)
        said, media = self._words(asked), asked.form.get("MediaUrl", [])
        if len(media) > (1 if kind else 10):
            raise Refusal(400, 21623, "Number of media files exceeds allowed limit")
        contents = [await self._server.fetch(url) for url in media]
        closed = kind == "whatsapp" and (person is None or not person.window)
        error = 63016 if closed and not asked.first("ContentSid") else 0
        return self._server.take(asked, said, contents, error)

    def _words(self, asked: Asked) -> Said:
        """What people read: the body, or the template with its variables in place."""
        body, template = asked.first("Body"), asked.first("ContentSid")
        if template:
            return self._filled(template, asked.first("ContentVariables"))
        if not body.strip() and not asked.form.get("MediaUrl"):
            raise Refusal(400, 21602)
        if _units(body) > LONGEST:
            raise Refusal(400, 21617)
        return Said(body)

    def _filled(self, template: str, given: str) -> Said:
        content = self._server.contents.get(template)
        if content is None:
            raise Refusal(400, 21655)
        try:
            words = orjson.loads(given or "{}")
        except orjson.JSONDecodeError:
            raise Refusal(400, 21656) from None
        if not isinstance(words, dict) or not all(isinstance(word, str) and word for word in words.values()):
            raise Refusal(400, 21656)
        if any(re.search(r"[\n\t]| {5}", word) for word in words.values()):
            raise Refusal(400, 21656)
        if any(_units(word) > LONGEST for word in words.values()):
            raise Refusal(400, 21658, "Parameter exceeded character limit")

        def fill(text: str) -> str:
            return re.sub(r"\{\{(\w+)\}\}", lambda found: words.get(found[1], found[0]), text)

        (held,) = content["types"].values()
        choices = [*held.get("actions", ()), *held.get("items", ())]
        shown = tuple((fill(one.get("title") or one["item"]), fill(one["id"])) for one in choices)
        most, longest = (3, 20) if held.get("actions") else (10, 24)
        if len(shown) > most or any(len(title) > longest or len(value) > 200 for title, value in shown):
            raise Refusal(400, 21656, "a choice is too long, or one too many")
        if choices and _units(fill(held["body"])) > 1024:
            raise Refusal(400, 21656, "the body is too long")
        return Said(fill(held["body"]), shown)

    async def list_messages(self, asked: Asked) -> Any:
        """Messages between two, or all to one sender since a time; the newest first."""
        if not asked.first("From"):
            return self._list_to(asked)
        them = self._server.people.get(asked.first("From"))
        found = self._server.inbound.get(them.address, []) if them and them.sender == asked.first("To") else []
        page = int(asked.first("PageSize") or 50)
        return {"messages": [{"sid": sid, "direction": "inbound"} for sid in reversed(found)][:page]}

    def _list_to(self, asked: Asked) -> Any:
        server, since = self._server, asked.first("DateSent>")
        after = datetime.strptime(since, "%Y-%m-%dT%H:%M:%S%z").timestamp() if since else 0
        found = [one for one in server.letters if one.fields["To"] == asked.first("To") and one.at >= after]
        first, most = int(asked.first("Page") or 0), min(int(asked.first("PageSize") or 50), server.page)
        rest = len(found) > (first + 1) * most
        query = urlencode({"To": asked.first("To"), "DateSent>": since, "PageSize": most, "Page": first + 1})
        path = f"/2010-04-01/Accounts/{server.account}/Messages.json"
        shown = [_listed(one) for one in reversed(found)][first * most : (first + 1) * most]
        return {"messages": shown, "next_page_uri": f"{path}?{query}" if rest else None}

    async def list_media(self, asked: Asked) -> Any:
        """The files of a message."""
        letter = next((one for one in self._server.letters if one.sid == asked.ids["message"]), None)
        if letter is None:
            raise Refusal(404, 20404)
        count = int(letter.fields["NumMedia"])
        urls = [urlsplit(letter.fields[f"MediaUrl{number}"]).path for number in range(count)]
        types = [letter.fields[f"MediaContentType{number}"] for number in range(count)]
        return {
            "media_list": [{"uri": f"{uri}.json", "content_type": type} for uri, type in zip(urls, types, strict=True)]
        }

    async def numbers(self, asked: Asked) -> Any:
        wanted = asked.first("PhoneNumber")
        found = [one for one in self._server.numbers.values() if wanted in ("", one["phone_number"])]
        return {"incoming_phone_numbers": found}

    async def number(self, asked: Asked) -> Any:
        held = self._server.numbers.get(asked.ids["sid"])
        if held is None:
            raise Refusal(404, 20404)
        held |= {"sms_url": asked.first("SmsUrl"), "sms_method": asked.first("SmsMethod")}
        self._server.webhooks[held["phone_number"]] = held["sms_url"]
        return held

    async def senders(self, asked: Asked) -> Any:
        if asked.first("Channel") != "whatsapp":
            raise Refusal(400, 20001, "Channel is required")
        return {"senders": list(self._server.senders.values()), "meta": {}}

    async def sender(self, asked: Asked) -> Any:
        held = self._server.senders.get(asked.ids["sid"])
        if held is None:
            raise Refusal(404, 20404)
        held["webhook"] = asked.json["webhook"]
        self._server.webhooks[held["sender_id"]] = held["webhook"].get("callback_url") or ""
        return held

    async def typing(self, asked: Asked) -> Any:
        sid = asked.first("messageId")
        if asked.first("channel") != "whatsapp" or not any(sid in sids for sids in self._server.inbound.values()):
            raise Refusal(400, 20001, "messageId must be of a message that came in")
        self._server.typed.append(sid)
        return {"success": True}

    async def content(self, asked: Asked) -> Any:
        types = asked.json.get("types") or {}
        if set(types) - {"twilio/quick-reply", "twilio/list-picker", "twilio/text"} or len(types) != 1:
            raise Refusal(400, 20001, "types is invalid")
        sid = self._server.number("HX")
        self._server.contents[sid] = asked.json
        return {"sid": sid, **asked.json}

    async def say(self, asked: Asked) -> Any:
        """Add a line to a conversation."""
        conversation = self._server.conversations.get(asked.ids["sid"])
        if conversation is None:
            raise Refusal(404, 20404)
        body, media, author = asked.first("Body"), asked.first("MediaSid"), asked.first("Author") or "system"
        if not body.strip() and not media:
            raise Refusal(400, 50511, "Message body is required")
        if len(body) > LONGEST:
            raise Refusal(400, 50507, "Message body is too long")
        if media and media not in self._server.files:
            raise Refusal(400, 50510, "Invalid message media SID")
        if body:
            conversation.lines.append((author, body))
        if media:
            content, type = self._server.files[media]
            conversation.lines.append((author, f"[{type}]"))
            conversation.files.append(content)
        sid = self._server.number("IM")
        conversation.said[sid] = author, asked.first("Attributes") or "{}"
        return {"sid": sid}

    async def line(self, asked: Asked) -> Any:
        """A line of a conversation, and how many of the telephones there it has come to."""
        conversation = self._server.conversations.get(asked.ids["sid"])
        if conversation is None or asked.ids["line"] not in conversation.said:
            raise Refusal(404, 20404)
        none = dict.fromkeys(("sent", "delivered", "read", "failed", "undelivered"), "none")
        delivery = {"total": 2, **none, **conversation.receipts.get(asked.ids["line"], {})}
        author, attributes = conversation.said[asked.ids["line"]]
        return {"sid": asked.ids["line"], "author": author, "attributes": attributes, "delivery": delivery}

    async def conversation(self, asked: Asked) -> Any:
        if asked.ids["sid"] not in self._server.conversations:
            raise Refusal(404, 20404)
        return {"sid": asked.ids["sid"], "chat_service_sid": self._server.service, "state": "active"}

    async def participants(self, asked: Asked) -> Any:
        """A page of them; where the next one is, is said by its whole address."""
        conversation = self._server.conversations.get(asked.ids["sid"])
        if conversation is None:
            raise Refusal(404, 20404)
        size, start = min(int(asked.first("PageSize") or 50), self._server.page), int(asked.first("PageToken") or 0)
        page, url = conversation.participants[start : start + size], None
        if start + size < len(conversation.participants):
            home = f"https://conversations.twilio.com/v1/Conversations/{conversation.sid}/Participants"
            url = f"{home}?PageSize={size}&Page={start // size + 1}&PageToken={start + size}"
        return {"participants": page, "meta": {"key": "participants", "page_size": size, "next_page_url": url}}

    async def role(self, asked: Asked) -> Any:
        role = self._server.roles.get(asked.ids["sid"])
        if role is None:
            raise Refusal(404, 20404)
        return role

    async def store(self, asked: Asked) -> Any:
        """Keep a file for conversations of a service, as it comes."""
        if asked.ids["service"] != self._server.service:
            raise Refusal(404, 20404)
        if not asked.content:
            raise Refusal(400, 20001, "the file is empty")
        sid = self._server.store(asked.content, asked.type)
        return {"sid": sid, "size": len(asked.content), "content_type": asked.type, "filename": None}

    async def for_all(self, asked: Asked) -> Any:
        return {"post_webhook_url": self._server.conversations_url, "filters": self._server.filters}

    async def set_for_all(self, asked: Asked) -> Any:
        self._server.conversations_url = asked.first("PostWebhookUrl")
        self._server.filters = asked.form.get("Filters", [])
        return await self.for_all(asked)

    async def stored(self, asked: Asked) -> Any:
        """A file of a conversation: where it is to be had for a while."""
        if asked.ids["sid"] not in self._server.files:
            raise Refusal(404, 20404)
        return {"links": {"content_direct_temporary": f"{self._server.url}/temporary/{asked.ids['sid']}"}}


def _listed(letter: "Letter") -> Any:
    """A message as the list of them tells of it: less than the webhook did."""
    fields = letter.fields
    sent = format_datetime(datetime.fromtimestamp(letter.at, UTC))
    return {
        "sid": letter.sid,
        "direction": "inbound",
        "from": fields["From"],
        "to": fields["To"],
        "body": fields["Body"],
        "num_media": fields["NumMedia"],
        "status": "received",
        "date_sent": sent,
        "date_created": sent,
    }


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _kind(address: str) -> str:
    return address.partition(":")[0] if ":" in address else ""
