"""The image, as far as a machine without Docker can tell: what the Dockerfile says, and a gateway built as it says."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from gateway.probes import PATHS
from gateway.settings import load
from tests.deployment import SHARED, STATE
from tests.dockerfile import ROOT, Instruction, ignored, instructions, only
from tests.patience import PATIENCE
from tests.ports import free_port

PREAMBLE, BUILD, FINAL = instructions()


def copied() -> list[tuple[str, str]]:
    """Everything that comes from the repository: what, and to where under the builder's folder."""
    pairs = []
    for one in BUILD:
        if one.word == "COPY" and "from" not in one.flags:
            *sources, target = one.words
            pairs += [(source, source if target.endswith("./") else target) for source in sources]
    return pairs


@pytest.mark.feature("STO-09")
def test_what_is_copied_is_there_and_nothing_else_is_given() -> None:
    sources = {source for source, _ in copied()}
    assert all((ROOT / source).exists() for source in sources)
    given, below = ignored()
    assert given == sources
    assert "__pycache__" in below
    assert {"gateway", "adapters", "config"} <= sources
    assert not {"data", ".git", "tests", "deploy", ".venv"} & sources
    assert all(one.flags.get("from") == "build" for one in FINAL if one.word == "COPY")


@pytest.mark.feature("STO-09")
def test_libraries_come_from_the_lock_by_their_hashes() -> None:
    first, *_, last = [one.rest for one in BUILD if "pip" in one.words and "install" in one.words]
    assert "--require-hashes" in first
    assert "-r requirements.lock" in first
    assert "--no-index" in last
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pinned = re.findall(r"^([a-z0-9-]+)==.*\\\n    --hash=sha256:", lock, re.MULTILINE | re.IGNORECASE)
    assert len(pinned) == len(re.findall(r"^\S", lock, re.MULTILINE)) - lock.count("\n# ")
    assert "hatchling" in pinned, "without it the last step would need the network"
    python = re.fullmatch(r"PYTHON=(\d\.\d+)", only(PREAMBLE, "ARG").rest)
    assert python
    assert f"Python :: {python[1]}" in (ROOT / "pyproject.toml").read_text("utf-8")
    assert {stage[0].rest.split()[0] for stage in (BUILD, FINAL)} == {"python:${PYTHON}-slim"}


@pytest.mark.feature("STO-09")
def test_it_runs_as_nobody_special_and_needs_no_shell() -> None:
    user, _, group = only(FINAL, "USER").rest.partition(":")
    assert int(user) > 0
    assert int(group) > 0
    assert not [one for one in FINAL if one.word in ("RUN", "SHELL", "ADD")]
    assert only(FINAL, "ENTRYPOINT").words == ["gateway"]
    assert only(FINAL, "CMD").words == ["run"]
    assert all(only(FINAL, word).rest.startswith("[") for word in ("ENTRYPOINT", "CMD"))
    owned = [one for one in FINAL if one.word == "COPY" and "chown" in one.flags]
    assert {one.flags["chown"] for one in owned} == {f"{user}:{group}"}
    assert [one.words[-1] for one in owned] == [STATE, SHARED], "a volume that is new there is its user's"
    assert only(FINAL, "WORKDIR").rest == only(FINAL, "VOLUME").rest == STATE
    environment = dict(word.partition("=")[::2] for word in only(FINAL, "ENV").words)
    assert environment["GATEWAY_CONFIG"] == "/etc/gateway/gateway.yaml"
    (program,) = [one for one in BUILD if one.word == "RUN" and "venv" in one.words]
    assert environment["PATH"].startswith(f"{program.words[-1]}/bin:")


@pytest.mark.feature("STO-09", "OBS-03")
def test_the_health_check_asks_where_the_gateway_listens() -> None:
    asked = health(only(FINAL, "HEALTHCHECK"))
    path = re.search(r"'GET', '(/\w+)'", asked[-1])
    port = re.search(r"'127\.0\.0\.1', (\d+)", asked[-1])
    assert path
    assert port
    assert path[1] in PATHS
    assert port[1] == only(FINAL, "EXPOSE").rest
    assert load(ROOT / "deploy/etc/gateway.yaml", {}).server.listen.port == int(port[1])


def health(check: Instruction) -> list[str]:
    """The command of the health check."""
    word, _, rest = check.rest.lstrip("\\ \n").partition(" ")
    assert word == "CMD"
    return Instruction("CMD", {}, rest).words


def built(folder: Path) -> Path:
    """The program, installed by the builder's last step from what the Dockerfile copies and nothing else."""
    context, site = folder / "context", folder / "site"
    for source, target in copied():
        (context / target).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, context / target, ignore=shutil.ignore_patterns(*ignored()[1]))
        else:
            shutil.copy(ROOT / source, context / target)
    step = [one.rest for one in BUILD if one.word == "RUN"][-1].partition("&&")[0]
    options = step.partition(" install ")[2].split()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(site)]
    made = subprocess.run([*pip, *options], cwd=context, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    for path in (site, *site.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    return site


def looks(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in folder.rglob("*")}


class Container:
    """What the image would run: the program read-only, the configuration and the state elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.site, self.state, etc = built(folder), folder / "state", folder / "etc"
        self.port = free_port()
        self.state.mkdir(mode=0o700)
        etc.mkdir()
        yaml = (ROOT / "deploy/etc/gateway.yaml").read_text("utf-8")
        yaml = yaml.replace(STATE, str(self.state)).replace("127.0.0.1:8081", f"127.0.0.1:{free_port()}")
        (etc / "gateway.yaml").write_text(yaml, "utf-8")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": "/nonexistent",
            "PYTHONPATH": str(self.site),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GATEWAY_CONFIG": str(etc / "gateway.yaml"),
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
        }

    async def run(self, *command: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=self.state,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def gateway(self, *arguments: str) -> asyncio.subprocess.Process:
        return await self.run(sys.executable, str(self.site / "bin/gateway"), *arguments)

    async def healthy(self) -> bool:
        command = [word.replace("8080", str(self.port)) for word in health(only(FINAL, "HEALTHCHECK"))]
        # -I would hide the folder that stands for the image's own libraries, which the check has no need of.
        process = await self.run(sys.executable, *command[1:])
        await process.communicate()
        return process.returncode == 0


@pytest.mark.feature("STO-09", "OBS-03", "STO-06")
async def test_image(tmp_path: Path) -> None:
    here = Container(tmp_path)
    before = looks(here.site)
    assert not await here.healthy(), "nobody is there yet"
    serving = await here.gateway(*only(FINAL, "CMD").words)
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(f"http://127.0.0.1:{here.port}") as http:
            while not await _ready(http):
                assert serving.returncode is None, await serving.stdout.read()  # type: ignore[union-attr]
                await asyncio.sleep(0.05)
            assert await here.healthy()
            async with http.get("/") as page:
                assert page.status == 200
                assert "<script" in await page.text()
            async with http.post("/api/session", json={}) as begun:
                token = (await begun.json())["token"]
            asked = {"message": "help"}
            async with http.post("/api/chat", json=asked, headers={"Authorization": f"Bearer {token}"}) as said:
                assert said.status == 200
                assert (await said.json())["messages"]
            status = await here.gateway("status")
            told, _ = await status.communicate()
            assert (status.returncode, b"running" in told) == (0, True), told
        serving.terminate()
        told, _ = await serving.communicate()
        assert serving.returncode == 0, told
    finally:
        if serving.returncode is None:
            serving.kill()
            await serving.communicate()
    assert not await here.healthy()
    assert looks(here.site) == before, "the program's folder is read-only in the image"
    assert (here.state / "gateway.db").stat().st_size


async def _ready(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
