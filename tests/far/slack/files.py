"""Files: uploaded by ticket and then shared, described, and given to whoever has the token."""

import asyncio
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.far.slack import blocks
from tests.far.slack.params import Params
from tests.far.slack.refusal import Refusal
from tests.far.slack.world import File, Team

if TYPE_CHECKING:
    from tests.far.slack.server import SlackServer


class Files:
    """The three steps of an upload, and downloads. `fail_upload` and `fail_download` are the status of the next one;
    `logged_out`: downloads are answered with the page on which people log in.
    """

    def __init__(self, server: "SlackServer") -> None:
        self._server = server
        self._awaited: dict[str, tuple[str, int]] = {}
        self.fail_upload = self.fail_download = 0
        self.logged_out = False
        self.fetched: list[str] = []

    def described(self, team: Team, file: File) -> dict[str, Any]:
        where = file.elsewhere or f"{self._server.origin}/files-pri/{team.id}-{file.id}"
        return {
            "id": file.id,
            "name": file.name,
            "title": file.name,
            "mimetype": file.mimetype,
            **({"subtype": file.subtype} if file.subtype else {}),
            "mode": file.mode,
            "size": len(file.content),
            "is_external": bool(file.elsewhere),
            "url_private": f"{where}/{file.name}",
            "url_private_download": f"{where}/download/{file.name}",
        }

    async def info(self, team: Team, asked: Params) -> Any:
        file = self._server.world.files.get(asked.text("file"))
        if file is None:
            raise Refusal("file_not_found")
        return {"file": self.described(team, file)}

    async def get_upload_url(self, team: Team, asked: Params) -> Any:
        name, length = asked.text("filename", needed=True), asked.number("length")
        if length <= 0:
            raise Refusal("invalid_arguments")
        number = f"F{self._server.world.number()}"
        self._awaited[number] = name, length
        return {"upload_url": f"{self._server.origin}/upload/v1/{number}", "file_id": number}

    async def upload(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        if self.fail_upload:
            status, self.fail_upload = self.fail_upload, 0
            return web.Response(status=status)
        name, length = self._awaited.get(number, ("", -1))
        content = await request.read()
        if len(content) != length:
            return web.Response(status=400, text="length mismatch")
        self._server.world.files[number] = File(number, name, content, shared=False)
        return web.Response(text=f"OK - {length}")

    async def complete_upload(self, team: Team, asked: Params) -> Any:
        wanted = asked.data("files")
        if not isinstance(wanted, list) or not wanted:
            raise Refusal("invalid_arguments")
        channel = team.open_channel(asked.text("channel_id", needed=True))
        found = [self._server.world.files.get(str(one.get("id"))) for one in wanted]
        files = [file for file in found if file is not None and not file.shared]
        if len(files) != len(wanted):
            raise Refusal("file_not_found")
        shown, text = asked.data("blocks"), asked.text("initial_comment")
        if shown and not text:
            blocks.check(shown)
            text = "\n".join(block["text"]["text"] for block in shown if block["type"] == "section")
        thread = asked.text("thread_ts")
        for file in files:
            file.shared = True
        content: dict[str, Any] = {
            "text": text,
            "subtype": "file_share",
            "files": [self.described(team, file) for file in files],
            **({"blocks": shown} if shown and not asked.text("initial_comment") else {}),
            **({"thread_ts": thread} if thread else {}),
        }
        message = self._server.speaking.write(team, channel, content)
        self._server.accepted(channel, message, asked.given)
        return {"files": [{"id": file.id, "title": file.name} for file in files]}

    async def download(self, request: web.Request) -> web.StreamResponse:
        _, _, number = request.match_info["place"].partition("-")
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        file = self._server.world.files.get(number)
        self.fetched.append(number)
        if self.fail_download:
            status, self.fail_download = self.fail_download, 0
            return web.Response(status=status)
        if file is None:
            return web.Response(status=404)
        if self.logged_out or not any(team.token == bearer for team in self._server.world.teams.values()):
            return web.Response(text="<html>Sign in to Slack</html>", content_type="text/html")
        await asyncio.sleep(0)
        return web.Response(body=file.content, content_type=file.mimetype)
