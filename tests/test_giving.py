"""What is known of a person is given out: all that erasing would delete, and nothing of anybody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Problem
from gateway.operations.dossier import export
from gateway.operations.office import Office
from tests.commands import gateway as command
from tests.kit import Kit
from tests.operators import desk
from tests.test_erasing import IS, WAS, town

pytestmark = pytest.mark.feature("SEC-08")


async def given(kit: Kit, participant: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await export(Office(kit.corridor, kit.router, kit.settings), participant))
    return found


def said(found: dict[str, Any]) -> list[str]:
    lines = [line for one in found["conversations"] + found["in_company"] for line in one["messages"]]
    return [line["text"] for line in lines if line["role"] == "user"]


async def test_everything_of_theirs_is_in_it_and_nothing_of_others(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        found = await given(kit, ada)
        assert (found["channel"], found["user"], found["ids"]) == ("p", IS, [WAS, IS])
        assert sorted(said(found)) == sorted(
            ["xyzzy hello", "xyzzy in company", "xyzzy alone in company", "break xyzzy", "xyzzy again", "xyzzy buys"]
        )
        answers = [line["text"] for one in found["conversations"] for line in one["messages"]]
        assert "you said xyzzy hello" in answers
        assert {one["bot"]: one["data"]["likes"] for one in found["known"]} == {
            "b": "xyzzy again",
            "sales": "xyzzy buys",
        }
        assert [one["text"] for one in found["overheard"]] == ["xyzzy whispered"]
        assert any(one["variables"] == {"last": "xyzzy again"} for one in found["conversations"])
        assert any(one["event"]["text"] == "xyzzy hello" for one in found["events"])
        text = json.dumps(found)
        assert "bobbing" not in text
        assert "800300400" not in text


async def test_it_is_as_much_as_erasing_deletes(tmp_path: Path) -> None:
    async with town(tmp_path) as (kit, ada):
        found = await given(kit, ada)
        gone = await kit.router.erasure.erase(ada)
        assert gone is not None
        lines = [line for one in found["conversations"] + found["in_company"] for line in one["messages"]]
        ratings = [one for company in found["in_company"] for one in company["ratings"]]
        files = [file for one in found["conversations"] for file in one["files"]]
        files += [file for one in found["in_company"] for line in one["messages"] for file in line.get("files", ())]
        assert {
            "messages": len(lines),
            "ratings": len(ratings),
            "files": len(files),
            "participants": len(found["known"]),
            "sessions": len(found["conversations"]),
            "overheard": len(found["overheard"]),
            "tokens": len(found["tokens"]),
        } == {name: gone[name] for name in gone if name not in ("inbox", "outbox", "dropped")}
        with pytest.raises(Problem, match="no such participant"):
            await given(kit, ada)


async def test_by_the_admin_api_and_the_command_line(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.say("hello\u202e there", user="ada")
        await here.quiet()
        (ada,) = (await here.get("participants?user=ada"))["participants"]
        path = f"participants/{ada['id']}/export"
        assert (await here.admin("GET", path, key=await here.key("viewer"))).status == 403
        answer = await here.admin("GET", path, key=await here.key("operator"))
        assert answer.status == 200
        assert "attachment" in answer.headers["content-disposition"]
        assert said(answer.json)[0].startswith("hello")
        assert (await here.ask("GET", "participants/nobody/export")).code == "participant_unknown"
    ran = command("participants", "export", ada["id"], "-c", "gateway.yaml", folder=tmp_path)
    assert (ran.code, ran.json) == (0, answer.json), ran.err
    ran = command("participants", "export", "nobody", "-c", "gateway.yaml", folder=tmp_path)
    assert (ran.code, "no such participant" in ran.err) == (1, True)
