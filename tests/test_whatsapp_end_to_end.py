"""WhatsApp from end to end: what people write comes to the bot once and in order, and its answers come back."""

import random
from pathlib import Path
from typing import Any

import pytest

from gateway.message import Turn
from tests.far.whatsapp import NUMBER, SECRET, WhatsAppServer
from tests.far.whatsapp.server import SECOND
from tests.road import REMEMBERS
from tests.whatsapp_channel import signed
from tests.whatsapp_road import gateway, road

ASKS = "kind: python, call: 'tests.test_whatsapp_end_to_end:asks'"
SHOWS = "kind: python, call: 'tests.test_whatsapp_end_to_end:shows'"


async def shows(turn: Turn) -> str:
    """Says what it was told besides the words."""
    files = [f"{file.kind} {file.name} {file.mime} {file.size}" for file in turn.message.files]
    sender = turn.message.sender
    assert sender is not None
    assert "EAAG" not in repr(turn), "the platform's token is nobody's business"
    return "; ".join([turn.message.text, sender.profile.get("phone", "?"), *files])


@pytest.mark.feature("CH-10", "KEY-03", "KEY-05", "DEV-03")
async def test_everybody_is_answered_in_their_own_conversation(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        people = [here.server.user(number) for number in range(7, 12)]
        for round in range(3):
            for person in people:
                person.says(f"{person.id}: {round}")
        await here.quiet()
        for person in people:
            assert here.server.texts(person.id) == [f"{person.id}: {round} ({2 * round})" for round in range(3)]
        found = await here.rows("SELECT key FROM session WHERE state = 'active' ORDER BY key")
        assert found == sorted((f"help/b/dm:account={NUMBER},user={person.id}",) for person in people)


@pytest.mark.feature("CH-10", "INB-03")
async def test_batches_duplicates_and_any_order_are_answered_once_each(tmp_path: Path) -> None:
    async with WhatsAppServer() as server:
        async with gateway(server, tmp_path) as here:
            server.pusher.copies = 3
            server.pusher.hold()
            for number in range(40):
                server.user(7 + number % 4).says(str(number))
            server.pusher.release(together=True)
            await here.quiet()
            for user in range(4):
                assert server.texts(server.user(7 + user).id) == [str(n) for n in range(40) if n % 4 == user]
            server.pusher.hold()
            for number in range(40, 60):
                server.user(7).says(str(number))
            server.pusher.release(shuffle=random.Random(5))
            await here.quiet()
            assert sorted(server.texts(), key=int) == [str(number) for number in range(60)]
            bodies = list(server.pusher.told)
        async with gateway(server, tmp_path) as here:  # the next process knows them too
            for body in bodies:
                server.pusher.push_raw(body)
            await here.quiet()
            assert len(server.sent) == 60


@pytest.mark.feature("SEC-01", "CH-10")
async def test_what_is_forged_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        here.server.pusher.hold()
        here.server.user(7).says("forged")
        url = f"{here.gateway.url}/c/help"
        body = b'{"object":"whatsapp_business_account","entry":[]}'
        for secret, status in (("0" * 32, 401), (SECRET, 200)):
            call = signed(body, secret)
            async with here.gateway.http.post(url, data=body, headers=dict(call.headers)) as response:
                assert response.status == status
        async with here.gateway.http.post(url, data=body) as response:
            assert response.status == 401
        async with here.gateway.http.get(url, params={"hub.mode": "subscribe", "hub.verify_token": "x"}) as response:
            assert response.status == 403
        assert await here.rows("SELECT COUNT(*) FROM inbox") == [(0,)]
        assert await here.rows("SELECT COUNT(*) FROM dropped") == [(0,)]


@pytest.mark.feature("CH-10", "CH-24")
async def test_two_numbers_are_two_worlds_and_a_third_is_noted(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS, numbers=[NUMBER, SECOND]) as here:
        here.server.numbers["777"] = "15550000777"
        ada = here.server.user(7)
        for number in (NUMBER, SECOND, "777", NUMBER):
            ada.at(number).says(f"to {number}")
        here.server.echoes(ada, "from a colleague's telephone")
        await here.quiet()
        assert [(sent.number, sent.text) for sent in here.server.sent] == [
            (NUMBER, f"to {NUMBER} (0)"),
            (SECOND, f"to {SECOND} (0)"),
            (NUMBER, f"to {NUMBER} (2)"),
        ]
        dropped = await here.rows("SELECT account, reason FROM dropped WHERE reason <> 'service' ORDER BY id")
        assert dropped == [(NUMBER, "own_echo")]


@pytest.mark.feature("CH-10", "INB-08")
async def test_what_comes_for_an_unknown_number_is_a_dead_letter_until_the_number_is_ours(tmp_path: Path) -> None:
    async with WhatsAppServer() as server:
        server.numbers["777"] = "15550000777"
        async with gateway(server, tmp_path, REMEMBERS) as here:
            for text in ("hello", "/reset", "are you there?"):
                server.user(7).at("777").says(text)
            server.user(7).at("777").reacts("wamid.none", "👍")
            await here.told()
            assert [delivery.status for delivery in server.pusher.deliveries] == [200] * 4
            await here.quiet()
            letters = [(one["reason"], one["id"]) for one in (await here.office(tmp_path, "GET", "dead"))[1]["dead"]]
            assert [reason for reason, _ in letters] == ["unroutable"] * 3
            status, told = await here.office(tmp_path, "GET", f"dead/inbox/{letters[-1][1]}")
            assert (status, told["event"]["text"], told["event"]["account"]) == (200, "hello", "777")
            assert '"777"' in told["raw"]
            status, told = await here.office(tmp_path, "POST", f"dead/inbox/{letters[-1][1]}/requeue")
            assert (status, told["code"]) == (409, "unroutable")
            metrics = here.gateway.daemon.corridor.metrics.text().decode()
            assert 'gateway_dead_letters_total{box="inbox",channel="help",reason="unroutable"} 3.0' in metrics
            assert await here.rows("SELECT reason FROM dropped") == [("unroutable",)]
        async with gateway(server, tmp_path, REMEMBERS, numbers=[NUMBER, "777"]) as here:
            assert server.sent == []
            server.user(7).at(NUMBER).says("elsewhere")
            await here.quiet()
            for _ in range(2):
                await here.office(tmp_path, "POST", f"dead/inbox/{letters[-1][1]}/requeue")
            await here.quiet()
            sent = [(sent.number, sent.text) for sent in server.sent]
            assert sent == [(NUMBER, "elsewhere (0)"), ("777", "hello (2)")]
            said = "SELECT m.text FROM message m JOIN session s ON s.id = m.session WHERE s.key LIKE '%777%'"
            assert await here.rows(f"{said} ORDER BY m.seq") == [
                *(("hello",), ("/reset",), ("are you there?",), ("hello (2)",))
            ]


@pytest.mark.feature("CH-11", "GRP-02", "KEY-03")
async def test_a_group_is_one_conversation_and_its_news_are_noted(tmp_path: Path) -> None:
    async with road(tmp_path, REMEMBERS) as here:
        group = here.server.group("Y2FwaV9ncm91cDox")
        ada, bo = here.server.user(7, "Ada"), here.server.user(8, "Bo")
        group.created()
        group.joined(ada.person)
        ada.says("nobody is meant", group)
        asked = ada.says("@15550783881 what is it?", group)
        await here.quiet()
        bo.says("and why?", group, reply_to=here.server.sent[-1].message_id)
        group.renamed("Other")
        group.left(bo.person)
        await here.quiet()
        said = [(sent.to, sent.text) for sent in here.server.sent if "nobody" not in sent.text]
        assert [one for one in said if "(" in one[1]] == [(group.id, "what is it? (0)"), (group.id, "and why? (2)")]
        answers = [sent for sent in here.server.sent if "what is it" in sent.text]
        assert answers[0].asked["context"] == {"message_id": asked}
        assert all(sent.asked["recipient_type"] == "group" for sent in here.server.sent)
        keys = await here.rows("SELECT key FROM lane WHERE next_seq > 0")
        assert keys == [(f"help/b/group:account={NUMBER},chat=Y2FwaV9ncm91cDox",)]
        reasons = await here.rows("SELECT reason, COUNT(*) FROM dropped WHERE chat = $1 GROUP BY reason", group.id)
        assert ("service", 4) in reasons
        group.deleted()
        await here.told()
        await here.until_rows([("blocked",)], "SELECT silenced FROM lane WHERE next_seq > 0")


@pytest.mark.feature("OUT-04", "OUT-07")
async def test_a_send_in_doubt_is_settled_by_its_report_and_not_repeated(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        here.server.fail("messages", "accept_then_reset")
        here.server.user(7).says("hello")
        await here.until_rows([("unknown",)], "SELECT state FROM outbox")
        here.server.reports(here.server.sent[0].message_id, "sent")
        await here.quiet()
        assert here.server.texts() == ["hello"]
        assert await here.rows("SELECT state, ref FROM outbox") == [("sent", here.server.sent[0].message_id)]


@pytest.mark.feature("OUT-07")
async def test_reports_climb_whatever_their_order(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.user(7)
        for text in ("one", "two"):
            ada.says(text)
        await here.quiet()
        one, two = (sent.message_id for sent in here.server.sent)
        here.server.pusher.copies = 2
        for message, status in ((one, "read"), (one, "sent"), (two, "sent"), (one, "delivered"), (two, "failed")):
            here.server.reports(message, status, code=131026 if status == "failed" else 0)
        await here.told()
        assert await here.rows("SELECT state, status FROM outbox ORDER BY id") == [("sent", "read"), ("dead", "failed")]


@pytest.mark.feature("OUT-05", "OUT-06")
async def test_trouble_at_meta_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        for how in (131000, 130429, 131056, "reset"):
            here.server.fail("messages", how)
            here.server.user(7).says(f"despite {how}")
            await here.told()
            await here.until_rows([], "SELECT 1 FROM lane WHERE in_due_at IS NOT NULL")
            for _ in range(50):
                here.leap(10)
                if here.server.texts()[-1:] == [f"despite {how}"]:
                    break
                await here.gateway.daemon.router.renew()
            await here.quiet()
        assert here.server.texts() == [f"despite {how}" for how in (131000, 130429, 131056, "reset")]


@pytest.mark.feature("MED-01", "SEC-01", "KEY-09")
async def test_files_and_people_come_to_the_bot_as_ours(tmp_path: Path) -> None:
    async with road(tmp_path, SHOWS) as here:
        png = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
        here.server.user(7).shows("image", png, "image/png", caption="look")
        here.server.user(8, username="bo").says("hidden")
        await here.quiet()
        ada, bo = here.server.user(7).id, here.server.user(8, username="bo").id
        assert here.server.texts(bo) == ["hidden; ?"]
        assert here.server.texts(ada) == [f"look; +15550000007; photo photo.png image/png {len(png)}"]


async def asks(turn: Turn) -> dict[str, Any]:
    """Offers a choice, and says what was chosen."""
    if turn.message.kind == "button":
        return {"text": f"chosen: {turn.message.text}"}
    count = int(turn.message.text.split()[-1])
    buttons = [{"text": f"Number {n}", "value": f"v{n}"} for n in range(1, count + 1)]
    return {"messages": [{"text": "Which?", "buttons": buttons}]}


@pytest.mark.feature("FMT-04", "CH-11")
async def test_choices_are_pressed_where_there_are_buttons_and_numbered_elsewhere(tmp_path: Path) -> None:
    async with road(tmp_path, ASKS) as here:
        ada, group = here.server.user(7, username="ada"), here.server.group("Y2FwaV9ncm91cDox")
        for count, form in ((2, "button_reply"), (10, "list_reply")):
            ada.says(str(count))
            await here.quiet()
            ada.presses(here.server.sent[-1].message_id, "v2", "Number 2", form)
            await here.quiet()
        ada.says("11")
        await here.quiet()
        assert "11. Number 11" in here.server.texts()[-1]
        ada.says("11")
        await here.quiet()
        ada.says("@15550783881 3", group)
        await here.quiet()
        assert "3. Number 3" in here.server.texts(group.id)[-1]
        ada.says("2.", group, reply_to=here.server.sent[-1].message_id)
        await here.quiet()
        chosen = [text for text in here.server.texts() if text.startswith("chosen")]
        assert chosen == ["chosen: v2", "chosen: v2", "chosen: v11", "chosen: v2"]


@pytest.mark.feature("MED-06")
async def test_what_no_bot_can_read_is_said_once(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        ada = here.server.user(7)
        for _ in range(2):
            ada.sends("unsupported", {"type": "poll"})
        await here.quiet()
        assert len(here.server.sent) == 1
        assert "not supported" in here.server.texts()[0]


@pytest.mark.feature("OUT-06", "CH-22")
async def test_a_revoked_token_stops_the_channel_and_keeps_what_waits(tmp_path: Path) -> None:
    async with road(tmp_path) as here:
        here.server.revoked = True
        here.server.user(7).says("hello")
        await here.until(lambda: here.state == "auth")
        await here.until_rows([("ready",)], "SELECT state FROM outbox")
        here.server.revoked = False
        here.leap(1000)
        await here.texts(here.server.user(7).id, ["hello"])
        assert here.server.token not in str(await here.rows("SELECT * FROM outbox"))
