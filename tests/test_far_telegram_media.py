"""Our Telegram server with files, albums, buttons, reactions and menus, checked by aiogram as its client and reader."""

from collections.abc import AsyncGenerator
from typing import Any

import orjson
import pytest
from aiogram.exceptions import TelegramBadRequest, TelegramEntityTooLarge
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    ReactionTypeEmoji,
    Update,
)

from tests.far.telegram import TelegramServer
from tests.test_far_telegram import bot_of

JPEG = BufferedInputFile(b"\xff\xd8\xff" + bytes(1000), "garden.jpg")
PAPER = BufferedInputFile(b"%PDF", "paper.pdf")


def keyboard(*keys: InlineKeyboardButton) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(inline_keyboard=[list(keys)])


@pytest.mark.feature("DEV-03")
async def test_files_and_buttons_are_taken_and_told_as_aiogram_expects() -> None:
    async with TelegramServer() as server, bot_of(server) as bot:
        said = server.user(7).says("hi")
        yes = InlineKeyboardButton(text="Yes", callback_data="yes")
        sent = [
            await bot.send_photo(7, JPEG, caption="The garden", reply_markup=keyboard(yes)),
            await bot.send_document(7, PAPER),
            await bot.send_audio(7, BufferedInputFile(b"ID3", "a.mp3")),
            await bot.send_voice(7, BufferedInputFile(b"OggS", "a.ogg")),
            await bot.send_video(7, BufferedInputFile(b"ftyp", "a.mp4")),
            await bot.send_animation(7, BufferedInputFile(b"GIF8", "a.gif")),
            await bot.send_sticker(7, BufferedInputFile(b"RIFF", "a.webp")),
            *await bot.send_media_group(7, [InputMediaPhoto(media=JPEG, caption="two"), InputMediaPhoto(media=JPEG)]),
        ]
        assert [message.content_type for message in sent] == [
            *("photo", "document", "audio", "voice", "video", "animation", "sticker", "photo", "photo")
        ]
        assert sent[0].caption == "The garden"
        assert sent[7].media_group_id == sent[8].media_group_id
        assert not any(message.model_extra for message in sent)
        photo = sent[0].photo
        assert photo is not None
        content = await bot.download(photo[-1].file_id)
        assert content is not None
        assert content.read() == JPEG.data
        assert await bot.set_message_reaction(7, said, [ReactionTypeEmoji(emoji="👀")])
        assert await bot.set_my_commands([BotCommand(command="help", description="x")], BotCommandScopeAllGroupChats())
        assert await bot.delete_my_commands(BotCommandScopeAllGroupChats())


@pytest.mark.feature("DEV-03")
async def test_presses_and_albums_are_told_as_aiogram_expects() -> None:
    async with TelegramServer() as server, bot_of(server) as bot:
        await bot.get_updates(allowed_updates=["message", "callback_query"])
        ada = server.user(7, "Ada")
        ada.sends_photos("one", "two", caption="my garden")
        yes = InlineKeyboardButton(text="Yes", callback_data="y")
        asked = await bot.send_message(7, "Well?", reply_markup=keyboard(yes))
        ada.taps(asked.message_id, "Yes")
        bodies = [orjson.loads(update.body) for update in server.queue.pending.values()]
        updates = [Update.model_validate(body) for body in bodies]
        first, second = (update.message for update in updates[:2])
        assert first is not None
        assert second is not None
        assert (first.caption, first.media_group_id) == ("my garden", second.media_group_id)
        press = updates[2].callback_query
        assert press is not None
        assert press.data == "y"
        assert await press.answer().as_(bot)
        with pytest.raises(TelegramBadRequest):
            await bot.answer_callback_query("never")


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("send_photo", {"photo": BufferedInputFile(b"no picture", "a.png")}),
    ("send_photo", {"photo": "https://example.org/a.png"}),
    ("send_document", {"document": BufferedInputFile(b"", "a.pdf")}),
    ("send_document", {"document": PAPER, "caption": "x" * 1025}),
    ("send_media_group", {"media": [InputMediaPhoto(media=JPEG)]}),
    ("send_media_group", {"media": [InputMediaPhoto(media=JPEG), InputMediaDocument(media=PAPER)]}),
    ("send_message", {"text": "x", "reply_markup": keyboard(InlineKeyboardButton(text="x", callback_data="x" * 65))}),
    ("send_message", {"text": "x", "reply_markup": keyboard(InlineKeyboardButton(text="x", url="mailto:a@b.c"))}),
    ("send_message", {"text": "x", "reply_markup": keyboard(InlineKeyboardButton(text="x"))}),
    ("set_message_reaction", {"message_id": 2, "reaction": [ReactionTypeEmoji(emoji="✅")]}),
    ("set_message_reaction", {"message_id": 99, "reaction": []}),
]


@pytest.mark.feature("DEV-03")
@pytest.mark.parametrize(("method", "asked"), WRONG, ids=[f"{n} {method}" for n, (method, _) in enumerate(WRONG)])
async def test_what_telegram_refuses_is_refused(method: str, asked: dict[str, Any]) -> None:
    async with TelegramServer() as server, bot_of(server) as bot:
        server.user(7).says("hi")
        with pytest.raises(TelegramBadRequest):
            await getattr(bot, method)(7, **asked)
        assert server.sent == []


@pytest.mark.feature("DEV-03")
async def test_files_over_the_limit_are_refused_as_a_whole() -> None:
    class Large(BufferedInputFile):
        async def read(self, bot: Any) -> AsyncGenerator[bytes, None]:
            for _ in range(51):
                yield bytes(1 << 20)

    async with TelegramServer() as server, bot_of(server) as bot:
        server.user(7).says("hi")
        with pytest.raises(TelegramEntityTooLarge):
            await bot.send_document(7, Large(b"", "a.bin"))
