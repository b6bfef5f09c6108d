"""The repository: hashed locks, licences we may ship beside, no word about the machine it was made on."""

import importlib.metadata
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.source import ROOT, text_of, tracked

LOCKS = ("requirements.lock", "requirements-dev.lock")

# Licences whose works may be used by, and shipped beside, a work under Apache-2.0.
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CNRI-Python",
    "ISC", "MIT", "PSF-2.0", "Unlicense", "Zlib",
}  # fmt: skip
SPELLINGS = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
UNCHANGED = "copyleft by file only: used as it is, no file of it is changed or copied into ours"
EXCEPTIONS = {
    "apsw": ("any-OSI", "every licence that the OSI approves, at the user's choice"),
    "certifi": ("MPL-2.0", UNCHANGED),
    "hypothesis": ("MPL-2.0", f"{UNCHANGED}; tests only"),
    "orjson": ("MPL-2.0 AND (Apache-2.0 OR MIT)", UNCHANGED),
    "pathspec": ("MPL-2.0", f"{UNCHANGED}; needed while installing only"),
}

# Written in halves, so that this file does not contain what it looks for.
REGISTRIES = [
    "py" "pi.org", "python" "hosted.org", "npm" "js.org", "npm" "js.com", "crates" ".io", "ruby" "gems.org",
    "proxy." "golang.org", "deb." "debian.org", "archive." "ubuntu.com", "--index" "-url", "--find" "-links",
]  # fmt: skip
LOCAL_PATH = re.compile(r"(?<![\w.:/}-])/(?:work|root|home|Users)/[\w.]")


@cache
def _locked(lock: str) -> dict[str, tuple[str, str]]:
    """Each package of a lock: name -> (version, all of its lines)."""
    found: dict[str, tuple[str, str]] = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8")):
        if pinned := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", entry):
            found[canonicalize_name(pinned[1])] = pinned[2], entry
    return found


@cache
def _project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def _names(requirements: object) -> set[str]:
    assert isinstance(requirements, list)
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_is_pinned_with_hashes(lock: str) -> None:
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    entries = [line for line in lines if line and not line[0].isspace() and not line.startswith("#")]
    assert len(entries) == len(_locked(lock)) > 10, "a line that is no pinned package"
    assert not [name for name, (_, text) in _locked(lock).items() if not re.search(r"--hash=sha256:[0-9a-f]{64}", text)]


def test_locks_agree() -> None:
    runtime, dev = (_locked(lock) for lock in LOCKS)
    assert {name: version for name, (version, _) in runtime.items()}.items() <= {
        name: version for name, (version, _) in dev.items()
    }.items()


def test_what_the_project_needs_is_locked() -> None:
    project, build = _project()["project"], _project()["build-system"]
    assert isinstance(project, dict)
    assert isinstance(build, dict)
    runtime, dev = (_locked(lock).keys() for lock in LOCKS)
    assert _names(project["dependencies"]) | _names(build["requires"]) <= runtime
    assert _names(project["optional-dependencies"]["dev"]) <= dev


def test_installed_is_what_is_locked() -> None:
    installed = {str(canonicalize_name(d.name)): d.version for d in importlib.metadata.distributions()}
    wrong = {
        name: (version, installed.get(name))
        for name, (version, text) in _locked("requirements-dev.lock").items()
        if installed.get(name) != version and "sys_platform" not in text
    }
    assert not wrong, f"locked and installed differ (make env-dev): {wrong}"


def _licence(name: str) -> str:
    """What a distribution says of itself: its SPDX expression, else its short text, else its classifiers."""
    said = importlib.metadata.metadata(name)
    for expression in said.get_all("License-Expression", []):
        return str(expression)
    for text in said.get_all("License", []):
        if 0 < len(text) <= 40:  # some put the whole licence here
            return str(SPELLINGS.get(text, text))
    classifiers = [c.rpartition(" :: ")[2] for c in said.get_all("Classifier", []) if c.startswith("License :: ")]
    return " AND ".join(SPELLINGS.get(c, c) for c in classifiers) or "nothing"


def _may_use(licence: str) -> bool:
    """Of `A AND (B OR C)`: every part, and of each part one choice."""
    return all(any(choice.strip("() ") in ALLOWED for choice in part.split(" OR ")) for part in licence.split(" AND "))


def test_every_licence_is_allowed() -> None:
    wrong = {}
    for name in _locked("requirements-dev.lock"):
        licence = _licence(name)
        if not _may_use(licence) and EXCEPTIONS.get(name, ("",))[0] != licence:
            wrong[name] = licence
    assert not wrong


def test_licence_rule() -> None:
    assert _may_use("MIT OR GPL-3.0-only")
    assert _may_use("MIT AND (Apache-2.0 OR BSD-2-Clause)")
    assert not _may_use("MIT AND GPL-3.0-only")
    assert not _may_use("AGPL-3.0-or-later")
    assert not _may_use("nothing")


def test_no_exception_is_left_over() -> None:
    assert EXCEPTIONS.keys() <= _locked("requirements-dev.lock").keys()


def _findings(text: str, where: str) -> list[str]:
    return [
        f"{where}:{number}: {line.strip()[:100]}"
        for number, line in enumerate(text.splitlines(), 1)
        if any(address in line.lower() for address in REGISTRIES) or LOCAL_PATH.search(line)
    ]


def test_no_registry_address_and_no_local_path() -> None:
    files: list[Path] = [file for file in tracked() if file.name != "LICENSE"]
    assert len(files) > 20
    found = [f for file in files for f in _findings(text_of(file) or "", file.relative_to(ROOT).as_posix())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", ["see https://" + REGISTRIES[0] + "/x", "cd /" + "work/main", '"/' + 'home/ann/x"'])
def test_address_rule_notices(line: str) -> None:
    assert _findings(line, "x")
    assert not _findings("https://chat.example.org/home/x and ./" + "work/x, $HOME/x", "x")


def test_licence_is_the_standard_text() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    project = _project()["project"]
    assert isinstance(project, dict)
    assert project["license"] == "Apache-2.0"
