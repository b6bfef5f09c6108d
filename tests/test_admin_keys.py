"""The admin door: shut until a key exists, then open to keys as far as their roles go, and slow for those who guess."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from gateway.admin.routes import ROUTES
from gateway.operations.keys import RANKS
from tests.operators import desk


@pytest.mark.feature("ADM-01")
async def test_the_door_stays_shut_until_an_operator_has_a_key(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        shut = await here.admin("GET", "status", key="gw_" + "a" * 43)
        assert (shut.status, shut.code) == (503, "admin_shut")
        caller = await here.ask("POST", "keys", {"role": "caller", "channel": "partners"})
        assert (await here.admin("GET", "status", key=caller.json["key"])).code == "admin_shut"
        key = await here.key("viewer")
        assert (await here.admin("GET", "status", key=key)).status == 200
        assert (await here.admin("GET", "status", key=caller.json["key"])).code == "key_unknown"


@pytest.mark.feature("ADM-01")
async def test_a_key_is_shown_once_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        key = await here.key("admin", name="Ada")
        assert key.startswith("gw_")
        assert len(key) == 46
        assert await here.rows("SELECT hash, name FROM api_key") == [(hashlib.sha256(key.encode()).digest(), "Ada")]
        listed = await here.get("keys")
        assert [entry["name"] for entry in listed["keys"]] == ["Ada"]
        assert key not in str(listed)
    assert not _files_with(tmp_path, key.encode())


def _files_with(folder: Path, text: bytes) -> list[Path]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return [file for file in files if text in file.read_bytes()]


@pytest.mark.feature("ADM-01")
async def test_wrong_and_missing_keys_are_401(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        key = await here.key("admin")
        missing = await here.admin("GET", "status")
        assert (missing.status, missing.code) == (401, "key_missing")
        assert missing.headers["www-authenticate"].startswith("Bearer")
        for wrong in (key[:-1], key + "a", key.swapcase(), "gw_" + "a" * 43):
            assert (await here.admin("GET", "status", key=wrong)).code in ("key_unknown", "rate_limited")
        here.clock.ahead += 120
        basic = await here.admin("GET", "status", headers={"Authorization": f"Basic {key}"})
        assert basic.code == "key_missing"
        assert (await here.admin("GET", f"status?key={key}")).code == "key_missing"


@pytest.mark.feature("ADM-01")
@pytest.mark.parametrize("role", RANKS)
async def test_each_role_may_do_what_its_rank_allows_and_no_more(tmp_path: Path, role: str) -> None:
    async with desk(tmp_path) as here:
        key = await here.key(role)
        for route in ROUTES:
            here.clock.ahead += 60
            path = route.path.replace("{box}", "inbox").replace("{id}", "7").replace("{session}", "nobody")
            answer = await here.admin(route.method, path, {} if route.method == "POST" else None, key)
            if RANKS[role] < RANKS[route.role]:
                assert (answer.status, answer.code) == (403, "role_too_weak"), path
            else:
                assert answer.status in (200, 400, 404, 409), path


@pytest.mark.feature("ADM-01")
async def test_a_revoked_key_opens_nothing_from_that_moment(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        kept, gone = await here.key("admin"), await here.key("viewer")
        ids = {entry["role"]: entry["id"] for entry in (await here.get("keys"))["keys"]}
        assert (await here.admin("DELETE", f"keys/{ids['viewer']}", key=kept)).status == 200
        assert (await here.admin("GET", "status", key=gone)).code == "key_unknown"
        assert (await here.admin("GET", "status", key=kept)).status == 200
        again = await here.admin("DELETE", f"keys/{ids['viewer']}", key=kept)
        assert (again.status, again.code) == (409, "key_revoked")
        assert (await here.admin("DELETE", "keys/none", key=kept)).code == "key_unknown"


@pytest.mark.feature("ADM-01")
async def test_thousands_of_guesses_are_hardly_looked_at(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        await here.key("admin")
        looked_at = 0
        for start in range(0, 4_000, 40):
            here.clock.ahead += 60 / 100 - 0.01  # a minute in all
            guesses = (here.admin("GET", "status", key=f"gw_{start + n:043}") for n in range(40))
            for answer in await asyncio.gather(*guesses):
                looked_at += answer.status == 401
                assert answer.status == 401 or int(answer.headers["retry-after"]) > 0
        assert 5 <= looked_at <= 20


@pytest.mark.feature("ADM-01")
async def test_who_guesses_shuts_out_nobody_who_has_shown_a_key(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        key = await here.key("admin")

        async def status(address: str, with_key: str) -> str:
            headers = {"X-Forwarded-For": address}
            answer = await here.admin("GET", "status", key=with_key, headers=headers)
            return "ok" if answer.status == 200 else answer.code

        assert await status("192.0.2.1", key) == "ok"
        for n in range(20):
            await status(f"198.51.100.{n}", "gw_" + "a" * 43)
        assert await status("192.0.2.1", key) == "ok"
        assert await status("198.51.100.77", key) == "rate_limited"
        # One customer has a whole /64 for themselves.
        here.clock.ahead += 600
        seen = [await status(f"2001:db8::{n:x}", "gw_" + "a" * 43) for n in range(1, 8)]
        assert seen == ["key_unknown"] * 5 + ["rate_limited"] * 2


@pytest.mark.feature("ADM-01")
async def test_weak_roles_are_slowed_down_too(tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        key = await here.key("viewer")
        codes = [(await here.admin("GET", "keys", key=key)).code for _ in range(8)]
        assert codes == ["role_too_weak"] * 5 + ["rate_limited"] * 3


@pytest.mark.feature("ADM-01")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_role"),
        ({"role": "root"}, "bad_role"),
        ({"role": "caller"}, "bad_role"),
        ({"role": "admin", "channel": "partners"}, "bad_role"),
        ({"role": "caller", "channel": "nowhere"}, "channel_unknown"),
        ({"role": 7}, "bad_parameter"),
        ({"role": "admin", "rank": "9"}, "unknown_parameter"),
    ],
)
async def test_keys_are_made_for_somebody_there_is(tmp_path: Path, body: dict[str, object], code: str) -> None:
    async with desk(tmp_path) as here:
        assert (await here.ask("POST", "keys", body)).code == code
        assert await here.rows("SELECT COUNT(*) FROM api_key") == [(0,)]
