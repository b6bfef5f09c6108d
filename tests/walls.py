"""The walls of the house: who may import whom, how big a room may be, and what no room may contain.

Each wall is a function from one module to a list of findings. `test_house.py` holds them all.
"""

import ast
import re
from collections.abc import Callable, Iterable

from tests.source import FLOORS, Module

SDKS = ("aiogram", "slack_sdk", "slack_bolt", "twilio", "discord")
PLATFORMS = re.compile(r"telegram|slack|whatsapp|twilio|discord|messenger|" + "|".join(SDKS), re.IGNORECASE)

# What an adapter may know of the gateway: its contract, the shapes, and pure helpers for them.
ADAPTERS_MAY_IMPORT = {
    "gateway.adapter": "the contract",
    "gateway.backoff": "how long to wait before another try",
    "gateway.errors": "what it may raise",
    "gateway.markup": "a dialect of its own is written over the one tree",
    "gateway.mending": "JSON that fast parsers refuse",
    "gateway.message": "the shapes",
    "gateway.options": "its part of the YAML is declared with them",
    "gateway.phone": "numbers in their one form",
    "gateway.text": "pure functions on text",
    "gateway.units": "rates, in which limits are declared",
}
MAY_START_TASKS = {"gateway/tasks.py": "holds, names and awaits every background task"}
MAY_READ_CLOCKS = {"gateway/clock.py": "the one clock, passed to whoever needs it"}

CLOCKS = re.compile(
    r"^(time\.(time|monotonic|perf_counter)(_ns)?|time\.sleep|asyncio\.sleep"
    r"|datetime\.(datetime|date)\.(now|utcnow|today)|.*\.utcnow)$"
)
TASKS = re.compile(r"(^|\.)(create_task|ensure_future)$")
UNSAFE = re.compile(r"^(builtins\.)?(eval|exec)$")
UNSAFE_IMPORTS = re.compile(r"^(yaml|pickle|marshal|shelve|dill|jsonpickle)(\.|$)")
SECRETS = re.compile(
    r"(^|_)(secret|token|signature|sig|hash|digest|hmac|mac|password|passphrase|api_key)(_?(hex|b64|bytes))?$"
)

Wall = Callable[[Module], list[str]]
WALLS: dict[str, tuple[Wall, tuple[str, ...]]] = {}


def wall(*floors: str) -> Callable[[Wall], Wall]:
    def register(check: Wall) -> Wall:
        WALLS[check.__name__] = check, floors
        return check

    return register


def _at(module: Module, line: int, text: str) -> str:
    return f"{module.where}:{line}: {text}"


def _within(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


@wall("config")
def config_names_nothing_of_ours(module: Module) -> list[str]:
    return [_at(module, line, name) for name, line in module.imports if _within(name, ("gateway", "adapters", "tests"))]


@wall("gateway")
def gateway_imports_no_adapter_and_no_sdk(module: Module) -> list[str]:
    return [_at(module, line, name) for name, line in module.imports if _within(name, ("adapters", "tests", *SDKS))]


@wall("adapters")
def adapters_know_only_their_gate(module: Module) -> list[str]:
    own = ".".join(module.name.split(".")[:2])
    allowed = (*ADAPTERS_MAY_IMPORT, own)
    return [
        _at(module, line, f"{name} is not one of {', '.join(sorted(ADAPTERS_MAY_IMPORT))}")
        for name, line in module.imports
        if _within(name, (*FLOORS, "tests")) and not _within(name, allowed)
    ]


@wall("gateway")
def gateway_names_no_platform(module: Module) -> list[str]:
    found = [_at(module, line, repr(word[:60])) for word, line in module.words if PLATFORMS.search(word)]
    return found + ([_at(module, 1, "the file's own name")] if PLATFORMS.search(module.where) else [])


@wall(*FLOORS, "tests")
def files_have_at_most_300_lines(module: Module) -> list[str]:
    lines = len(module.text.splitlines())
    return [f"{module.where}: {lines} lines"] if lines > 300 else []


@wall(*FLOORS, "tests")
def functions_have_at_most_50_lines(module: Module) -> list[str]:
    return [
        _at(module, node.lineno, f"{node.name} has {length} lines")
        for node in module.functions()
        if (length := length_of(node)) > 50
    ]


@wall(*FLOORS)
def tasks_are_tracked(module: Module) -> list[str]:
    groups = {
        f"{item.optional_vars.id}.create_task"  # a TaskGroup awaits what it starts
        for node in module.nodes
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name)
        and isinstance(item.context_expr, ast.Call)
        and module.dotted(item.context_expr.func).endswith("TaskGroup")
    }
    return [
        _at(module, line, name)
        for name, line in module.mentions
        if TASKS.search(name) and name not in groups and module.where not in MAY_START_TASKS
    ]


@wall("gateway", "adapters")
def time_is_passed_in(module: Module) -> list[str]:
    if module.where in MAY_READ_CLOCKS:
        return []
    return [_at(module, line, name) for name, line in module.mentions if CLOCKS.match(name)]


@wall(*FLOORS)
def secrets_are_compared_in_constant_time(module: Module) -> list[str]:
    return [
        _at(module, node.lineno, f"{ast.unparse(node)}: use hmac.compare_digest")
        for node in module.nodes
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and not any(isinstance(side, ast.Constant) for side in (node.left, *node.comparators))
        and any(_is_secret(side) for side in (node.left, *node.comparators))
    ]


@wall(*FLOORS, "tests")
def nothing_unsafe_is_run(module: Module) -> list[str]:
    called = [_at(module, line, name) for name, line in module.mentions if UNSAFE.match(name)]
    return called + [_at(module, line, name) for name, line in module.imports if UNSAFE_IMPORTS.match(name)]


def length_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _is_secret(node: ast.expr) -> bool:
    """A name, attribute, key or call whose last word says that it must not leak through timing."""
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Subscript(slice=ast.Constant(value=str(word))):
            return bool(SECRETS.search(word.lower().replace("-", "_")))
        case ast.Call(func=ast.Attribute(attr="hexdigest" | "digest")):
            return True
    return False
