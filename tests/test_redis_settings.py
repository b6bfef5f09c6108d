"""The block `redis`: what may stand there, where a mistake is, and what of it is shown to nobody."""

import asyncio
import re
from pathlib import Path

import pytest

from config import ConfigErrors
from gateway.operations.office import Office
from gateway.operations.status import status
from gateway.settings import load
from gateway.shared.redis_line import Line
from tests.commands import gateway as command
from tests.far.redis import Valkey, valkey
from tests.patience import PATIENCE
from tests.redis_ends import Swift, until
from tests.redis_town import town, up
from tests.source import ROOT
from tests.yaml_files import Files

pytestmark = pytest.mark.feature("STO-03")

BOTS = "bots: {b: {kind: echo}}\nchannels: {site: {platform: web, bot: b}}\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.feature("SEC-05")
@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("redis://localhost", set()),
        ("redis://10.0.0.1:6379/3", set()),
        ("redis://[::1]:6379", set()),
        ("redis://:hunter22@cache.example.org/0", {"hunter22"}),
        ("rediss://gw:h%40nter@cache.example.org:6380/0?ssl_ca_certs=/etc/ssl/x.pem", {"h%40nter", "h@nter"}),
    ],
)
def test_an_address(files: Files, url: str, secrets: set[str]) -> None:
    settings = load(files.write(f"{BOTS}redis: {{url: {url!r}, cache: false}}\n"), {})
    assert (settings.redis.url, settings.redis.cache, settings.redis.prefix) == (url, False, "")
    assert settings.secrets() == secrets


@pytest.mark.parametrize("block", ["", "redis: {}\n", "redis:\n", "redis: {url: '${REDIS_URL:-}'}\n"])
def test_without_one_there_is_none(files: Files, block: str) -> None:
    settings = load(files.write(BOTS + block), {})
    assert settings.redis.url is None
    assert settings.redis.cache


EXPECTED = "expected redis://user:password@host:6379/0, or rediss:// for TLS"
MISTAKES = [
    ("{url: localhost:6379}", f"3:14: redis.url: {EXPECTED}"),
    ("{url: 'http://hunter22@x/'}", f"3:14: redis.url: {EXPECTED}"),
    ("{url: 'redis://u:hunter#22@x/0'}", "3:14: redis.url: " + EXPECTED),
    ("{url: 'redis://u:hunter22@x:99999/0'}", "3:14: redis.url: " + EXPECTED),
    ("{url: 'redis://'}", "3:14: redis.url: " + EXPECTED),
    ("{url: 'redis://x/0?socket_timeout=0'}", "3:14: redis.url: " + EXPECTED),
    ("{url: 'redis://x/0?ssl_ca_certs=/x.pem'}", "3:14: redis.url: certificates are for rediss://"),
    ("{url: 7}", f"3:14: redis.url: {EXPECTED}"),
    ("{prefix: 'a b'}", "3:17: redis.prefix: "),
    ("{cache: maybe}", "3:16: redis.cache: must be true or false"),
    ("{ulr: x}", '3:9: redis: unknown key "ulr"; did you mean "url"?'),
]


@pytest.mark.feature("CFG-02", "SEC-05")
@pytest.mark.parametrize(("block", "said"), MISTAKES)
def test_a_mistake_is_shown_where_it_is(files: Files, block: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as raised:
        load(files.write(f"{BOTS}redis: {block}\n"), {})
    (problem,) = raised.value.problems
    assert said in str(problem)
    assert "hunter" not in str(problem)


@pytest.mark.feature("CLI-02", "SEC-05")
async def test_status_says_how_it_is_and_no_password(tmp_path: Path) -> None:
    async with valkey() as server:
        await server.ask("ACL", "SETUSER", "gw", "on", ">hunter22", "~*", "&*", "+@all")
        async with town(tmp_path, server.url.replace("//", "//gw:hunter22@")) as gateway:
            await up(gateway)
            daemon = gateway.daemon
            found = await status(Office(daemon.corridor, daemon.router, daemon.settings))
            assert found["redis"] == {"server": server.url, "up": True}
            server.pause()
            await until(lambda: not daemon.corridor.redis.up)
            found = await status(Office(daemon.corridor, daemon.router, daemon.settings))
            assert found["redis"] == {"server": server.url, "up": False}
            server.resume()


@pytest.mark.feature("STO-04")
async def test_a_user_who_may_do_what_the_documentation_says_may_do_enough(tmp_path: Path) -> None:
    (rule,) = re.findall(r"^ACL SETUSER gateway (.*)$", (ROOT / "docs/redis.md").read_text("utf-8"), re.MULTILINE)
    async with valkey() as server:
        await server.ask("ACL", "SETUSER", "gateway", *rule.split())
        url = server.url.replace("//", "//gateway:password@")
        async with town(tmp_path, url, "prefix: ''") as gateway:
            await up(gateway)
            visitor = await gateway.begin("site")
            await visitor.say("hello")
            await _kept(server, f"session:{visitor.session}:messages")
        line = Line(url, Swift())
        await line.open()
        await until(lambda: line.up)
        denied = len(await server.ask("ACL", "LOG"))
        assert not denied
        assert await line.ask("GET", "something:else") is None
        assert await line.ask("FLUSHALL") is None
        await line.close()


async def _kept(server: Valkey, key: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await server.ask("EXISTS", key):
            await asyncio.sleep(0.01)


@pytest.mark.feature("STO-04", "SEC-08", "CLI-01")
async def test_a_command_without_a_gateway_erases_there_too(tmp_path: Path) -> None:
    async with valkey() as server:
        async with town(tmp_path, server.url) as gateway:
            await up(gateway)
            visitor = await gateway.begin("site")
            await visitor.say("xyzzy")
            await _kept(server, f"gw:session:{visitor.session}:messages")
            ((participant,),) = await gateway.rows("SELECT id FROM participant")
        assert "xyzzy" in await server.everything()
        ran = await asyncio.to_thread(
            command, "participants", "erase", participant, "--yes", "-c", "gateway.yaml", folder=tmp_path
        )
        assert ran.code == 0, ran.err
        assert "xyzzy" not in await server.everything()
