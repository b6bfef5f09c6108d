"""The server as its own process: `python -m tests.far.telegram --port 9001`.

Tests in other processes steer it at `/control/<verb>`: say, push, fail, limit, block, migrate (POST, JSON),
and sent, state (GET).
"""

import argparse
import asyncio
from typing import Any

import orjson
from aiohttp import web

from tests.far.telegram.server import TOKEN, TelegramServer


class Controlled(TelegramServer):
    """The server with its strings led outside."""

    def mount(self, app: web.Application) -> None:
        app.router.add_get("/control/sent", self._list_sent)
        app.router.add_get("/control/state", self._state)
        for verb in ("say", "push", "fail", "limit", "block", "migrate"):
            app.router.add_post(f"/control/{verb}", getattr(self, f"_{verb}"))

    async def _list_sent(self, request: web.Request) -> web.Response:
        """The ledger from `since` on, as [at, chat, message_id, text]."""
        since = int(request.query.get("since", "0"))
        return _json([[sent.at, sent.chat, sent.message_id, sent.text] for sent in self.sent[since:]])

    async def _state(self, request: web.Request) -> web.Response:
        state = {"pending": len(self.queue.pending), "sent": len(self.sent), "webhook": self.pusher.url}
        return _json({**state, "deliveries": len(self.pusher.deliveries)})

    async def _say(self, request: web.Request) -> web.Response:
        """{user, text} or a list of them; with chat, topic and name where wanted."""
        asked = orjson.loads(await request.read())
        said = []
        for one in asked if isinstance(asked, list) else [asked]:
            group = self.group(one["chat"], forum=bool(one.get("topic"))) if one.get("chat") else None
            user = self.user(one["user"], one.get("name", ""))
            said.append(user.says(one["text"], group, topic=one.get("topic", 0)))
        return _json(said)

    async def _push(self, request: web.Request) -> web.Response:
        """A whole update, whatever it holds; without a number it gets the next one."""
        asked: dict[str, Any] = orjson.loads(await request.read())
        number = asked.setdefault("update_id", self.queue.next_id)
        self.queue.next_id = max(self.queue.next_id, number + 1)
        self.queue.push_raw(number, 0, orjson.dumps(asked))
        return _json(number)

    async def _fail(self, request: web.Request) -> web.Response:
        """The arguments of `TelegramServer.fail`."""
        self.fail(**orjson.loads(await request.read()))
        return _json(True)

    async def _limit(self, request: web.Request) -> web.Response:
        """{account, chat, group}: each [count, seconds] or null."""
        asked = orjson.loads(await request.read())
        for name in ("account", "chat", "group"):
            setattr(self.pace, name, tuple(asked[name]) if asked.get(name) else None)
        return _json(True)

    async def _block(self, request: web.Request) -> web.Response:
        """{user, blocked}"""
        asked = orjson.loads(await request.read())
        user = self.user(asked["user"])
        (user.blocks if asked.get("blocked", True) else user.unblocks)()
        return _json(True)

    async def _migrate(self, request: web.Request) -> web.Response:
        """{chat, user, new_first}: the supergroup's id."""
        asked = orjson.loads(await request.read())
        group, user = self.group(asked["chat"], kind="group"), self.user(asked["user"])
        return _json(self.migrate(group, user, new_first=asked.get("new_first", False)).id)


def _json(data: Any) -> web.Response:
    return web.Response(body=orjson.dumps(data), content_type="application/json")


async def _serve() -> None:
    parser = argparse.ArgumentParser(description="Telegram's Bot API, for tests")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--username", default="far_bot")
    parser.add_argument("--lean", action="store_true", help="keep no messages, only the ledger")
    parser.add_argument("--pace", type=float, default=0.01, help="waits between webhook attempts; 1: Telegram's")
    given = parser.parse_args()
    async with Controlled(given.token, given.username, lean=given.lean, pace=given.pace, port=given.port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
