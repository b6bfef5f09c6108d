"""Answers to requests that are not served: RFC 9457, with a stable `code`."""

import math
from collections.abc import Mapping
from http import HTTPStatus

import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from gateway.adapter import Reply
from gateway.errors import Problem, StorageDown, StorageFull, StorageSlow

SERVER = "chat-gateway"  # else every answer would name our library and its version
_ALWAYS = {"Server": SERVER, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
STORAGE_PAUSE = 2.0  # seconds to wait before asking again

log = structlog.get_logger()


class WrongMethod(Problem):
    """A path that is there, asked with a method that it does not know."""

    def __init__(self, *methods: str) -> None:
        self.allow = ", ".join(methods)
        super().__init__(405, "method_not_allowed", f"use one of {self.allow}")


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """The response to a problem, with the headers that belong to it, and perhaps more."""
    told = reply(problem)
    out = {**told.headers, **(headers or {})}
    return web.Response(status=told.status, body=told.body, content_type=told.type, headers=out)


def reply(problem: Problem) -> Reply:
    """What is told of a problem, and the headers that belong to it."""
    title = HTTPStatus(problem.status).phrase
    body = {"type": "about:blank", "title": title, "status": problem.status, "detail": problem.detail}
    out = dict(_ALWAYS)
    if isinstance(problem, WrongMethod):
        out["Allow"] = problem.allow
    if problem.status == 401:
        out["WWW-Authenticate"] = "Bearer"
    if problem.retry_after is not None:
        out["Retry-After"] = str(max(1, math.ceil(problem.retry_after)))
    content = orjson.dumps({**body, "code": problem.code})
    return Reply(problem.status, content, "application/problem+json", out)


def storage(error: StorageDown) -> Problem:
    """What to tell a caller when nothing can be stored: why, and when to come again."""
    code, detail = "storage_down", "nothing could be stored; try again"
    if isinstance(error, StorageFull):
        code, detail = "storage_full", "there is no room to store anything; try again later"
    elif isinstance(error, StorageSlow):
        code, detail = "storage_slow", "storing takes too long just now; try again"
    return Problem(503, code, detail, retry_after=STORAGE_PAUSE)


def caught(error: Exception, path: str) -> Problem:
    """What to tell a caller of an error that got away. Raises it again when there is nobody left to tell."""
    match error:
        case Problem():
            return error
        case StorageDown():
            log.error("storage.down", error=str(error))
            return storage(error)
        case ConnectionError():
            raise error
        case web.RequestPayloadError() | HttpProcessingError():
            return Problem(400, "malformed_body", "the body is not what its headers announce")
    log.error("http.failed", path=path, exc_info=error)
    return Problem(500, "internal", "something went wrong here; it has been written to the log")


def json(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer; nobody on the way may keep it."""
    out = {**_ALWAYS, **(headers or {})}
    return web.Response(status=status, body=orjson.dumps(data), content_type="application/json", headers=out)
