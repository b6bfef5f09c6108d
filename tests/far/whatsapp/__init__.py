"""A server that speaks Meta's Graph API for WhatsApp, with people who write to its numbers. No SDK is used.

async with WhatsAppServer() as server:
    await server.subscribe("http://127.0.0.1:8080/c/help", "the verify token")
    server.user(7, "Ada").says("hi")
    server.fail("messages", 131056)
    await server.until(lambda: server.sent)
"""

from tests.far.whatsapp.server import NUMBER, SECRET, TOKEN, WABA, Sent, WhatsAppServer

__all__ = ["NUMBER", "SECRET", "TOKEN", "WABA", "Sent", "WhatsAppServer"]
