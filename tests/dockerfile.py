"""What `deploy/Dockerfile` and `.dockerignore` say, read as far as ours go."""

import json
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Instruction(NamedTuple):
    """One instruction: its word in capitals, its flags (`--from=build`), and all that stands behind them."""

    word: str
    flags: dict[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The arguments: of the JSON form, or of the plain one."""
        found: list[str] = json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)
        return found


def instructions() -> list[list[Instruction]]:
    """The instructions of each stage; what stands before the first FROM is a stage of its own."""
    stages: list[list[Instruction]] = [[]]
    for line in _lines((ROOT / "deploy/Dockerfile").read_text("utf-8")):
        word, _, rest = line.partition(" ")
        flags = {}
        while rest.startswith("--"):
            flag, _, rest = rest.partition(" ")
            name, _, value = flag[2:].partition("=")
            flags[name] = value
            rest = rest.lstrip()
        if word.upper() == "FROM":
            stages.append([])
        stages[-1].append(Instruction(word.upper(), flags, rest))
    return stages


def _lines(text: str) -> list[str]:
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    return [line.strip() for line in kept.replace("\\\n", " ").splitlines() if line.strip()]


def only(stage: list[Instruction], word: str) -> Instruction:
    """The one instruction of a kind."""
    (found,) = [one for one in stage if one.word == word]
    return found


def ignored() -> tuple[set[str], set[str]]:
    """What the builder is given at the root of the repository, and what is left out of that anywhere below."""
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert lines[0] == "*", "everything is left out but for what is named"
    given = {line[1:] for line in lines if line.startswith("!")}
    below = {line.removeprefix("**/") for line in lines if line.startswith("**/")}
    assert len(lines) == 1 + len(given) + len(below), "a pattern that is not understood here"
    return given, below
