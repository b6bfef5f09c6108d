"""People who write to a number, and groups: what they do becomes webhooks."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.far.whatsapp.server import WhatsAppServer


@dataclass
class Person:
    """Somebody on WhatsApp. `phone` is "" where a username hides it, `user_id` before there were any."""

    name: str
    phone: str
    user_id: str
    username: str = ""
    wrote_at: dict[str, float] = field(default_factory=dict)  # to which number, and when last

    @property
    def contact(self) -> dict[str, Any]:
        """The webhook's `contacts` entry."""
        profile = {"name": self.name, **({"username": self.username} if self.username else {})}
        ids = {"wa_id": self.phone, "user_id": self.user_id}
        return {"profile": profile, **{key: held for key, held in ids.items() if held}}


class Group:
    """A group that the business made."""

    def __init__(self, server: "WhatsAppServer", number: str, id: str, subject: str) -> None:
        self._server, self.number, self.id, self.subject = server, number, id, subject

    def created(self) -> None:
        self._tell("group_lifecycle_update", type="group_create", subject=self.subject, request_id=f"r-{self.id}")

    def deleted(self) -> None:
        self._tell("group_lifecycle_update", type="group_delete", request_id=f"d-{self.id}")
        self._server.groups.pop(self.id, None)

    def joined(self, person: Person) -> None:
        who = {"wa_id": person.phone, "user_id": person.user_id}
        self._tell("group_participants_update", type="group_participants_add", added_participants=[who])

    def left(self, person: Person) -> None:
        who = {"wa_id": person.phone, "user_id": person.user_id}
        told = {"type": "group_participants_remove", "initiated_by": "participant"}
        self._tell("group_participants_update", removed_participants=[who], **told)

    def renamed(self, subject: str) -> None:
        self.subject = subject
        told = {"text": subject, "update_successful": True}
        self._tell("group_settings_update", type="group_settings_update", group_subject=told)

    def suspended(self) -> None:
        self._tell("group_status_update", type="group_suspend")

    def _tell(self, field: str, **told: Any) -> None:
        event = {"timestamp": self._server.stamp(), "group_id": self.id, **told}
        self._server.tell(field, self.number, {"groups": [event]})


class User:
    """A person with a hand on the telephone, writing to one of our numbers."""

    def __init__(self, server: "WhatsAppServer", person: Person, number: str) -> None:
        self._server, self.person, self.number = server, person, number

    @property
    def id(self) -> str:
        """What a message to them is sent to."""
        return self.person.user_id or self.person.phone

    def at(self, number: str) -> "User":
        """The same person, writing to another number."""
        return User(self._server, self.person, number)

    def says(self, text: str, group: Group | None = None, *, reply_to: str = "", **more: Any) -> str:
        """Returns the message's id."""
        return self.sends("text", {"body": text}, group, reply_to=reply_to, **more)

    def sends(self, kind: str, content: Any, group: Group | None = None, *, reply_to: str = "", **more: Any) -> str:
        """A message of any type, as `{"type": kind, kind: content}`."""
        message: dict[str, Any] = {**self._from(group), "type": kind, kind: content, **more}
        if reply_to:
            message["context"] = {**self._server.author(reply_to), "id": reply_to}
        self._server.wrote(self.person, self.number, message)
        return str(message["id"])

    def shows(self, kind: str, content: bytes, mime: str, group: Group | None = None, **told: Any) -> str:
        """A message with a file."""
        media = self._server.keep(content, mime)
        return self.sends(kind, {"mime_type": mime, "sha256": "b64hash=", "id": media, **told}, group)

    def presses(self, below: str, value: str, title: str, form: str = "button_reply") -> str:
        """A reply button, or a row of a list with `list_reply`."""
        pressed = {"type": form, form: {"id": value, "title": title}}
        return self.sends("interactive", pressed, reply_to=below)

    def reacts(self, to: str, emoji: str) -> str:
        return self.sends("reaction", {"message_id": to, **({"emoji": emoji} if emoji else {})})

    def edits(self, message: str, text: str) -> str:
        now = {"type": "text", "text": {"body": text}}
        return self.sends("edit", {"original_message_id": message, "message": now})

    def revokes(self, message: str) -> str:
        return self.sends("revoke", {"original_message_id": message})

    def changes_number(self, phone: str, user_id: str = "") -> None:
        """A system message, which tells the new number; with it comes a new user id."""
        old, self.person.phone = self.person.phone, phone
        told: dict[str, Any] = {
            "body": f"User {self.person.name} changed from {old} to {phone}",
            "wa_id": phone,
            "type": "user_changed_number",
        }
        if user_id:
            self.person.user_id = told["user_id"] = user_id
        message = {"from": old, **self._server.named(), "type": "system", "system": told}
        self._server.tell("messages", self.number, {"messages": [message]})

    def changes_id(self, user_id: str) -> None:
        """A webhook of its own tells of the new user id."""
        old, self.person.user_id = self.person.user_id, user_id
        self._server.people[user_id] = self.person
        update = {
            "wa_id": self.person.phone,
            "detail": f"User {self.person.name} changed from {old} to {user_id}",
            "user_id": {"previous": old, "current": user_id},
            "timestamp": self._server.stamp(),
        }
        self._server.tell(
            "user_id_update", self.number, {"contacts": [self.person.contact], "user_id_update": [update]}
        )

    def _from(self, group: Group | None) -> dict[str, Any]:
        ids = {"from": self.person.phone, "from_user_id": self.person.user_id}
        place = {"group_id": group.id} if group else {}
        return {**{key: held for key, held in ids.items() if held}, **place, **self._server.named()}
