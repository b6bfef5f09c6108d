"""People who talk without a pause, on the web and on Telegram, and know what they were promised."""

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from itertools import groupby
from typing import Any

from tests.doors import Gateway, Visitor
from tests.far.telegram import TelegramServer
from tests.patience import PATIENCE
from tests.store import AUDIT, CLEAN

SPOKEN = 400  # questions to a session; then somebody begins another one
PAUSE = 0.15  # seconds between two of them
OPEN = 5  # questions of one person that wait for an answer on Telegram
LATER = {404, 429, 503}  # what is said to those whose channel is not there, or who ask too often


class _Over(Exception):
    """The session is over, since another bot answers there."""


class Crowd:
    """Talks to bots that echo, until `end`. On the web a question is said again until it is acknowledged."""

    def __init__(self, gateway: Gateway, server: TelegramServer) -> None:
        self.gateway, self.server = gateway, server
        self.answered = 0  # questions on the web that have been
        self.said: set[str] = set()
        self._heard: dict[int, list[str]] = defaultdict(list)
        self._read = 0
        self._over = asyncio.Event()

    def end(self) -> None:
        self._over.set()

    async def visits(self, channel: str, name: str) -> None:
        """Somebody on the web."""
        number = 0
        while not self._over.is_set():
            visitor = Visitor(self.gateway, await self._until("POST", "/api/session", {"channel": channel}))
            with suppress(_Over):
                for _ in range(SPOKEN):
                    await self._say(visitor, f"{name}:{number:06}", wait=number % 3 > 0)
                    number += 1
                    if self._over.is_set():
                        return
                    await asyncio.sleep(PAUSE)

    async def _say(self, visitor: Visitor, text: str, *, wait: bool) -> None:
        headers = {} if wait else {"Prefer": "respond-async"}
        answer = await self._until("POST", "/api/chat", {"message": text, "message_id": text}, visitor.token, headers)
        self.said.add(text)
        if answer.get("messages"):
            assert [message["text"] for message in answer["messages"]] == [f"echo: {text}"]
            self.answered += 1

    async def _until(self, method: str, path: str, body: Any, token: str = "", headers: Any = None) -> Any:
        """Ask until the channel is there. Raises `_Over`."""
        while (answer := await self.gateway.ask(method, path, body, token, headers=headers or {})).status >= 300:
            if answer.status == 410 and "begin a new one" in answer.json["detail"]:
                raise _Over
            assert answer.status in LATER, (answer.status, answer.body)
            await asyncio.sleep(PAUSE)
        return answer.json

    async def writes(self, number: int) -> None:
        """Somebody on Telegram."""
        asked = 0
        while not self._over.is_set():
            if asked < len(self.heard(number)) + OPEN:
                self.said.add(text := f"{number}:{asked:06}")
                self.server.user(number).says(text)
                asked += 1
            await asyncio.sleep(0.02)
        async with asyncio.timeout(PATIENCE):
            while len(self.heard(number)) < asked:
                await asyncio.sleep(0.01)

    def heard(self, number: int) -> list[str]:
        """What Telegram has brought to somebody."""
        for sent in self.server.sent[self._read :]:
            self._heard[sent.chat].append(sent.text)
        self._read = len(self.server.sent)
        return self._heard[number]

    async def kept(self) -> None:
        """Everything was answered once, and in each session in its order; nothing is left to do."""
        for sql in {**AUDIT, **CLEAN}.values():
            await self.gateway.until_rows([], sql)
        lines = await self.gateway.rows("SELECT session, role, text FROM message ORDER BY session, seq")
        sessions = [[line[1:] for line in group] for _, group in groupby(lines, lambda line: line[0])]
        for session in sessions:
            asked = sorted({text for role, text in session if role == "user"})
            assert session == [line for text in asked for line in (("user", text), ("assistant", f"echo: {text}"))]
        assert Counter(text for session in sessions for role, text in session if role == "user") == Counter(self.said)
        for number, heard in self._heard.items():
            assert sorted(heard) == sorted(f"echo: {text}" for text in self.said if text.startswith(f"{number}:"))
            for session in sessions:
                answers = dict.fromkeys(text for role, text in session if role == "assistant")
                assert [text for text in heard if text in answers] in ([], [*answers])
