"""Who may write, and how much."""

from pathlib import Path

import pytest

from gateway.message import Address, Inbound, Sender
from tests.groups import outcome
from tests.kit import corridor

POLICY = """
people: {{staff: [1001, "+49 151 1234567", "*@example.org"]}}
bots: {{b: {{kind: echo}}}}
channels: {{p: {{platform: tests.paper, bot: b, {policy}}}}}
"""


def policy(text: str, messages: str = "off") -> str:
    return POLICY.format(policy=f"limits: {{send: off, messages: {messages}}}, {text}")


@pytest.mark.feature("ACC-01")
@pytest.mark.parametrize(
    ("access", "user", "allowed"),
    [
        ("{dm: open}", "5", True),
        ("{dm: off}", "5", False),
        ("{dm: allowlist}", "5", False),
        ("{dm: allowlist, allow: [5]}", "5", True),
        ("{dm: allowlist, allow: ['@staff']}", "1001", True),
        ("{dm: allowlist, allow: ['@staff']}", "1002", False),
        ("{dm: open, block: [5]}", "5", False),
        ("{dm: allowlist, allow: [5], block: [5]}", "5", False),
    ],
)
async def test_lists(tmp_path: Path, access: str, user: str, allowed: bool) -> None:
    async with corridor(tmp_path, policy(f"access: {access}")) as kit:
        accepted = await kit.say("hello", user=user)
        await kit.quiet()
        assert accepted.outcome == ("stored" if allowed else "not_allowed")
        assert kit.paper.texts() == (["hello"] if allowed else [])


@pytest.mark.feature("ACC-01")
@pytest.mark.parametrize(
    ("profile", "allowed"),
    [
        ({"phone": "+491511234567"}, True),
        ({"email": "ada@Example.org"}, True),
        ({"email": "ada@example.org.evil.com"}, False),
        ({}, False),
    ],
)
async def test_phones_and_domains(tmp_path: Path, profile: dict[str, str], allowed: bool) -> None:
    async with corridor(tmp_path, policy("access: {dm: allowlist, allow: ['@staff']}")) as kit:
        sender = Sender(id="9", name="1001", profile=profile)
        inbound = Inbound(
            channel="p", account="acct", ids=("i",), address=Address(chat="9", user="9"), text="hi", sender=sender
        )
        assert ((await kit.receive(inbound)).outcome == "stored") is allowed


@pytest.mark.feature("ACC-01")
async def test_a_refusal_is_told_once_a_day_where_wanted(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("access: {dm: off, tell: true}")) as kit:
        for ahead in (0, 60, 25 * 3600):
            kit.clock.ahead += ahead
            await kit.say("hello")
            await kit.quiet()
        assert kit.paper.texts() == ["You are not allowed to do that."] * 2


@pytest.mark.feature("ACC-03")
async def test_sixty_messages_a_minute_and_one_notice(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("enabled: true", "60/m")) as kit:
        bot = kit.bot()
        began = kit.clock.tick()
        outcomes = [(await kit.say(f"m{number}")).outcome for number in range(80)]
        took = kit.clock.tick() - began
        await kit.quiet()
        passed = outcomes.count("stored")
        assert 60 <= passed <= 61 + took  # a token a second flows back while we write
        assert outcomes.count("rate_limited") == 80 - passed
        assert len(bot.turns) == passed
        notices = [text for text in kit.paper.texts() if "too quickly" in text]
        assert len(notices) == 1
        kit.clock.ahead += 61
        assert (await kit.say("again")).outcome == "stored"


@pytest.mark.feature("KEY-01", "ACC-03")
async def test_every_conversation_has_a_level_of_its_own(tmp_path: Path) -> None:
    yaml = """
bots: {b: {kind: echo}}
defaults: {limits: {send: off, messages: 2/h}}
channels:
  p: {platform: tests.paper, bot: b}
  q: {platform: tests.paper, bot: b}
  r: {platform: tests.paper, bot: b, account: other}
"""
    async with corridor(tmp_path, yaml) as kit:
        assert [(await kit.say(f"{n}")).outcome for n in range(3)] == ["stored", "stored", "rate_limited"]
        group = {"place": "group", "chat": "g"}
        for channel, how in (("p", {"user": "bob"}), ("q", {}), ("r", {}), ("p", group)):
            assert (await kit.say("hello", channel, **how)).outcome == "stored", (channel, how)
        await kit.quiet()


@pytest.mark.feature("ACC-03")
async def test_the_level_is_kept_over_a_restart(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("enabled: true", "5/h")) as kit:
        assert [(await kit.say(str(n))).outcome for n in range(5)] == ["stored"] * 5
        await kit.quiet()
    async with corridor(tmp_path, policy("enabled: true", "5/h")) as kit:
        assert (await kit.say("more")).outcome == "rate_limited"


@pytest.mark.feature("ACC-03", "CMD-04")
async def test_stop_and_reset_still_work_over_the_limit(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("enabled: true", "2/h")) as kit:
        for number in range(3):
            await kit.say(str(number))
        await kit.quiet()
        for word, outcome in (("/help", "rate_limited"), ("/stop", "stored"), ("/reset", "stored")):
            assert (await kit.say(word)).outcome == outcome


@pytest.mark.feature("ACC-03")
async def test_one_members_flood_holds_up_nobody_else_in_the_group(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("group: {mode: open}", "20/h")) as kit:
        flood = [(await kit.say(f"f{n}", user="eve", chat="g", place="group")).outcome for n in range(30)]
        assert flood == ["stored"] * 15 + ["rate_limited"] * 15
        other = [(await kit.say(f"o{n}", user="ada", chat="g", place="group")).outcome for n in range(5)]
        assert other == ["stored"] * 5
        kit.clock.ahead += 16 * 60  # and while it goes on
        flood = [await outcome(kit, "more", "eve", "g") for _ in range(5)]
        assert (flood, await outcome(kit, "more", "ada", "g")) == (["stored"] * 4 + ["rate_limited"], "stored")
        await kit.quiet()


@pytest.mark.feature("ACC-03")
async def test_who_has_a_lane_to_themselves_has_its_whole_pace(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("group: {mode: open}, groups: {own: {scope: user}}", "4/h")) as kit:
        for where in ({"chat": "own", "place": "group"}, {}):
            said = [(await kit.say(f"{n}", **where)).outcome for n in range(5)]
            assert said == ["stored"] * 4 + ["rate_limited"]
        await kit.quiet()


@pytest.mark.feature("ACC-03")
async def test_speakers_levels_are_kept_over_a_restart(tmp_path: Path) -> None:
    for expected in (["stored"] * 3, ["rate_limited"] * 3):
        async with corridor(tmp_path, policy("group: {mode: open}", "4/h")) as kit:
            assert [await outcome(kit, "hello", "eve", "g") for _ in range(3)] == expected
            await kit.quiet()
    async with corridor(tmp_path, policy("group: {mode: open}", "4/h")) as kit:
        assert await outcome(kit, "hello", "ada", "g") == "stored"
        await kit.quiet()


@pytest.mark.feature("CH-02", "INB-09")
async def test_a_channel_switched_off_drops_with_a_reason(tmp_path: Path) -> None:
    text = policy("enabled: false, texts: {disabled: Closed for now}")
    async with corridor(tmp_path, text) as kit:
        bot = kit.bot()
        for ahead in (0, 60, 3600):
            kit.clock.ahead += ahead
            assert (await kit.say("hello")).outcome == "channel_disabled"
        await kit.quiet()
        assert bot.turns == []
        assert kit.paper.texts() == ["Closed for now"] * 2
        assert len(await kit.rows("SELECT 1 FROM dropped WHERE reason = 'channel_disabled'")) == 3


@pytest.mark.feature("CH-02")
async def test_a_channel_switched_off_tells_so_only_where_it_would_answer(tmp_path: Path) -> None:
    text = policy("enabled: false, access: {block: [666]}, texts: {disabled: Closed for now}")
    async with corridor(tmp_path, text) as kit:
        group = {"chat": "g", "place": "group"}
        for said in (
            {"user": "ada", "addressed": False, **group},
            {"user": "acct"},
            {"user": "666"},
            {"user": "robot", "kind": "service"},
        ):
            await kit.say("hello", **said)
        assert len(await kit.rows("SELECT 1 FROM dropped WHERE reason = 'channel_disabled'")) == 3
        assert await kit.rows("SELECT 1 FROM session") == []
        await kit.say("hello", **group)
        await kit.quiet()
        assert kit.paper.texts() == ["Closed for now"]


@pytest.mark.feature("CH-02")
async def test_a_channel_switched_off_says_nothing_by_itself_and_keeps_no_text(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("enabled: false")) as kit:
        await kit.say("my secret words")
        await kit.quiet()
        assert kit.paper.texts() == []
        assert await kit.rows("SELECT 1 FROM inbox") == []
        everything = b"".join(path.read_bytes() for path in tmp_path.glob("gateway.db*"))
        assert b"my secret words" not in everything


@pytest.mark.feature("CH-02")
async def test_a_channel_on_hold_answers_when_it_is_switched_on_again(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("enabled: false, when_disabled: hold")) as kit:
        bot = kit.bot()
        assert (await kit.say("hello")).outcome == "stored"
        await kit.stored("SELECT state, attempts, not_before > 0 FROM inbox", ("waiting", 0, 1))  # looked at
        assert (bot.turns, kit.paper.texts()) == ([], [])
    async with corridor(tmp_path, policy("enabled: true")) as kit:
        kit.clock.ahead += 120
        await kit.quiet()
        assert kit.paper.texts() == ["hello"]


@pytest.mark.feature("INB-09")
async def test_an_operator_may_block_a_person(tmp_path: Path) -> None:
    async with corridor(tmp_path, policy("enabled: true")) as kit:
        await kit.say("hello")
        await kit.quiet()

        def block():  # type: ignore[no-untyped-def]
            yield "UPDATE participant SET blocked = 1", ()

        await kit.corridor.db.write(block)
        kit.corridor.memory.clear()
        for text in ("first after a restart", "second"):
            assert (await kit.say(text)).outcome == "not_allowed"
        await kit.quiet()
        assert kit.paper.texts() == ["hello"]
        assert await kit.rows("SELECT reason, COUNT(*) FROM dropped GROUP BY reason") == [("not_allowed", 2)]
