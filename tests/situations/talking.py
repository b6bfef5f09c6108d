"""Conversations: commands, groups, several people at once, slow answers, and a gateway that comes and goes."""

from tests.situations import bot
from tests.situations.road import Road
from tests.situations.script import count, situation

RESET = "Conversation reset."


@situation("CMD-01", "LIF-10")
async def reset(road: Road) -> None:
    ada = road.person()
    for text in ("hello", "again", f"{road.prefix}reset", "fresh"):
        await road.say(ada, text)
        await road.quiet()
    await road.sees(ada, "hello (0)", "again (2)", RESET, "fresh (0)")


@situation("CMD-01", "LIF-10")
async def reset_in_another_spelling(road: Road) -> None:
    ada = road.person()
    for text in ("hello", f"  {road.prefix}ReSet   now please ", "fresh"):
        await road.say(ada, text)
        await road.quiet()
    await road.sees(ada, "hello (0)", RESET, "fresh (0)")


@situation("CMD-01")
async def a_command_within_a_sentence(road: Road) -> None:
    ada = road.person()
    for text in ("hello", f"please {road.prefix}reset", f"{road.prefix}resettle"):
        await road.say(ada, text)
        await road.quiet()
    assert road.texts(ada)[:2] == ["hello (0)", f"please {road.prefix}reset (2)"]
    assert RESET not in road.texts(ada)


@situation("CMD-01", "GRP-02")
async def a_command_for_another_bot(road: Road) -> None:
    ada, asked = road.person(), len(bot.asked)
    await road.say(ada, "hello")
    await road.sees(ada, "hello (0)")
    await road.say(ada, f"{road.prefix}reset@other_bot")
    await road.say(ada, "still here")
    await road.until(lambda: "still here" in bot.asked[asked:])
    await road.quiet()
    assert RESET not in road.texts(ada)
    assert road.texts(ada)[-1] != "still here (0)"


@situation("LIF-10", "LIF-11")
async def reset_while_an_answer_is_made(road: Road) -> None:
    ada, name = road.person(), f"never {road.name}"
    await road.say(ada, f"late {name}")
    await road.until(lambda: f"late {name}" in bot.asked)
    await road.say(ada, f"{road.prefix}reset")
    await road.until(lambda: road.texts(ada) == [RESET])
    bot.release(name)
    await road.say(ada, "fresh")
    await road.sees(ada, RESET, "fresh (0)")


@situation("LIF-18")
async def stop_while_an_answer_is_made(road: Road) -> None:
    ada, name = road.person(), f"stopped {road.name}"
    await road.say(ada, f"late {name}")
    await road.until(lambda: f"late {name}" in bot.asked)
    await road.say(ada, f"{road.prefix}stop")
    await road.sees(ada, "Stopped.")
    bot.release(name)
    await road.quiet()
    assert road.texts(ada) == ["Stopped."]


@situation("GRP-01", "GRP-02")
async def called_in_a_group(road: Road) -> None:
    ada, bob = road.person(), road.person()
    group = road.group(ada, bob)
    await road.say(ada, f"{road.called} hello", group)
    await road.sees(group, "hello (0)")


@situation("GRP-01", "GRP-02")
async def not_called_in_a_group(road: Road) -> None:
    ada, bob = road.person(), road.person()
    group, stored = road.group(ada, bob), await count(road, "inbox")
    for who, text in ((ada, "lunch?"), (bob, "private words"), (ada, "mail a@example.org")):
        await road.say(who, text, group)
    await road.say(bob, f"{road.called} hello", group)
    await road.sees(group, "hello (0)")
    assert await count(road, "inbox") == stored + 1
    assert not await road.rows("SELECT 1 FROM message WHERE text LIKE '%private words%'")


@situation("GRP-02")
async def everyone_called_in_a_group(road: Road) -> None:
    ada, bob = road.person(), road.person()
    group, stored = road.group(ada, bob), await count(road, "inbox")
    for text in ("@everyone come", "@channel listen", "@here and now", "@other_bot hello"):
        await road.say(ada, text, group)
    await road.say(bob, f"{road.called} hello", group)
    await road.sees(group, "hello (0)")
    assert await count(road, "inbox") == stored + 1


@situation("GRP-09", "LIF-10", "CMD-01")
async def reset_in_a_group(road: Road) -> None:
    ada, bob = road.person(), road.person()
    group = road.group(ada, bob)
    first = await road.say(ada, f"{road.called} hello", group)
    await road.sees(group, "hello (0)")
    await road.say(bob, f"{road.called} again", group, below=first)
    await road.sees(group, "hello (0)", "again (2)")
    await road.say(ada, f"{road.prefix}reset", group, below=first)
    await road.sees(group, "hello (0)", "again (2)", RESET)
    await road.say(bob, f"{road.called} fresh", group, below=first)
    await road.sees(group, "hello (0)", "again (2)", RESET, "fresh (0)")


@situation("KEY-03", "KEY-05", "GRP-01")
async def a_group_and_its_people_are_apart(road: Road) -> None:
    ada, bob = road.person(), road.person()
    group = road.group(ada, bob)
    await road.say(ada, "alone")
    await road.sees(ada, "alone (0)")
    await road.say(ada, f"{road.called} together", group)
    await road.sees(group, "together (0)")
    await road.say(ada, "alone again")
    await road.sees(ada, "alone (0)", "alone again (2)")


@situation("KEY-03", "KEY-05", "ORD-02")
async def two_people_at_once(road: Road) -> None:
    ada, bob = road.person(), road.person()
    for text in ("one", "two", "three"):
        for who in (ada, bob):
            await road.say(who, text)
    for who in (ada, bob):
        await road.sees(who, "one (0)", "two (2)", "three (4)")


@situation("ORD-01", "ORD-02", "ORD-03")
async def a_slow_answer_holds_up_its_own_conversation_only(road: Road) -> None:
    ada, bob, name, before = road.person(), road.person(), f"slow {road.name}", len(bot.asked)
    await road.say(ada, f"late {name}")
    await road.until(lambda: f"late {name}" in bot.asked)
    await road.say(ada, "behind it")
    await road.say(bob, "hello")
    await road.until(lambda: road.texts(bob) == ["hello (0)"])
    assert road.texts(ada) == []
    assert "behind it" not in bot.asked[before:]
    bot.release(name)
    await road.sees(ada, f"late {name} (0)", "behind it (2)")


@situation("OUT-11")
async def nothing_to_say(road: Road) -> None:
    ada = road.person()
    await road.say(ada, "silent please")
    await road.say(ada, "hello")
    await road.sees(ada, "hello (1)")


@situation("BOT-06")
async def the_bot_fails(road: Road) -> None:
    ada = road.person()
    await road.say(ada, "fails")
    await road.sees(ada, "Something went wrong. Please try again.")
    await road.say(ada, "hello")
    await road.until(lambda: len(road.texts(ada)) == 2)
    assert road.texts(ada)[1].startswith("hello (")


@situation("LIF-19", "INB-03", alone=True)
async def stopped_while_an_answer_is_made(road: Road) -> None:
    ada, name = road.person(), f"stopped {road.name}"
    await road.say(ada, "hello")
    await road.sees(ada, "hello (0)")
    await road.say(ada, f"late {name}")
    await road.until(lambda: f"late {name}" in bot.asked)
    await road.stop()
    bot.release(name)
    await road.start()
    await road.sees(ada, "hello (0)", f"late {name} (2)")
    await road.say(ada, "again")
    await road.sees(ada, "hello (0)", f"late {name} (2)", "again (4)")


@situation("LIF-19", "OUT-02", alone=True)
async def stopped_while_an_answer_waits_to_be_sent(road: Road) -> None:
    ada = road.person()
    road.fail("throttled")
    await road.say(ada, "hello")
    await road.until_rows([("ready", 1)], "SELECT state, attempts FROM outbox")
    await road.stop()
    await road.start()
    assert road.texts(ada) == []
    road.leap(61)
    await road.sees(ada, "hello (0)")


@situation("LIF-19", "INB-02", alone=True)
async def written_while_the_gateway_is_away(road: Road) -> None:
    ada = road.person()
    await road.say(ada, "hello")
    await road.sees(ada, "hello (0)")
    await road.stop()
    await road.say(ada, "are you there?")
    await road.start()
    await road.sees(ada, "hello (0)", "are you there? (2)")
