"""Which bot answers in one channel: by chat, by person, by the first word, and whoever is left."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.bot import Piece, Say
from gateway.message import Address, Button, Inbound, Outbound, Sender, Turn
from tests.groups import chat, hear, yaml
from tests.kit import Kit, Scripted, corridor

KEYWORDS = "routes: [{keyword: [sales, Verkauf], bot: sales}, {keyword: help, bot: help}]"


class Staff:
    """The three bots, each keeping what it was told."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.bots: dict[str, Scripted] = {name: kit.bot(name=name) for name in ("b", "sales", "help")}

    async def told(self) -> dict[str, list[str]]:
        """Who was told what, once all is quiet."""
        await self.kit.quiet()
        return {name: [turn.message.text for turn in bot.turns] for name, bot in self.bots.items() if bot.turns}

    async def heard(self) -> dict[str, set[str]]:
        """The same for several conversations, none of which waits for another."""
        return {name: set(texts) for name, texts in (await self.told()).items()}


@pytest.mark.feature("CH-17")
async def test_the_first_rule_that_fits_decides(tmp_path: Path) -> None:
    rules = """routes:
      - {chat: [g1, g3/7], user: 9, bot: help}
      - {chat: g1, bot: sales}
      - {user: "@staff", bot: help}"""
    async with corridor(tmp_path, yaml(rules, "groups: {g4: {bot: sales}}")) as kit:
        staff = Staff(kit)
        await hear(kit, "first", "9")
        await hear(kit, "second", "ada")
        await hear(kit, "third", "7001", chat="g2")
        await hear(kit, "fourth", "9", chat="g3", place="topic", thread="7")
        await hear(kit, "fifth", "9", chat="g3", place="topic", thread="8")
        await hear(kit, "sixth", "7001", chat="g4")
        await hear(kit, "seventh", "ada", chat="g4")
        await kit.say("eighth", user="7002")
        await kit.say("ninth", user="ada")
        assert await staff.heard() == {
            "b": {"fifth", "ninth"},
            "sales": {"second", "seventh"},
            "help": {"first", "third", "fourth", "sixth", "eighth"},
        }
        assert sorted(kit.paper.texts()) == sorted(
            ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
        )


@pytest.mark.feature("CH-17", "KEY-01", "KEY-06")
async def test_the_bot_is_part_of_the_conversation(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("routes: [{user: 9, bot: sales}]", "group: {reset_by: anyone}")) as kit:
        staff = Staff(kit)
        await hear(kit, "from ada", "ada")
        await hear(kit, "from nine", "9")
        await kit.quiet()
        await hear(kit, "again", "9")
        await kit.quiet()
        assert await kit.rows("SELECT key, bot FROM session ORDER BY created_at, id") == [
            ("p/b/group:account=acct,chat=g1", "b"),
            ("p/sales/group:account=acct,chat=g1", "sales"),
        ]
        last = staff.bots["sales"].turns[-1]
        assert (last.session.bot, [line.text for line in last.history]) == ("sales", ["from nine", "from nine"])
        assert {bot for (bot,) in await kit.rows("SELECT bot FROM participant WHERE person = '9'")} == {"sales"}
        await hear(kit, "/status", "9")
        await kit.quiet()
        await hear(kit, "/reset", "9")
        await kit.quiet()
        assert "bot sales: active" in kit.paper.texts()[-2]
        closed = await kit.rows("SELECT bot FROM session WHERE state = 'closed'")
        assert closed == [("sales",)]


@pytest.mark.feature("CH-17")
async def test_rules_name_accounts_and_never_cross_them(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("routes: [{account: one, chat: g1, bot: sales}]")) as kit:
        staff = Staff(kit)
        for account in ("one", "two"):
            address = Address(chat="g1", account=account, user="ada", place="group")
            ada = Sender(id="ada", name="Ada")
            event = Inbound(channel="p", account=account, ids=("e",), address=address, text=account, sender=ada)
            assert (await kit.receive(event)).outcome == "stored"
        assert await staff.told() == {"sales": ["one"], "b": ["two"]}
        keys = [key for (key,) in await kit.rows("SELECT key FROM lane ORDER BY key")]
        assert keys == ["p/b/group:account=two,chat=g1", "p/sales/group:account=one,chat=g1"]


@pytest.mark.feature("CH-17")
@pytest.mark.parametrize(
    ("text", "bot", "heard"),
    [
        ("sales I want one", "sales", "I want one"),
        ("SALES, please", "sales", "please"),
        ("verkauf:  bitte\nsehr", "sales", "bitte\nsehr"),
        ("ＨＥＬＰ me", "help", "me"),
        ("sales", "sales", "sales"),  # an empty message would be of no use to anybody
        ("salesman here", "b", "salesman here"),
        ("my sales", "b", "my sales"),
        ("sales-team", "b", "sales-team"),
        ("", "b", ""),
    ],
)
async def test_the_first_word_chooses_and_is_taken_away(tmp_path: Path, text: str, bot: str, heard: str) -> None:
    async with corridor(tmp_path, yaml(KEYWORDS)) as kit:
        staff = Staff(kit)
        await kit.say(text)
        assert await staff.told() == {bot: [heard]}


@pytest.mark.feature("CH-17")
async def test_a_conversation_keeps_the_bot_it_began_with(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(KEYWORDS)) as kit:
        staff = Staff(kit)
        for text in ("sales hello", "and more", "help me choose", "sales figures"):
            await kit.say(text)
        for text in ("hello", "sales hello"):
            await kit.say(text, user="bob")
        assert await staff.told() == {
            "sales": ["hello", "and more", "help me choose", "sales figures"],
            "b": ["hello", "sales hello"],
        }
        assert len(await kit.rows("SELECT 1 FROM session")) == 2


@pytest.mark.feature("CH-17", "ORD-01")
async def test_all_that_comes_at_once_goes_to_the_same_bot(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(KEYWORDS)) as kit:
        staff = Staff(kit)
        texts = ["sales now", *(f"more {number}" for number in range(10)), "help"]
        await asyncio.gather(*(kit.say(text) for text in texts))
        assert await staff.told() == {"sales": ["now", *texts[1:]]}


@pytest.mark.feature("CH-17")
async def test_each_thread_may_choose(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(KEYWORDS)) as kit:
        staff = Staff(kit)
        await hear(kit, "sales one", place="thread", thread="t1")
        await hear(kit, "help two", place="thread", thread="t2")
        await hear(kit, "three", place="thread", thread="t3")
        await kit.quiet()
        for thread in ("t1", "t2", "t3"):  # they are open: nobody has to be addressed
            assert await chat(kit, f"on in {thread}", "bob", place="thread", thread=thread) == "stored"
        assert await chat(kit, "sales", "bob", place="thread", thread="t4") == "not_addressed"
        assert await staff.told() == {
            "sales": ["one", "on in t1"],
            "help": ["two", "on in t2"],
            "b": ["three", "on in t3"],
        }


@pytest.mark.feature("CH-17", "LIF-13", "LIF-10")
async def test_after_an_end_or_a_reset_a_keyword_chooses_anew(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(KEYWORDS)) as kit:
        staff = Staff(kit)
        for text in ("sales one", "/end", "two", "/reset", "help three", "four", "/reset", "five", "/end", "six"):
            await kit.say(text)
            await kit.quiet()
        assert await staff.told() == {"sales": ["one"], "b": ["two", "six"], "help": ["three", "four", "five"]}
        sessions = await kit.rows("SELECT bot, state, reason FROM session ORDER BY created_at, id")
        assert sessions == [
            ("sales", "closed", "user"),
            ("b", "closed", "reset"),
            ("b", "closed", "transferred"),  # nothing was said in it
            ("help", "closed", "reset"),
            ("help", "closed", "user"),
            ("b", "active", None),
        ]


@pytest.mark.feature("CH-17", "LIF-19")
async def test_who_answers_is_known_after_a_restart(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(KEYWORDS), start=False) as kit:
        kit.corridor.desk.draining = True  # nothing is answered in this life
        await kit.say("sales one")
        await kit.say("two")
    async with corridor(tmp_path, yaml(KEYWORDS), sheet="other") as kit:
        staff = Staff(kit)
        kit.router.ring_bot("sales")
        await kit.say("three")
        assert await staff.told() == {"sales": ["one", "two", "three"]}


@pytest.mark.feature("CH-17", "KEY-08")
async def test_a_group_that_moves_takes_all_its_bots_along(tmp_path: Path) -> None:
    rules = "routes: [{user: 9, bot: sales}]"
    async with corridor(tmp_path, yaml(rules)) as kit:
        staff = Staff(kit)
        for user in ("ada", "9"):
            await hear(kit, "before", user)
        await kit.quiet()
        await hear(kit, "", kind="migrate", extra={"from": "g1", "to": "g9"})
        for user in ("ada", "9"):
            await hear(kit, "after", user, chat="g9")
        await kit.quiet()
        for bot in ("b", "sales"):
            assert [line.text for line in staff.bots[bot].turns[-1].history] == ["before", "before"]


@pytest.mark.feature("CH-17")
async def test_a_busy_bot_holds_up_no_other(tmp_path: Path) -> None:
    text = yaml("routes: [{user: 9, bot: sales}]").replace("sales: {kind: echo}", "sales: {kind: echo, concurrency: 1}")
    async with corridor(tmp_path, text) as kit:
        staff = Staff(kit)
        kit.corridor.desk.sit("sales")
        await kit.say("waits", user="9")
        await kit.say("goes", user="ada")
        await kit.until(lambda: kit.paper.texts() == ["goes"])
        kit.corridor.desk.rise("sales")
        assert await staff.told() == {"b": ["goes"], "sales": ["waits"]}


@pytest.mark.feature("CH-17")
async def test_a_button_is_pressed_in_the_conversation_it_stands_in(tmp_path: Path) -> None:
    async def offers(turn: Turn) -> AsyncIterator[Piece]:
        yield Say(Outbound(text="which?", buttons=(Button(text="Help me", value="help"),)))

    async with corridor(tmp_path, yaml(KEYWORDS, platform="tests.plugins.clicker")) as kit:
        staff = Staff(kit)
        staff.bots["sales"] = kit.bot(offers, "sales")
        await kit.say("sales hello")
        await kit.quiet()
        await kit.say("help", kind="button", extra={"button": {"ref": "ref-1", "text": "Help me"}})
        assert await staff.told() == {"sales": ["hello", "help"]}
        assert staff.bots["sales"].turns[-1].message.kind == "button"
