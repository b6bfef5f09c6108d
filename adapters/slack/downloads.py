"""Files that came in. The token goes along to Slack's own hosts only, and to the one the operator named."""

from collections.abc import AsyncIterator

from aiohttp import ClientError, ClientTimeout
from yarl import URL

from adapters.slack.hosts import own
from adapters.slack.sdk import Sdk
from adapters.slack.workspace import Workspace
from gateway.adapter import Gate
from gateway.errors import Refused, Retry, SendError, Unknown

_LIMIT = ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=30)
_PIECE = 65536


class Downloads:
    """Fetches for one channel."""

    def __init__(self, gate: Gate, sdk: Sdk, base: str) -> None:
        self._gate, self._sdk, self._base = gate, sdk, URL(base)

    async def fetch(self, home: Workspace, number: str) -> AsyncIterator[bytes]:
        """The content of a file by its id. Raises `Retry`, or `Refused` when Slack does not give it."""
        url, mime = await self._find(home, number)
        headers = {"Authorization": f"Bearer {home.token}"}
        failure: SendError | None = None
        try:
            async with self._gate.http.get(url, headers=headers, timeout=_LIMIT, allow_redirects=False) as response:
                if response.status in (429, *range(500, 600)):
                    failure = Retry(f"file: HTTP {response.status}")
                elif response.status != 200 or (response.content_type == "text/html" and mime != "text/html"):
                    # to those without the right it shows a page to log in
                    failure = Refused("gone", f"file: HTTP {response.status}; has the app the scope files:read?")
                else:
                    async for piece in response.content.iter_chunked(_PIECE):
                        yield piece
        except (ClientError, TimeoutError, OSError) as error:
            failure = Retry(f"file: {type(error).__name__}")
        if failure is not None:
            raise failure

    async def _find(self, home: Workspace, number: str) -> tuple[URL, str]:
        """Where its content is, and of what type. Files in other organisations' channels are only known by asking."""
        if not number:
            raise Refused("gone", "a file without an id")
        try:
            found = await self._sdk.ask(home.token, "files.info", lambda client: client.files_info(file=number))
        except Unknown as error:
            raise Retry(str(error)) from None
        where = found.text("file", "url_private_download") or found.text("file", "url_private")
        url = own(where, self._base)
        if url is None:
            raise Refused("unsupported", "the file is not kept by Slack itself")
        return url, found.text("file", "mimetype")
