"""Writes configurations for tests, and reads what was said about them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from config import ConfigErrors

ENV = {"TOKEN": "planted-token-in-the-environment", "COUNT": "12", "FLAG": "true", "EMPTY": ""}


class Files:
    """A folder of configuration files; `gateway.yaml` is the one that is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, text: str | bytes, name: str = "gateway.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return path

    def wrong(self, how: Callable[[Path, Mapping[str, str]], Any], text: str | bytes | None = None) -> list[str]:
        """What is wrong, each as `file:line:column: path: message`, files without their folder."""
        path = self.folder / "gateway.yaml" if text is None else self.write(text)
        with pytest.raises(ConfigErrors) as caught:
            how(path, ENV)
        problems = caught.value.problems
        assert problems
        assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
        return [str(problem).replace(f"{self.folder}/", "") for problem in problems]
