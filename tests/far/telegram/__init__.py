"""A server that speaks Telegram's Bot API for one bot, with people who write to it. No SDK is used.

async with TelegramServer() as server:
    server.user(7, "Ada").says("hi")
    server.fail("sendMessage", 429, retry_after=3)
    await server.until(lambda: server.sent)
"""

from tests.far.telegram.server import TOKEN, Sent, TelegramServer

__all__ = ["TOKEN", "Sent", "TelegramServer"]
