"""Our Telegram server, checked by others: aiogram as its client and reader, TDLib for what it finds in texts."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import tdjson

from tests.far.telegram import TelegramServer
from tests.far.telegram.entities import found

if TYPE_CHECKING:
    import aiogram  # it takes seconds: each test that needs it imports it, not every process that reads this file


def bot_of(server: TelegramServer) -> "aiogram.Bot":
    from adapters.telegram.sdk import aiogram

    api = aiogram.client.telegram.TelegramAPIServer.from_base(server.url)
    return aiogram.Bot(server.token, session=aiogram.client.session.aiohttp.AiohttpSession(api=api))


@pytest.mark.feature("DEV-03")
async def test_every_answer_is_what_aiogram_expects() -> None:
    from adapters.telegram.sdk import aiogram

    async with TelegramServer() as server, bot_of(server) as bot:
        ada, forum = server.user(7, "Ada", "ada"), server.group(-100123, "Forum", forum=True)
        first, roses = ada.says("hi"), forum.topic("Roses")
        asked = ada.says("which?", forum, topic=roses)
        server.files["AgAC"] = b"content"
        assert (await bot.get_me()).username == "far_bot"
        sent = await bot.send_message(
            7,
            "👩 bold",
            entities=[aiogram.types.MessageEntity(type="bold", offset=3, length=4)],
            reply_parameters=aiogram.types.ReplyParameters(message_id=first),
        )
        assert (sent.text, sent.reply_to_message and sent.reply_to_message.text) == ("👩 bold", "hi")
        topical = await bot.send_message(
            -100123,
            "these",
            message_thread_id=roses,
            reply_parameters=aiogram.types.ReplyParameters(message_id=asked),
        )
        assert (topical.message_thread_id, topical.is_topic_message, topical.chat.is_forum) == (roses, True, True)
        edited = await bot.edit_message_text("plain", chat_id=7, message_id=sent.message_id)
        assert isinstance(edited, aiogram.types.Message)
        assert (edited.text, edited.entities) == ("plain", None)
        assert await bot.send_chat_action(7, "typing")
        assert await bot.send_message_draft(chat_id=7, draft_id=5, text="Half")
        assert (await bot.get_chat_member(-100123, 7)).status == "member"
        file = await bot.get_file("AgAC")
        content = await bot.download_file(file.file_path or "")
        assert content is not None
        assert content.read() == b"content"
        assert await bot.leave_chat(-100123)
        assert await bot.set_webhook("http://127.0.0.1:1/c/help", secret_token="x", allowed_updates=["message"])
        info = await bot.get_webhook_info()
        assert (info.url, info.allowed_updates) == ("http://127.0.0.1:1/c/help", ["message"])
        assert await bot.delete_webhook()
        assert (await bot.get_webhook_info()).url == ""


@pytest.mark.feature("DEV-03")
async def test_every_update_is_what_aiogram_expects() -> None:
    from adapters.telegram.sdk import aiogram

    kinds = ["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"]
    async with TelegramServer() as server, bot_of(server) as bot:
        await bot.get_updates(allowed_updates=kinds)
        ada, group = server.user(7, "Ada", "ada"), server.group(-4001, kind="group")
        forum = server.group(-100123, "Forum", forum=True)
        said = ada.says("/start@far_bot hello @far_bot")
        ada.edits(said, "better")
        ada.presses(99, "yes")
        ada.reacts(said, "👍")
        ada.reacts(said)
        ada.posts({"location": {"latitude": 1.5, "longitude": 2.5}})
        ada.says("in a topic", forum, topic=forum.topic("Roses"))
        forum.admin_says("rules", "Head")
        forum.channel_says("news", -100777, "Garden news")
        forum.service(ada, new_chat_title="Other")
        forum.removes_bot(ada)
        forum.adds_bot(ada)
        ada.blocks()
        ada.unblocks()
        server.migrate(group, ada)
        bodies = [update.body for update in server.queue.pending.values()]
        updates = await bot.get_updates()
        assert [update.event_type for update in updates] == [
            *("message", "edited_message", "callback_query", "message_reaction", "message_reaction", "message"),
            *("message", "message", "message", "message", "my_chat_member", "my_chat_member"),
            *("my_chat_member", "my_chat_member", "message", "message"),
        ]
        content = [update.message.content_type for update in updates if update.message]
        assert content[:3] == ["text", "location", "text"]
        assert content[5:] == ["new_chat_title", "migrate_to_chat_id", "migrate_from_chat_id"]
        senders = [update.message.from_user for update in updates if update.message]
        assert senders[0] is not None
        assert senders[0].username == "ada"
        for body in bodies:
            _assert_nothing_of_our_own(aiogram.types.Update.model_validate_json(body), orjson.loads(body))


def _assert_nothing_of_our_own(model: Any, data: Any) -> None:
    """aiogram keeps unknown fields aside: there are none, at any depth."""
    if isinstance(data, list):
        for one, given in zip(model, data, strict=True):
            _assert_nothing_of_our_own(one, given)
    elif isinstance(data, dict) and hasattr(model, "model_extra"):
        assert not model.model_extra, model.model_extra
        for name, given in data.items():
            _assert_nothing_of_our_own(getattr(model, "from_user" if name == "from" else name), given)


@pytest.mark.feature("DEV-03")
async def test_every_failure_is_what_aiogram_expects() -> None:
    from adapters.telegram.sdk import aiogram

    async with TelegramServer() as server, bot_of(server) as bot:
        ada, group = server.user(7, "Ada"), server.group(-4001, kind="group")
        ada.says("hi")
        bold = [aiogram.types.MessageEntity(type="bold", offset=0, length=2)]
        for text, entities, error in (
            ("x" * 4097, None, "message is too long"),
            ("😀" * 2049, None, "message is too long"),
            (" ", None, "message text is empty"),
            ("x", bold, "ENTITY_BOUNDS_INVALID"),
            ("x😀", bold, "ENTITY_BOUNDS_INVALID"),
        ):
            with pytest.raises(aiogram.exceptions.TelegramBadRequest, match=error):
                await bot.send_message(7, text, entities=entities)
        with pytest.raises(aiogram.exceptions.TelegramBadRequest, match="chat not found"):
            await bot.send_message(999, "x")
        with pytest.raises(aiogram.exceptions.TelegramBadRequest, match="thread not found"):
            await bot.send_message(-4001, "x", message_thread_id=77)
        with pytest.raises(aiogram.exceptions.TelegramBadRequest, match="replied not found"):
            await bot.send_message(7, "x", reply_parameters=aiogram.types.ReplyParameters(message_id=77))
        ada.blocks()
        with pytest.raises(aiogram.exceptions.TelegramForbiddenError, match="blocked"):
            await bot.send_message(7, "x")
        moved = server.migrate(group, ada)
        with pytest.raises(aiogram.exceptions.TelegramMigrateToChat) as migrated:
            await bot.send_message(-4001, "x")
        assert migrated.value.migrate_to_chat_id == moved.id
        server.revoked = True
        with pytest.raises(aiogram.exceptions.TelegramUnauthorizedError):
            await bot.get_me()


@pytest.mark.feature("DEV-03")
async def test_the_fault_script_is_followed_and_then_over() -> None:
    from adapters.telegram.sdk import aiogram

    async with TelegramServer() as server, bot_of(server) as bot:
        server.user(7).says("hi")
        server.user(8).says("hi")
        server.fail("sendMessage", 429, retry_after=9, chat=8)
        server.fail("sendMessage", 500, times=2)
        server.fail("sendMessage", "reset")
        server.fail("sendMessage", "accept_then_reset")
        for _ in range(2):
            with pytest.raises(aiogram.exceptions.TelegramServerError):
                await bot.send_message(7, "500")
        with pytest.raises(aiogram.exceptions.TelegramRetryAfter) as throttled:
            await bot.send_message(8, "429")
        assert throttled.value.retry_after == 9
        for text in ("reset", "accepted"):
            with pytest.raises(aiogram.exceptions.TelegramNetworkError):
                await bot.send_message(7, text)
        await bot.send_message(7, "well")
        assert server.texts() == ["accepted", "well"]


@pytest.mark.feature("DEV-03", "OUT-04")
async def test_limits_are_kept_when_switched_on() -> None:
    from adapters.telegram.sdk import aiogram

    now = 1000.0
    async with TelegramServer() as server, bot_of(server) as bot:
        server.pace.account, server.pace.chat, server.pace.group = (4, 1), (1, 1), (2, 60)
        server.pace.now = lambda: now
        group = server.group(-100123)
        server.user(7).says("hi")
        for second, chat, refused in (
            *((0, 7, 0), (0, 7, 1), (0.5, 7, 1), (1, 7, 0)),
            *((2, group.id, 0), (3, group.id, 0), (4, group.id, 58), (61.9, group.id, 1), (62, group.id, 0)),
        ):
            now = 1000 + second
            if not refused:
                await bot.send_message(chat, "x")
                continue
            with pytest.raises(aiogram.exceptions.TelegramRetryAfter) as throttled:
                await bot.send_message(chat, "x")
            assert throttled.value.retry_after == refused


@pytest.mark.feature("DEV-03", "CH-04")
async def test_polls_wait_confirm_and_conflict() -> None:
    from adapters.telegram.sdk import aiogram

    async with TelegramServer() as server, bot_of(server) as bot, bot_of(server) as other:
        waiting = asyncio.create_task(bot.get_updates(timeout=50))
        await server.until(lambda: server.calls)
        server.user(7).says("one")
        [update] = await waiting
        assert [again.update_id for again in await bot.get_updates()] == [update.update_id]
        waiting = asyncio.create_task(bot.get_updates(offset=update.update_id + 1, timeout=50))
        await server.until(lambda: not server.queue.pending)
        newer = asyncio.create_task(other.get_updates(timeout=50))
        with pytest.raises(aiogram.exceptions.TelegramConflictError):
            await waiting
        await bot.set_webhook("http://127.0.0.1:1/")
        for late in (newer, asyncio.create_task(bot.get_updates())):
            with pytest.raises(aiogram.exceptions.TelegramConflictError):
                await late


@pytest.mark.feature("DEV-03")
async def test_privacy_mode_hides_what_is_not_for_the_bot() -> None:
    async with TelegramServer(privacy=True) as server, bot_of(server) as bot:
        ada, group = server.user(7), server.group(-100123)
        ours = await bot.send_message(-100123, "hello all")
        ada.says("not for the bot", group)
        ada.says("@far_bot hi", group)
        ada.says("/help", group)
        ada.says("and you?", group, reply_to=ours.message_id)
        texts = [update.message and update.message.text for update in await bot.get_updates()]
        assert texts == ["@far_bot hi", "/help", "and you?"]


@pytest.mark.feature("DEV-03")
@pytest.mark.parametrize(
    "text",
    [
        "/start@far_bot hi and /reset",
        "👩‍🌾 @far_bot, see /help!",
        "mail me@far_bot.example or a/b/c",
        "https://example.org/start @a @ab @abc",
        "(/start) '/stop' @far_bot's",
        "no marks at all",
        "//twice /a@b /ok@far_bot_2 @@far_bot",
    ],
)
def test_commands_and_mentions_are_where_tdlib_finds_them(text: str) -> None:
    asked = json.dumps({"@type": "getTextEntities", "text": text}).encode()
    answer = json.loads(tdjson.td_execute(asked) or b"")
    names = {"textEntityTypeBotCommand": "bot_command", "textEntityTypeMention": "mention"}
    theirs = [
        {"type": names[entity["type"]["@type"]], "offset": entity["offset"], "length": entity["length"]}
        for entity in answer["entities"]
        if entity["type"]["@type"] in names
    ]
    assert found(text) == theirs
