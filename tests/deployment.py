"""The files of `deploy/` as data, and the programs that check or run them where there are any."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.servers import GRACE
from gateway.settings import Settings, load
from gateway.settings.process import ServerSettings

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE = ("compose.yaml", "compose-replicas.yaml")
STATE, SHARED, ETC = "/var/lib/gateway", "/srv/gateway", "/etc/gateway"
STOPPING = ServerSettings().drain + 3 * GRACE + 1  # seconds: the drain, three listeners, what is left
DATABASE = "postgresql://gateway:secret@db.example.org/gateway"
REDIS = "redis://gateway:secret@redis.example.org:6379/0"
TOKEN = "123456:" + "A" * 35
PLACES = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


def documents(name: str) -> list[Any]:
    """Every document of a YAML file."""
    return list(YAML(typ="safe", pure=True).load_all((DEPLOY / name).read_text("utf-8")))


def document(name: str) -> Any:
    """The one document of a YAML file."""
    (found,) = documents(name)
    return found


def manifests() -> dict[tuple[str, str], Any]:
    """Everything that Kubernetes is given, by kind and name."""
    files = document("kubernetes/kustomization.yaml")["resources"]
    found = [one for file in files for one in documents(f"kubernetes/{file}")]
    named = {(one["kind"], one["metadata"]["name"]): one for one in found}
    assert len(named) == len(found)
    return named


def gateways(file: str) -> dict[str, Any]:
    """The services of a compose file that are gateways."""
    return {name: one for name, one in document(file)["services"].items() if one["image"] == "chat-gateway"}


def alerts() -> list[dict[str, Any]]:
    """The rules of the alerts."""
    (group,) = document("prometheus/alerts.yaml")["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> dict[str, Any]:
    """The dashboard of Grafana."""
    found: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboard.json").read_text("utf-8"))
    return found


def unit(name: str = "gateway.service") -> dict[str, list[str]]:
    """The settings of a file of systemd's, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def configured(name: str, folder: Path, **environment: str) -> Settings:
    """A configuration of the kit, with its secrets in a folder."""
    return load(DEPLOY / name, {**secrets(folder), **environment})


def secrets(folder: Path, database: str = DATABASE, redis: str = REDIS) -> dict[str, str]:
    """The secrets as files in a folder, and the environment that says where they are."""
    folder.mkdir(exist_ok=True)
    for name, secret in (("database-url", database), ("redis-url", redis), ("telegram-token", TOKEN)):
        (folder / name).write_text(f"{secret}\n", "utf-8")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def recipe(folder: Path) -> None:
    """Make the secrets in a folder as the README tells an operator to."""
    program("openssl", "openssl")
    (words,) = re.findall(rf"```sh\n(mkdir[^`]*{ETC}/secrets[^`]*)```", (DEPLOY / "README.md").read_text("utf-8"))
    words = words.replace(f"{ETC}/secrets", shlex.quote(str(folder))).replace("10001:10001", str(os.geteuid()))
    checked("sh", "-ec", words)


def program(name: str, package: str) -> str:
    """A program of this machine; the test is skipped where it is missing."""
    found = shutil.which(name) or shutil.which(name, path=PLACES)
    if found is None:
        pytest.skip(f"{name} is missing; on Debian: apt-get install {package}")
    return found


def checked(*command: str | Path, **how: Any) -> str:
    """What a program says that has to be content."""
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **how}
    done = subprocess.run(command, text=True, check=False, **how)
    told: str = done.stdout
    assert done.returncode == 0, told
    return told
