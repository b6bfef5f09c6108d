"""/api/openapi.json: the description of the API, made from its routes and from what is said of each here."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.ingress import problems

Json = dict[str, Any]

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_SCORE = {"enum": [1, -1, 0]}


def _object(needed: Json, more: Json | None = None) -> Json:
    return {"type": "object", "properties": {**needed, **(more or {})}, "required": list(needed)}


def _list(of: Json) -> Json:
    return {"type": "array", "items": of}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_FILE = _object({"id": _TEXT, "name": _TEXT, "mime": _TEXT, "size": _NUMBER}, {"url": _TEXT, "kind": _TEXT})
_SCHEMAS: Json = {
    "Problem": _object({"type": _TEXT, "title": _TEXT, "status": _NUMBER, "detail": _TEXT, "code": _TEXT}),
    "NewSession": _object(
        {
            "session_id": _TEXT,
            "token": {"type": "string", "minLength": 43, "maxLength": 43},
            "expires_at": {"type": ["integer", "null"], "description": "ms since 1970; null: never"},
            "channel": _TEXT,
            "bot": _TEXT,
        }
    ),
    "Session": _object(
        {
            **dict.fromkeys(("session_id", "channel", "bot", "state", "level", "language"), _TEXT),
            **dict.fromkeys(("created_at", "last_activity", "message_count"), _NUMBER),
            "variables": {"type": "object"},
            "expires_at": {"type": ["integer", "null"]},
        }
    ),
    "File": _FILE,
    "Message": _object(
        {
            "seq": {"type": "integer", "description": "its place in the session, from 1"},
            "role": {"enum": ["user", "assistant", "system"]},
            "text": _TEXT,
            "at": {"type": "integer", "description": "ms since 1970"},
            "turn": _TEXT,
            "files": _list(_ref("File")),
            "buttons": _list(_object({"text": _TEXT, "value": _TEXT, "url": _TEXT})),
            "flag": {"type": "string", "description": "cancelled, failed or away, else empty"},
        },
        {
            "tree": {"type": "array", "description": "the text's Markdown as a tree"},
            "score": {**_SCORE, "description": "what the visitor thinks of this answer"},
            "message_id": _TEXT,
            "name": _TEXT,
        },
    ),
    "Answer": _object(
        {"turn_id": _TEXT, "messages": _list(_ref("Message"))},
        {"session": {**_ref("NewSession"), "description": "after a reset: what to go on with"}},
    ),
    "Accepted": _object({"turn_id": _TEXT}),
    "Page": _object(
        {
            "session": _ref("Session"),
            "messages": _list(_ref("Message")),
            "typing": {"type": "boolean"},
            "has_more": {"type": "boolean"},
            "pending": _list(_object({"message_id": _TEXT, "text": _TEXT, "at": _NUMBER, "turn": _TEXT})),
        }
    ),
    "Say": _object(
        {},
        {
            "message": {"type": "string", "maxLength": 32_000},
            "message_id": {"type": "string", "maxLength": 200},
            "files": _list(_TEXT),
        },
    ),
    "Opinion": {
        "oneOf": [
            _object({"seq": {**_NUMBER, "description": "of an answer"}, "score": _SCORE}),
            _object({"resolved": {"type": "boolean", "description": "true ends the session"}}),
        ]
    },
    "Begin": _object({}, {"channel": _TEXT, "name": _TEXT, "variables": {"type": "object"}, "user_token": _TEXT}),
}


def _query(name: str, help: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": help, "schema": schema}


def _body(schema: Json, type: str = "application/json", *, needed: bool = True) -> Json:
    return {"required": needed, "content": {type: {"schema": schema}}}


def _answers(status: int, schema: Json, type: str = "application/json", help: str = "Done.") -> Json:
    return {str(status): {"description": help, "content": {type: {"schema": schema}}}}


_SINCE = _query("since", "Only what comes after this seq.", {"type": "integer", "minimum": 0})
_LIMIT = _query("limit", "Most messages; 50 when not given.", {"type": "integer", "minimum": 1, "maximum": 200})
_FORMAT = _query("format", "What file to make; txt when not given.", {"enum": ["txt", "md", "json"]})
_STOPPED = _object({"session_id": _TEXT, "stopped": {"type": "boolean"}})
_ENDED = _object({"session_id": _TEXT, "state": _TEXT, "reason": _TEXT})
_VARIABLES = {"type": "object", "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_.]{0,63}$"}}
_UPLOAD = {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}
_UPLOADED = _object({"files": _list(_ref("File"))})

# (method, path) -> what it does, in one line, and what it takes and gives
_OPERATIONS: Mapping[tuple[str, str], Json] = {
    ("POST", "/api/session"): {
        "summary": "Begin a conversation and get its token.",
        "security": [],
        "requestBody": _body(_ref("Begin"), needed=False),
        "responses": _answers(201, _ref("NewSession")),
    },
    ("GET", "/api/session"): {"summary": "How the session stands.", "responses": _answers(200, _ref("Session"))},
    ("POST", "/api/session/reset"): {
        "summary": "Leave everything behind; the token dies, the answer has the next one.",
        "responses": _answers(200, _ref("NewSession")),
    },
    ("POST", "/api/session/end"): {"summary": "End the session.", "responses": _answers(200, _ENDED)},
    ("POST", "/api/session/feedback"): {
        "summary": "Rate an answer: 1 good, -1 bad, 0 takes it back. Or say whether the question is settled.",
        "requestBody": _body(_ref("Opinion")),
        "responses": _answers(200, _ref("Opinion")),
    },
    ("PATCH", "/api/session/variables"): {
        "summary": "Set the variables that are named; null deletes one.",
        "requestBody": _body(_VARIABLES),
        "responses": _answers(200, _object({"variables": _VARIABLES})),
    },
    ("GET", "/api/session/export"): {
        "summary": "The conversation as a file.",
        "parameters": [_FORMAT],
        "responses": _answers(200, _TEXT, "text/plain"),
    },
    ("GET", "/api/chat"): {
        "summary": "The last messages, or those after `since`; with ETag.",
        "parameters": [_SINCE, _LIMIT],
        "responses": {**_answers(200, _ref("Page")), "304": {"description": "Nothing has changed."}},
    },
    ("POST", "/api/chat"): {
        "summary": "Say something; the answer comes within 30 seconds, later (202), or as an event stream.",
        "requestBody": _body(_ref("Say")),
        "responses": {
            **_answers(200, _ref("Answer"), help="Answered."),
            **_answers(202, _ref("Accepted"), help="Taken; the answer comes later."),
        },
    },
    ("DELETE", "/api/chat/turn"): {"summary": "Stop the answer being made.", "responses": _answers(200, _STOPPED)},
    ("GET", "/api/chat/events"): {
        "summary": "Everything as it happens: message, delta, draft, typing, progress, rating, closed, reset.",
        "parameters": [_SINCE],
        "responses": _answers(200, _TEXT, "text/event-stream"),
    },
    ("GET", "/api/chat/ws"): {
        "summary": "The same by WebSocket; the first frame is {token, since}.",
        "security": [],
        "responses": {"101": {"description": "Go on as WebSocket."}},
    },
    ("POST", "/api/chat/files"): {
        "summary": "Upload files, to be named in the next message.",
        "requestBody": _body(_UPLOAD, "multipart/form-data"),
        "responses": _answers(201, _UPLOADED),
    },
    ("GET", "/api/openapi.json"): {
        "summary": "This description.",
        "security": [],
        "responses": _answers(200, {"type": "object"}),
    },
}


class OpenApi:
    """Serves the description of exactly the routes that there are."""

    def __init__(self, routes: Mapping[str, Mapping[str, Any]]) -> None:
        self._routes = routes

    async def get(self, request: web.BaseRequest) -> web.StreamResponse:
        return problems.json(self.document())

    def document(self) -> Json:
        refused = {"description": "Refused.", "content": {"application/problem+json": {"schema": _ref("Problem")}}}
        paths: Json = {}
        for path, methods in self._routes.items():
            for method in methods:
                said = _OPERATIONS[method, path]
                told = {**said, "responses": {**said["responses"], "default": refused}}
                paths.setdefault(path, {})[method.lower()] = told
        return {
            "openapi": "3.1.0",
            "info": {"title": "Chat", "version": "1", "description": "Conversations with a bot, for web clients."},
            "paths": paths,
            "security": [{"token": []}],
            "components": {
                "schemas": _SCHEMAS,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
