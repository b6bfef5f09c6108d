"""Being told: once, several times, in any order, changed, taken back; and by whom it must not be believed."""

from tests.media import OGG, PNG
from tests.situations import bot
from tests.situations.road import Road
from tests.situations.script import count, situation


@situation("KEY-03", "INB-01")
async def said_and_answered(road: Road) -> None:
    ada = road.person()
    await road.say(ada, "hello")
    await road.sees(ada, "hello (0)")
    await road.say(ada, "again")
    await road.sees(ada, "hello (0)", "again (2)")


@situation("INB-03")
async def told_five_times(road: Road) -> None:
    ada = road.person()
    road.copies(5)
    await road.say(ada, "hello")
    await road.say(ada, "again")
    road.copies(1)
    await road.sees(ada, "hello (0)", "again (2)")


@situation("INB-02", "ORD-01")
async def told_in_another_order(road: Road) -> None:
    people = [road.person() for _ in range(3)]
    road.hold()
    for number in range(4):
        for who in people:
            await road.say(who, str(number))
    await road.release("shuffled")
    await road.until(lambda: all(len(road.texts(who)) >= 4 for who in people))
    await road.quiet()
    for who in people:
        said = [text.split() for text in road.texts(who)]
        assert sorted(words[0] for words in said) == ["0", "1", "2", "3"]
        assert [words[1] for words in said] == ["(0)", "(2)", "(4)", "(6)"]


@situation("INB-02", "ORD-01", "KEY-03")
async def told_in_one_batch(road: Road) -> None:
    people = [road.person() for _ in range(3)]
    road.hold()
    for number in range(2):
        for who in people:
            await road.say(who, str(number))
    await road.release("together")
    for who in people:
        await road.sees(who, "0 (0)", "1 (2)")


@situation("LIF-17")
async def the_last_message_edited(road: Road) -> None:
    ada = road.person()
    said = await road.say(ada, "helo")
    await road.sees(ada, "helo (0)")
    await road.edit(ada, said, "hello")
    await road.sees(ada, *(["hello (0)"] if road.edits else ["helo (0)", "hello (0)"]))


@situation("LIF-17")
async def an_older_message_edited(road: Road) -> None:
    ada = road.person()
    said = await road.say(ada, "one")
    await road.sees(ada, "one (0)")
    await road.say(ada, "two")
    await road.sees(ada, "one (0)", "two (2)")
    await road.edit(ada, said, "uno")
    await road.until_rows([(1,)], "SELECT COUNT(*) FROM message WHERE role = 'user' AND text = 'uno'")
    await road.say(ada, "three")
    await road.sees(ada, "one (0)", "two (2)", "three (4)")


@situation("LIF-17")
async def a_waiting_message_deleted(road: Road) -> None:
    ada, name = road.person(), f"deleted {road.name}"
    await road.say(ada, f"late {name}")
    await road.until(lambda: f"late {name}" in bot.asked)
    regretted = await road.say(ada, "regretted")
    await road.say(ada, "and then?")
    waiting = "SELECT COUNT(*) FROM inbox WHERE state = 'waiting'"
    await road.until_rows([(3,)], waiting)
    await road.delete(ada, regretted)
    await road.until_rows([(2,)], waiting)
    bot.release(name)
    await road.sees(ada, f"late {name} (0)", "and then? (2)")


@situation("MED-01", "MED-03")
async def a_picture_with_words(road: Road) -> None:
    ada = road.person()
    await road.show(ada, PNG, text="look")
    await road.sees(ada, f"look (0) [image/png {len(PNG)}]")


@situation("ORD-06", "MED-01")
async def several_pictures_at_once(road: Road) -> None:
    ada = road.person()
    pictures = [PNG + bytes([n]) for n in range(3)]
    await road.show(ada, *pictures, text="my garden")
    await road.until(road.told)
    road.leap(2.1)  # an album may come in pieces
    sizes = ", ".join(f"image/png {len(picture)}" for picture in pictures)
    await road.sees(ada, f"my garden (0) [{sizes}]")


@situation("MED-01")
async def a_voice_message(road: Road) -> None:
    ada = road.person()
    await road.speak(ada, OGG)
    await road.sees(ada, f"(0) [audio/ogg {len(OGG)}]")


@situation("MED-05")
async def a_place(road: Road) -> None:
    ada = road.person()
    await road.locate(ada, 48.5, 2.25)
    await road.sees(ada, "[location 48.5,2.25] (0)")


@situation("MED-05")
async def an_address_card(road: Road) -> None:
    ada = road.person()
    await road.introduce(ada)
    await road.until(lambda: road.texts(ada))
    await road.quiet()
    (answer,) = road.texts(ada)
    assert answer.startswith("[contact Bob")


@situation("MED-06")
async def a_kind_that_no_bot_reads(road: Road) -> None:
    ada = road.person()
    for _ in range(2):
        await road.baffle(ada)
    await road.sees(ada, "Sorry, this kind of message is not supported.")


@situation("FMT-04")
async def a_button_pressed(road: Road) -> None:
    ada = road.person()
    await road.say(ada, "choose")
    await road.sees(ada, "Which one?")
    await road.press(ada, "White")
    await road.sees(ada, "Which one?", "chosen: w")


@situation("FMT-04")
async def a_choice_typed(road: Road) -> None:
    ada = road.person()
    await road.say(ada, "choose")
    await road.sees(ada, "Which one?")
    await road.say(ada, "red")
    await road.sees(ada, "Which one?", "chosen: r")


@situation("GRP-08", "MED-05")
async def an_answer_to_a_message(road: Road) -> None:
    ada = road.person()
    first = await road.say(ada, "hello")
    await road.sees(ada, "hello (0)")
    await road.say(ada, "about it", below=first)
    await road.sees(ada, "hello (0)", f"about {first}")


@situation("SEC-01")
async def a_message_without_a_signature(road: Road) -> None:
    await _not_believed(road, "unsigned")


@situation("SEC-01")
async def a_message_signed_by_somebody_else(road: Road) -> None:
    await _not_believed(road, "foreign")


@situation("SEC-01")
async def a_signature_of_other_words(road: Road) -> None:
    await _not_believed(road, "altered")


@situation("SEC-01", "CH-06")
async def a_message_of_ten_minutes_ago(road: Road) -> None:
    await _not_believed(road, "stale")


async def _not_believed(road: Road, how: str) -> None:
    stored, dropped = await count(road, "inbox"), await count(road, "dropped")
    assert await road.forge(how) == 401  # type: ignore[arg-type]  # one of the forgeries
    await road.quiet()
    assert (await count(road, "inbox"), await count(road, "dropped")) == (stored, dropped)
    assert "forged" not in bot.asked


@situation("INB-03", "SEC-01")
async def a_message_replayed(road: Road) -> None:
    """Word for word, with its signature: it is taken for the repeat that it is."""
    stored, before = await count(road, "inbox"), bot.asked.count("said before")
    assert await road.replay() == 200
    await road.until_rows([(0,)], "SELECT COUNT(*) FROM inbox WHERE state = 'waiting'")
    assert await count(road, "inbox") == stored + 1
    assert bot.asked.count("said before") == before + 1
