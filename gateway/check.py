"""`gateway check`: is the configuration well? Nothing is started, opened or written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config import ConfigErrors, Problem
from gateway.settings import load


@dataclass(frozen=True)
class Report:
    """What there is to say of a configuration: `problems` keep it from being used, `warnings` do not."""

    file: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def exit_code(self) -> int:
        """0: well, perhaps with warnings; 2: it cannot be used."""
        return 0 if self.ok else 2

    def text(self) -> str:
        """Lines for people: each problem, each warning, and how it is."""
        lines = [f"error: {problem}" for problem in self.problems]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join([*lines, f"{self.file}: {self._verdict()}"])

    def json(self) -> str:
        """One JSON object: file, ok, problems and warnings with file, line, column, path, message, hint."""
        whole = {
            "file": self.file,
            "ok": self.ok,
            "problems": [problem.as_dict() for problem in self.problems],
            "warnings": [warning.as_dict() for warning in self.warnings],
        }
        return json.dumps(whole, ensure_ascii=False, indent=2)

    def _verdict(self) -> str:
        if self.problems:
            return f"{len(self.problems)} error{'s' if len(self.problems) > 1 else ''}"
        count = len(self.warnings)
        return "ok" + (f", {count} warning{'s' if count > 1 else ''}" if count else "")


def check(path: Path | str, environment: Mapping[str, str]) -> Report:
    """Read and check a configuration. Never raises for what is in the files."""
    try:
        settings = load(path, environment)
    except ConfigErrors as errors:
        return Report(str(path), problems=errors.problems)
    return Report(str(path), warnings=settings.warnings)
