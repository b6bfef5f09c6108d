"""Our own source as the walls see it: every module read once, with what it imports, calls and names."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("config", "gateway", "adapters")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file. `name` is dotted; a package is named without its `__init__`."""

    path: Path

    @property
    def where(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.where)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    def functions(self) -> Iterator[Function]:
        return (node for node in self.nodes if isinstance(node, Function))

    @cached_property
    def imports(self) -> list[tuple[str, int]]:
        """(dotted name, line) of every import in the file, under TYPE_CHECKING and inside functions too."""
        found: list[tuple[str, int]] = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(node)
                found += [(f"{base}.{alias.name}", node.lineno) for alias in node.names]
        return found

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        return f"{package}.{node.module}" if node.module else package

    @cached_property
    def _aliases(self) -> dict[str, str]:
        """What each imported name stands for: `from time import time as t` makes `t` `time.time`."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{self._absolute(node)}.{alias.name}"
        return names

    def dotted(self, node: ast.AST) -> str:
        """`datetime.datetime.now` for whatever spelling of it; "" for what is no plain chain of names."""
        if isinstance(node, ast.Name):
            return self._aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else f"?.{node.attr}"
        return ""

    @cached_property
    def mentions(self) -> list[tuple[str, int]]:
        """Every name or chain of names that is read, called or not, so that `f = time.time` hides nothing."""
        return [
            (self.dotted(node), node.lineno)
            for node in self.nodes
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load)
        ]

    @cached_property
    def words(self) -> list[tuple[str, int]]:
        """(text, line) of every identifier and string, docstrings too: all words of the syntax tree."""
        found: list[tuple[str, int]] = []
        for node in self.nodes:
            for _, value in ast.iter_fields(node):
                held = value if isinstance(value, list) else [value]
                found += [(str(one), getattr(node, "lineno", 1)) for one in held if isinstance(one, str | bytes)]
        return found


def modules(*floors: str) -> tuple[Module, ...]:
    """The Python files of these top-level folders, in order of name; each is read once, whoever asks."""
    return tuple(module for floor in floors for module in _floor(floor))


@cache
def _floor(name: str) -> tuple[Module, ...]:
    return tuple(Module(file) for file in sorted((ROOT / name).rglob("*.py")))


@cache
def ours() -> tuple[Module, ...]:
    return modules(*FLOORS)


@cache
def tracked() -> tuple[Path, ...]:
    """The project's files: what git would commit, or without git everything but the leftovers of tools."""
    listing = (
        subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        if (ROOT / ".git").exists()
        else None
    )
    if listing is not None and listing.returncode == 0:
        files = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        leftover = {
            ".git",
            ".venv",
            "__pycache__",
            "data",
            ".mypy_cache",
            ".ruff_cache",
            ".pytest_cache",
            ".hypothesis",
        }
        files = [file for file in ROOT.rglob("*") if not leftover.intersection(file.relative_to(ROOT).parts)]
    return tuple(sorted(file for file in files if file.is_file() and not file.is_symlink()))


def text_of(file: Path) -> str | None:
    """The file as text; nothing for a binary."""
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        return None
