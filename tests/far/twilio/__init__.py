"""A server that speaks Twilio's REST API for one account, with people who write to its numbers.

async with TwilioServer() as server:
    server.point("https://.../c/help")          # where their messages go; channels that register set it themselves
    await server.person("+15550100", "Ada").says("hi")
    server.fail("messages", 429, code=20429, retry_after=3)
    await server.until(lambda: server.sent)

Its webhooks are signed by Twilio's own SDK, which is used for nothing else here.
"""

from tests.far.twilio.server import ACCOUNT, NUMBER, PAGE, TOKEN, WHATSAPP, TwilioServer

__all__ = ["ACCOUNT", "NUMBER", "PAGE", "TOKEN", "WHATSAPP", "TwilioServer"]
