"""The files of `deploy/` as data, and the programs that check or run them where there are any."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
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


def unit() -> dict[str, list[str]]:
    """The settings of the systemd unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd/gateway.service").read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


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
