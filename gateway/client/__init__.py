"""POSTs to bots and platforms: kept-alive connections, and an exact account of what may have been sent.

A general client costs as much CPU as everything else that is done for a message, and leaves it open whether a failed
request had left. This one knows HTTP/1.1, POST and nothing else; the parser is httptools'. Downloads, sockets and all
that is rare go through aiohttp.
"""

from gateway.client.client import Client
from gateway.client.connection import Answer, Cut, NotSent
from gateway.client.posting import Posted, post
from gateway.client.target import Target, target

__all__ = ["Answer", "Client", "Cut", "NotSent", "Posted", "Target", "post", "target"]
