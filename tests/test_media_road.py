"""The whole road of a file: from a platform's server to the bot, by nothing but our own address."""

from pathlib import Path

import pytest

from tests.doors import Held
from tests.media import PNG
from tests.road import SCRIPTED
from tests.telegram_road import road


@pytest.mark.feature("MED-01", "CH-05")
async def test_a_photo_comes_to_the_bot_without_the_platforms_token(tmp_path: Path) -> None:
    async with road(tmp_path, bot=SCRIPTED) as here:
        bot = Held()
        here.server.files["p1"] = PNG
        here.server.user(7).posts({"photo": [{"file_id": "p1", "file_unique_id": "u", "width": 9, "height": 9}]})
        await here.until(lambda: bot.turns)
        (file,) = bot.turns[0].message.files
        assert (file.mime, file.kind, file.size, file.ref) == ("image/png", "photo", len(PNG), "")
        assert file.url.startswith(here.gateway.url)
        assert here.server.token not in str(bot.turns[0])
        async with here.gateway.http.get(file.url) as response:
            assert await response.read() == PNG
        bot.write("nice")
        bot.finish()
        await here.texts(7, ["nice"])
        assert await here.rows("SELECT text FROM message WHERE role = 'user'") == [("[photo: photo.jpg]",)]
