"""The Graph API's side of the server: what is asked of it, with the token and without."""

from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from tests.far.whatsapp import messages
from tests.far.whatsapp.refusal import Refusal, bad

if TYPE_CHECKING:
    from tests.far.whatsapp.server import WhatsAppServer

DAY = 24 * 3600


class Graph:
    """Each method gives the result of a call, or raises a `Refusal`."""

    def __init__(self, server: "WhatsAppServer") -> None:
        self._server = server

    async def read(self, identity: str) -> dict[str, Any]:
        """What an id stands for: a number of ours, or a file."""
        server = self._server
        if identity in server.numbers:
            found: dict[str, Any] = {"id": identity, "display_phone_number": server.numbers[identity]}
            found |= {"verified_name": "Far Shop", "quality_rating": server.quality, "status": "CONNECTED"}
            if server.pusher.url:
                found["webhook_configuration"] = {"application": server.pusher.url}
            return found
        if identity in server.media:
            content, mime = server.media[identity]
            url = f"{server.media_host or server.url}/media/{identity}?hash=x"
            return {"url": url, "mime_type": mime, "file_size": len(content), "id": identity}
        raise Refusal(100, "Object with that ID does not exist", status=400)

    async def subscribed(self, account: str, method: str) -> dict[str, Any]:
        if account != self._server.waba:
            raise Refusal(100, "Object with that ID does not exist")
        if method == "POST":
            self._server.subscriptions += 1
            return {"success": True}
        return {"data": [{"whatsapp_business_api_data": {"id": "1", "name": "app"}}] * self._server.subscriptions}

    async def upload(self, request: web.Request) -> dict[str, Any]:
        form = await request.post()
        held = form.get("file")
        if form.get("messaging_product") != "whatsapp" or not isinstance(held, web.FileField):
            raise bad("messaging_product and file are required")
        mime = str(form.get("type"))
        if held.content_type.partition(";")[0] != mime.partition(";")[0]:
            raise Refusal(131053, "the file's type is not the one that was told")
        content = held.file.read()
        identity = self._server.keep(content, mime)
        self._server.uploads.append((identity, held.filename, mime, content))
        return {"id": identity}

    async def message(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        if number not in self._server.numbers or asked.get("messaging_product") != "whatsapp":
            raise bad("messaging_product must be whatsapp, and the number one of yours")
        if asked.get("status") == "read":
            return self._marked(asked)
        return self._sent(number, asked)

    def _marked(self, asked: dict[str, Any]) -> dict[str, Any]:
        message = asked.get("message_id")
        if message not in self._server.written:
            raise bad("the message is unknown")
        self._server.reads.append(message)
        if "typing_indicator" in asked:
            self._server.typings.append(message)
        return {"success": True}

    def _sent(self, number: str, asked: dict[str, Any]) -> dict[str, Any]:
        server = self._server
        words = messages.check(asked, server.media, server.templates)
        to, contact = self._recipient(asked)
        server.limit(number, to)
        identity = server.named()["id"]
        answer = {
            "messaging_product": "whatsapp",
            "contacts": [contact],
            "messages": [{"id": identity, "message_status": "accepted"}],
        }
        closed = asked.get("recipient_type") != "group" and asked["type"] != "template" and self._closed(number, to)
        if closed and not server.late:
            raise Refusal(131047, "Message failed to send because more than 24 hours have passed")
        server.accepted(number, to, identity, words, asked)
        if closed:
            server.reports(identity, "failed", code=131047)
        return answer

    def _recipient(self, asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        to = asked.get("recipient") or asked.get("to")
        if not isinstance(to, str) or not to:
            raise bad("The parameter to is required.")
        if asked.get("recipient_type") == "group":
            if to not in self._server.groups:
                raise Refusal(131041, "Group is unknown")
            return to, {"input": to}
        person = self._server.people.get(to)
        if person is None or ("recipient" in asked) != (to == person.user_id):
            raise Refusal(131026, "Message undeliverable")
        ids = {"wa_id": person.phone, "user_id": person.user_id}
        return person.user_id or person.phone, {"input": to, **{key: held for key, held in ids.items() if held}}

    def _closed(self, number: str, to: str) -> bool:
        wrote = self._server.people[to].wrote_at.get(number)
        return wrote is None or self._server.now() - wrote > DAY


async def arguments(request: web.Request) -> dict[str, Any]:
    """Raises the error that a body in no known form earns."""
    try:
        given = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise bad("the body is no JSON") from None
    if not isinstance(given, dict):
        raise bad("the body is no JSON object")
    return given
