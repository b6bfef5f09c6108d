"""Our Telegram server with files, albums, buttons, reactions and menus, checked by aiogram as its client and reader."""

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.far.telegram import TelegramServer
from tests.test_far_telegram import bot_of

if TYPE_CHECKING:
    import aiogram  # it takes seconds: each test that needs it imports it, not every process that reads this file


JPEG, PDF = b"\xff\xd8\xff" + bytes(1000), b"%PDF"


def file(name: str, content: bytes) -> "aiogram.types.BufferedInputFile":
    from adapters.telegram.sdk import aiogram

    return aiogram.types.BufferedInputFile(content, name)


def photo(caption: str | None = None) -> "aiogram.types.InputMediaPhoto":
    from adapters.telegram.sdk import aiogram

    return aiogram.types.InputMediaPhoto(media=file("garden.jpg", JPEG), caption=caption)


def paper() -> "aiogram.types.InputMediaDocument":
    from adapters.telegram.sdk import aiogram

    return aiogram.types.InputMediaDocument(media=file("a.pdf", PDF))


def emoji(one: str) -> "aiogram.types.ReactionTypeEmoji":
    from adapters.telegram.sdk import aiogram

    return aiogram.types.ReactionTypeEmoji(emoji=one)


def keyboard(data: str | None = None, url: str | None = None) -> "aiogram.types.InlineKeyboardMarkup":
    """One with one key."""
    from adapters.telegram.sdk import aiogram

    only = aiogram.types.InlineKeyboardButton(text="Yes", callback_data=data, url=url)
    return aiogram.types.InlineKeyboardMarkup(inline_keyboard=[[only]])


@pytest.mark.feature("DEV-03")
async def test_files_and_buttons_are_taken_and_told_as_aiogram_expects() -> None:
    from adapters.telegram.sdk import aiogram

    async with TelegramServer() as server, bot_of(server) as bot:
        said = server.user(7).says("hi")
        sent = [
            await bot.send_photo(7, file("garden.jpg", JPEG), caption="The garden", reply_markup=keyboard(data="yes")),
            await bot.send_document(7, file("paper.pdf", PDF)),
            await bot.send_audio(7, file("a.mp3", b"ID3")),
            await bot.send_voice(7, file("a.ogg", b"OggS")),
            await bot.send_video(7, file("a.mp4", b"ftyp")),
            await bot.send_animation(7, file("a.gif", b"GIF8")),
            await bot.send_sticker(7, file("a.webp", b"RIFF")),
            *await bot.send_media_group(7, [photo(caption="two"), photo()]),
        ]
        assert [message.content_type for message in sent] == [
            *("photo", "document", "audio", "voice", "video", "animation", "sticker", "photo", "photo")
        ]
        assert sent[0].caption == "The garden"
        assert sent[7].media_group_id == sent[8].media_group_id
        assert not any(message.model_extra for message in sent)
        sizes = sent[0].photo
        assert sizes is not None
        content = await bot.download(sizes[-1].file_id)
        assert content is not None
        assert content.read() == JPEG
        assert await bot.set_message_reaction(7, said, [emoji("👀")])
        groups = aiogram.types.BotCommandScopeAllGroupChats()
        assert await bot.set_my_commands([aiogram.types.BotCommand(command="help", description="x")], groups)
        assert await bot.delete_my_commands(groups)


@pytest.mark.feature("DEV-03")
async def test_presses_and_albums_are_told_as_aiogram_expects() -> None:
    from adapters.telegram.sdk import aiogram

    async with TelegramServer() as server, bot_of(server) as bot:
        await bot.get_updates(allowed_updates=["message", "callback_query"])
        ada = server.user(7, "Ada")
        ada.sends_photos("one", "two", caption="my garden")
        asked = await bot.send_message(7, "Well?", reply_markup=keyboard(data="y"))
        ada.taps(asked.message_id, "Yes")
        bodies = [orjson.loads(update.body) for update in server.queue.pending.values()]
        updates = [aiogram.types.Update.model_validate(body) for body in bodies]
        first, second = (update.message for update in updates[:2])
        assert first is not None
        assert second is not None
        assert (first.caption, first.media_group_id) == ("my garden", second.media_group_id)
        press = updates[2].callback_query
        assert press is not None
        assert press.data == "y"
        assert await press.answer().as_(bot)
        with pytest.raises(aiogram.exceptions.TelegramBadRequest):
            await bot.answer_callback_query("never")


WRONG: list[tuple[str, Callable[[], dict[str, Any]]]] = [
    ("send_photo", lambda: {"photo": file("a.png", b"no picture")}),
    ("send_photo", lambda: {"photo": "https://example.org/a.png"}),
    ("send_document", lambda: {"document": file("a.pdf", b"")}),
    ("send_document", lambda: {"document": file("a.pdf", PDF), "caption": "x" * 1025}),
    ("send_media_group", lambda: {"media": [photo()]}),
    ("send_media_group", lambda: {"media": [photo(), paper()]}),
    ("send_message", lambda: {"text": "x", "reply_markup": keyboard(data="x" * 65)}),
    ("send_message", lambda: {"text": "x", "reply_markup": keyboard(url="mailto:a@b.c")}),
    ("send_message", lambda: {"text": "x", "reply_markup": keyboard()}),
    ("set_message_reaction", lambda: {"message_id": 2, "reaction": [emoji("✅")]}),
    ("set_message_reaction", lambda: {"message_id": 99, "reaction": []}),
]


@pytest.mark.feature("DEV-03")
@pytest.mark.parametrize(("method", "asked"), WRONG, ids=[f"{n} {method}" for n, (method, _) in enumerate(WRONG)])
async def test_what_telegram_refuses_is_refused(method: str, asked: Callable[[], dict[str, Any]]) -> None:
    from adapters.telegram.sdk import aiogram

    async with TelegramServer() as server, bot_of(server) as bot:
        server.user(7).says("hi")
        with pytest.raises(aiogram.exceptions.TelegramBadRequest):
            await getattr(bot, method)(7, **asked())
        assert server.sent == []


@pytest.mark.feature("DEV-03")
async def test_files_over_the_limit_are_refused_as_a_whole() -> None:
    from adapters.telegram.sdk import aiogram

    class Large(aiogram.types.BufferedInputFile):
        async def read(self, bot: Any) -> AsyncGenerator[bytes, None]:
            for _ in range(51):
                yield bytes(1 << 20)

    async with TelegramServer() as server, bot_of(server) as bot:
        server.user(7).says("hi")
        with pytest.raises(aiogram.exceptions.TelegramEntityTooLarge):
            await bot.send_document(7, Large(b"", "a.bin"))
