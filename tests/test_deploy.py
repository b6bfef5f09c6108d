"""What an operator copies: configuration, systemd units, the words of the README. They fit the program."""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.cli.app import app
from gateway.settings import load
from tests.deployment import (
    COMPOSE,
    DATABASE,
    DEPLOY,
    ETC,
    REDIS,
    ROOT,
    SHARED,
    STATE,
    STOPPING,
    TOKEN,
    checked,
    configured,
    gateways,
    program,
    secrets,
    unit,
)

CONFIGURATIONS = ("etc/gateway.yaml", "etc/replicas.yaml", "kubernetes/gateway.yaml")


@pytest.mark.feature("STO-09", "CLI-01")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configurations_are_well(name: str, tmp_path: Path) -> None:
    environment = {**os.environ, **secrets(tmp_path)}
    told = checked(sys.executable, "-m", "gateway.cli", "check", "-c", str(DEPLOY / name), cwd=ROOT, env=environment)
    assert "error" not in told
    settings = configured(name, tmp_path)
    assert (settings.server.public_url or "").startswith("https://")
    if settings.storage.database is not None:
        assert str(settings.storage.database) == f"{STATE}/gateway.db"
        assert settings.storage.files == f"{STATE}/files"
    else:
        assert settings.storage.url == DATABASE
        assert settings.storage.files == f"{SHARED}/files"
        assert str(settings.storage.home) == STATE
        assert settings.inbox.journal in ("", f"{SHARED}/journal")


@pytest.mark.feature("STO-09", "CFG-03")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_is_only_shown_works_as_it_stands(name: str, tmp_path: Path) -> None:
    """Once its # are taken away; secrets are files."""
    text = (DEPLOY / name).read_text("utf-8")
    shown = re.sub(r"(?m)^  # (help:|  \w+: )", r"  \1", text)
    shown = re.sub(r"(?m)^# (inbox:|redis:|  journal:|  url: !file)", r"\1", shown)
    assert shown != text
    (tmp_path / "gateway.yaml").write_text(shown, "utf-8")
    settings = load(tmp_path / "gateway.yaml", secrets(tmp_path))
    assert settings.channels["help"].fault == ""
    assert TOKEN in settings.secrets()
    if settings.storage.database is None:
        assert (settings.inbox.journal, settings.redis.url) == (f"{SHARED}/journal", REDIS)


@pytest.mark.feature("STO-09", "CFG-03")
def test_every_variable_that_is_set_is_read() -> None:
    """And what is read is set somewhere, or has a default."""
    read = {name for file in CONFIGURATIONS for name in re.findall(r"\$\{(\w+)", (DEPLOY / file).read_text("utf-8"))}
    given = {name for file in COMPOSE for one in gateways(file).values() for name in one["environment"]}
    given |= {word.partition("=")[0] for line in unit("replica.conf")["Environment"] for word in line.split()}
    assert given - {"GATEWAY_CONFIG"} <= read
    assert read - given == {"CREDENTIALS_DIRECTORY"}, "which systemd sets, and the image"


@pytest.mark.feature("STO-09")
def test_unit_fits_the_program() -> None:
    service = unit()
    notifies = any("NOTIFY_SOCKET" in file.read_text("utf-8") for file in (ROOT / "gateway").rglob("*.py"))
    assert service["Type"] == ["notify" if notifies else "exec"]
    assert int(service["TimeoutStopSec"][0]) > STOPPING
    (start,), (again,) = service["ExecStart"], service["ExecReload"]
    assert {start.split()[1], again.split()[1]} <= commands().keys()
    assert service["Environment"] == [f"GATEWAY_CONFIG={ETC}/gateway.yaml"]
    assert f"/var/lib/{service['StateDirectory'][0]}" == STATE == service["WorkingDirectory"][0]
    assert service["DynamicUser"] == ["yes"]


@pytest.mark.feature("STO-09", "STO-05")
def test_units_of_several_gateways(tmp_path: Path) -> None:
    service = unit("replica.conf")
    found = []
    for number in "89":
        words = " ".join(service["Environment"]).replace("%i", number).split()
        said = {name: value for name, _, value in (word.partition("=") for word in words)}
        assert said.pop("GATEWAY_CONFIG") == f"{ETC}/replicas.yaml"
        found.append(configured("etc/replicas.yaml", tmp_path, **said))
    one, other = found
    assert one.storage.files == other.storage.files == f"{STATE}/files"
    assert one.inbox.journal == other.inbox.journal == f"{STATE}/journal"
    assert [str(settings.storage.home) for settings in found] == [f"{STATE}/8", f"{STATE}/9"]
    assert service["StateDirectory"] == ["gateway/%i"]
    ports = [listen.port for settings in found for listen in (settings.server.listen, settings.admin.listen)]
    assert ports == [8080, 8081, 8090, 8091]
    assert all(settings.server.listen.loopback and settings.admin.listen.loopback for settings in found)
    shown = (DEPLOY / "proxies/nginx.conf").read_text("utf-8")
    assert re.findall(r"server (127\S+) max_fails=0;", shown) == [str(settings.server.listen) for settings in found]
    assert service["LoadCredential"] == [f"{name}:{ETC}/secrets/{name}" for name in ("database-url", "redis-url")]


@pytest.mark.feature("STO-09")
@pytest.mark.parametrize("name", ["gateway.service", "gateway@8.service"])
def test_systemd_is_content(name: str, tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    file = installed(tmp_path, name)
    assert checked(analyze, "verify", "--man=no", file) == ""
    if "--offline" not in checked(analyze, "--help"):
        pytest.skip("this systemd-analyze cannot judge a unit that is not installed")
    checked(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", file)


@pytest.mark.feature("STO-09")
def test_systemd_reads_what_stands_beside_the_template(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    file = installed(tmp_path, "gateway@8.service")
    beside = tmp_path / "gateway@.service.d/replica.conf"
    beside.write_text(beside.read_text("utf-8").replace("StateDirectory=", "StateDirectories="), "utf-8")
    assert "StateDirectories" in checked(analyze, "verify", "--man=no", file)


def installed(folder: Path, name: str) -> Path:
    """The unit as it is to be installed, in a folder; the program is the one that runs here."""
    text = (DEPLOY / "systemd/gateway.service").read_text("utf-8")
    here = text.replace("/opt/chat-gateway/.venv/bin", str(Path(sys.executable).parent))
    assert here != text
    template, at, _ = name.partition("@")
    (folder / (f"{template}@.service" if at else name)).write_text(here, "utf-8")
    if at:
        (folder / f"{template}@.service.d").mkdir()
        shutil.copy(DEPLOY / "systemd/replica.conf", folder / f"{template}@.service.d")
    return folder / name


def commands() -> dict[str, Any]:
    """The commands of `gateway`."""
    found: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
    return found


def words() -> list[tuple[str, list[str]]]:
    """Every `gateway ...` that the files of deploy/ tell an operator to run."""
    told = []
    for file in sorted(DEPLOY.rglob("*")):
        if file.is_file():
            text = file.read_text("utf-8")
            told += [(file.name, found.split()) for found in re.findall(r"`(?:\S+/)?gateway ([a-z][^`]*)`", text)]
            told += [(file.name, found.split()) for found in re.findall(r"-- gateway ([a-z -]+)", text)]
            told += [(file.name, found.split()) for found in re.findall(r"bin/gateway ([a-z]+)", text)]
    return told


@pytest.mark.feature("STO-09")
def test_every_command_that_is_named_is_there() -> None:
    found = words()
    assert {"README.md", "alerts.yaml", "gateway.service"} <= {name for name, _ in found}
    for name, (command, *more) in found:
        assert command in commands(), (name, command)
        below = getattr(commands()[command], "commands", None)
        if below is not None and more and not more[0].startswith("-"):
            assert more[0] in below, (name, command, more)


@pytest.mark.feature("STO-09")
def test_every_file_is_introduced() -> None:
    readme = (DEPLOY / "README.md").read_text("utf-8")
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", readme) if "://" not in link}
    assert all((DEPLOY / link).exists() for link in links)
    introduced = {(DEPLOY / link).resolve().parent for link in links if "/" in link}
    for file in DEPLOY.rglob("*"):
        if file.is_file() and file.name != "README.md":
            assert file.parent in introduced or file.name in links, file
    assert "deploy/README.md" in (ROOT / "README.md").read_text("utf-8")
