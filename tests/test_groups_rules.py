"""Groups differ: mention words, rules for single groups and topics, who may write there, groups that are left."""

from pathlib import Path
from time import perf_counter

import pytest
import structlog

from gateway.mentions import Mentions
from gateway.message import Address
from gateway.rules import RuleBook
from tests.groups import chat, hear, outcome, yaml
from tests.kit import configure, corridor
from tests.yaml_files import Files


@pytest.mark.feature("GRP-03")
@pytest.mark.parametrize(
    ("text", "answered"),
    [
        ("Hey Robot, what now?", True),
        ("the roboter is broken", False),
        ("what says the 机器人?", True),
        ("@everyone look", False),
        ("nobody is meant", False),
    ],
)
async def test_mention_words_address_the_bot(tmp_path: Path, text: str, answered: bool) -> None:
    async with corridor(tmp_path, yaml(r"group: {mention_patterns: ['\brobot\b', '机器人']}")) as kit:
        assert await chat(kit, text) == ("stored" if answered else "not_addressed")
        await kit.quiet()
        assert kit.paper.texts() == ([text] if answered else [])


@pytest.mark.feature("GRP-03")
@pytest.mark.parametrize("mode", ["listen", "off"])
async def test_mention_words_wake_nobody_who_is_not_to_answer(tmp_path: Path, mode: str) -> None:
    async with corridor(tmp_path, yaml(f"group: {{mode: {mode}, mention_patterns: [robot]}}")) as kit:
        assert await chat(kit, "robot!") == "not_addressed"


@pytest.mark.feature("GRP-03")
def test_a_pattern_that_explodes_is_given_up_on() -> None:
    evil = Mentions(["(a|a)*#", "(x+x+)+y", "robot"], everyone=False)
    with structlog.testing.capture_logs() as log:
        began = perf_counter()
        assert not evil.found("a" * 5000 + "!" + "x" * 5000)
        assert not evil.found("a" * 5000 + "!" + "x" * 5000)
        took = perf_counter() - began
    assert took < 5  # without a bound it would outlive us all
    assert [line["event"] for line in log] == ["mention.slow"]  # said once, although everybody can cause it
    assert evil.found("my robot")


@pytest.mark.feature("GRP-03", "CFG-02")
@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ("[fine, '(']", "[1]: is not a regular expression: missing ) at position 1"),
        ("['a*']", "[0]: matches every message: say mode: open instead"),
        ("[5]", "[0]: expected a regular expression: put it in quotes"),
        ("robot", ": expected a list of regular expressions"),
    ],
)
def test_bad_patterns_are_found_where_they_stand(tmp_path: Path, patterns: str, said: str) -> None:
    files, text = Files(tmp_path), yaml(f"group: {{mention_patterns: {patterns}}}")
    line = text.splitlines().index(f"    group: {{mention_patterns: {patterns}}}") + 1
    (found,) = files.wrong(_load, text)
    assert found.startswith(f"gateway.yaml:{line}:")
    assert found.endswith(f"channels.p.group.mention_patterns{said}")


def _load(path: Path, environment: object) -> None:
    configure(path.parent, path.read_text("utf-8"))


@pytest.mark.feature("GRP-02")
@pytest.mark.parametrize(("wake", "answered"), [("false", []), ("true", ["@everyone: lunch", "hi @Here"])])
async def test_everyone_is_not_the_bot_unless_the_operator_says_so(
    tmp_path: Path, wake: str, answered: list[str]
) -> None:
    async with corridor(tmp_path, yaml(f"group: {{wake_on_everyone: {wake}}}")) as kit:
        for text in ("@everyone: lunch", "me@here.org", "@allison", "hi @Here"):
            await chat(kit, text)
        await kit.quiet()
        assert kit.paper.texts() == answered


GROUPS = """groups:
      "*": {mode: open, quote: false}
      g2: {mode: mention}
      -1003: {mode: off}
      g4/7: {mode: mention, attribution: false}
      g4: {bot: sales}"""


@pytest.mark.feature("GRP-04")
async def test_a_group_has_its_own_rules_and_star_is_for_all_others(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml("group: {mode: listen, attribution: true}", GROUPS)) as kit:
        assert await chat(kit, "one", chat="anywhere") == "stored"
        assert await chat(kit, "two", chat="g2") == "not_addressed"
        assert await outcome(kit, "three", chat="g2", ref="m1") == "stored"
        assert await outcome(kit, "four", chat="-1003") == "not_addressed"
        await kit.quiet()
        assert sorted(kit.paper.texts()) == ["one", "three"]
        assert {part.reply_to for part in kit.paper.sent} == {""}  # g2 says nothing of quotes: as in *


@pytest.mark.feature("GRP-04", "KEY-07")
async def test_a_topic_may_differ_from_its_group(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml(GROUPS)) as kit:
        general, topic = kit.bot(name="b"), kit.bot(name="sales")
        assert await chat(kit, "general", chat="g4") == "stored"
        assert await chat(kit, "in seven", chat="g4", place="topic", thread="7") == "not_addressed"
        assert await outcome(kit, "to the bot", chat="g4", place="topic", thread="7") == "stored"
        assert await chat(kit, "in eight", chat="g4", place="topic", thread="8") == "stored"
        await kit.quiet()
        assert {turn.message.text: turn.attribution for turn in topic.turns} == {
            "general": True,
            "to the bot": False,
            "in eight": True,
        }
        assert general.turns == []


@pytest.mark.feature("GRP-04")
def test_what_nobody_said_of_a_group_is_as_around_it(tmp_path: Path) -> None:
    settings = configure(
        tmp_path,
        yaml(
            "group: {mode: open, context: 3, mention_patterns: [robot]}",
            'groups: {"*": {context: 5}, g1: {mode: mention, users: ["@staff"]}, g1/2: {context: 0}}',
        ),
    ).channels["p"]
    book = RuleBook(settings)
    topic = book.at(Address(chat="g1", thread="2", place="topic"))
    assert (topic.manners.mode, topic.context, topic.users) == ("mention", 0, ("7001", "7002"))
    assert topic.mentions.found("a robot")
    group = book.at(Address(chat="g1", place="group"))
    assert (group.manners.mode, group.context) == ("mention", 5)
    other = book.at(Address(chat="g2", place="group"))
    assert (other.manners.mode, other.context, other.users) == ("open", 5, None)


@pytest.mark.feature("GRP-04", "CFG-02")
@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("{g1: {mod: open}}", 'channels.p.groups.g1: unknown key "mod"; did you mean "mode"?'),
        ("{g1: {bot: sale}}", 'channels.p.groups.g1.bot: unknown bot "sale"; did you mean "sales"?'),
        ("{g1: {mode: loud}}", "channels.p.groups.g1.mode: must be one of: open, mention, listen or off"),
        ("{g1: {users: [bob]}}", "channels.p.groups.g1.users[0]: expected an id, a phone number"),
        ("{g1: {scope: everybody}}", "channels.p.groups.g1.scope: must be one of: chat, user, thread or thread_user"),
        ("{g1: {allow: all}}", 'channels.p.groups.g1: unknown key "allow"'),
        ("{g1: {context: 51}}", "channels.p.groups.g1.context: must be at most 50"),
    ],
)
def test_mistakes_in_groups(tmp_path: Path, groups: str, said: str) -> None:
    (found,) = Files(tmp_path).wrong(_load, yaml(f"groups: {groups}"))
    assert said in found


@pytest.mark.feature("GRP-04")
async def test_only_some_may_write_to_the_bot_in_a_group(tmp_path: Path) -> None:
    async with corridor(tmp_path, yaml('groups: {g1: {users: ["@staff"]}}', "access: {tell: true}")) as kit:
        assert await outcome(kit, "let me in", "9") == "not_allowed"
        assert await outcome(kit, "/status", "9") == "not_allowed"
        assert await chat(kit, "chatter", "9") == "not_addressed"
        assert await outcome(kit, "hello", "7001") == "stored"
        assert await outcome(kit, "hi", "9", chat="g2") == "stored"
        await kit.quiet()
        assert sorted(kit.paper.texts()) == ["You are not allowed to do that.", "hello", "hi"]


@pytest.mark.feature("GRP-04", "KEY-04")
@pytest.mark.parametrize(
    ("scope", "where", "sessions"),
    [
        ("user", {}, 2),
        ("chat", {}, 1),
        ("thread", {}, 1),
        ("user", {"place": "topic", "thread": "1"}, 2),
        ("thread", {"place": "topic", "thread": "1"}, 1),
        ("thread_user", {"place": "thread", "thread": "1"}, 2),
    ],
)
async def test_who_shares_a_conversation_in_one_group(
    tmp_path: Path, scope: str, where: dict[str, str], sessions: int
) -> None:
    async with corridor(tmp_path, yaml(f"groups: {{g1: {{scope: {scope}}}}}")) as kit:
        for user in ("ada", "bob"):
            await hear(kit, "hello", user, **where)
            await hear(kit, "hello", user, chat="g2", **where)
        await kit.quiet()
        assert await kit.rows("SELECT COUNT(*) FROM lane WHERE chat = 'g1'") == [(sessions,)]
        assert await kit.rows("SELECT COUNT(*) FROM lane WHERE chat = 'g2'") == [(1,)]


@pytest.mark.feature("GRP-04", "CH-17")
def test_the_documented_example_is_well(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "groups.md").read_text("utf-8")
    example = text.split("```yaml\n")[1].split("```")[0]
    bots = "bots: {support: {kind: echo}, sales: {kind: echo}, helper: {kind: echo}}\npeople: {staff: [7001]}\n"
    settings = configure(tmp_path, bots + example.replace("${TELEGRAM_TOKEN}", f"7:{'a' * 35}"))
    channel = settings.channels["help-telegram"]
    assert (channel.group.context, channel.groups["-1001234567890/7"].users) == (20, ("7001",))
    assert [route.bot for route in channel.routes] == ["sales", "helper"]


@pytest.mark.feature("GRP-05")
@pytest.mark.parametrize(("leave", "left"), [("true", ["g2"]), ("false", [])])
async def test_groups_that_are_not_listed_are_left_where_the_operator_wants_it(
    tmp_path: Path, leave: str, left: list[str]
) -> None:
    group = f"group: {{allow: [g1], leave_unlisted: {leave}}}"
    async with corridor(tmp_path, yaml(group, "texts: {group_welcome: Hello all}")) as kit:
        await hear(kit, "", chat="g2", kind="added")
        await hear(kit, "hello", chat="g2")
        await hear(kit, "", chat="g1", kind="added")
        await kit.say("hello in private", chat="ada")
        await kit.quiet()
        assert kit.paper.left == left
        assert sorted(kit.paper.texts()) == ["Hello all", "hello in private"]
        assert {part.address.chat for part in kit.paper.sent} == {"g1", "ada"}
