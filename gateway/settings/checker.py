"""Holds pieces of a document against their models, and says in words what is wrong, and where."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from config import Document, Path, Position, Problem, dotted, shown
from gateway.options import Options
from gateway.settings.suggest import nearest

_M = TypeVar("_M", bound=Options)
_WORDS = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text: put it in quotes",
    "model_type": "must hold keys and values",
    "dict_type": "must hold keys and values",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_too_short": "must be at least {min_length} long",
    "string_too_long": "must be at most {max_length} long",
    "string_pattern_mismatch": "is not of the form {pattern}",
    "too_long": "has too many entries: at most {max_length}",
    "too_short": "has too few entries: at least {min_length}",
}


class Checker:
    """Collects the problems of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def note(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
        """Something is wrong with the value at `path`, or with its key."""
        self.add(self.document.where_key(path) if key else self.document.where(path), path, message, hint)

    def add(self, place: Position, path: Path, message: str, hint: str = "") -> None:
        self.problems.append(Problem.at(place, path, self.document.hide(message), hint))

    def has(self, path: Path, message: str) -> bool:
        """Whether this was already said of that place."""
        said = dotted(path), self.document.hide(message)
        return any((problem.path, problem.message) == said for problem in self.problems)

    def ordered(self) -> list[Problem]:
        """The problems in the order of files and lines, each once."""
        rank = {name: number for number, name in enumerate(self.document.trail.files)}
        return sorted(set(self.problems), key=lambda problem: (rank.get(problem.file, len(rank)), problem))

    def unknown(self, path: Path, what: str, word: str, known: Iterable[str]) -> None:
        """The word at `path` names nothing. It is repeated only when it stands in the file itself."""
        said = "" if path in self.document.secrets or shown(word) == "?" else f' "{word}"'
        self.note(path, f"unknown {what}{said}{nearest(word, known)}")

    def model(
        self,
        model: type[_M],
        raw: Mapping[str, Any],
        path: Path,
        *,
        others: Iterable[str] = (),
        inherited: Path | None = None,
        people: Mapping[str, Any] | None = None,
    ) -> _M | None:
        """The model of `raw`, which stands at `path`; None when there are problems.

        `others` are keys that may stand beside the model's own. What is not at `path` may have been inherited
        from `inherited`, which has been checked before, so that its problems are not said again.
        """
        known = {field.alias or name for name, field in model.model_fields.items()} | set(others)
        piece = _Piece(self, raw, path, inherited, known)
        context = {"people": people or {}}
        try:
            return model.model_validate(raw, context=context)
        except ValidationError as error:
            first = error
        try:
            return model.model_validate(piece.with_alternatives(first), context=context)
        except ValidationError as error:
            piece.explain(error, model)
        return None


class _Piece:
    """A part of the document while it is held against its model."""

    def __init__(
        self, checker: Checker, raw: Mapping[str, Any], path: Path, inherited: Path | None, known: set[str]
    ) -> None:
        self.checker, self.raw, self.path, self.inherited, self.known = checker, raw, path, inherited, known

    def with_alternatives(self, error: ValidationError) -> Mapping[str, Any]:
        """The piece again, with `${NAME}` read as a number, truth value or nothing where text will not do."""
        raw = self.raw
        alternatives = self.checker.document.alternatives
        for one in error.errors(include_url=False, include_input=False):
            steps = self.steps(one["loc"])
            origin = self.origin(steps)
            if origin in alternatives and not isinstance(alternatives[origin], str):
                raw = _replaced(raw, steps, alternatives[origin])
        return raw

    def explain(self, error: ValidationError, model: type[BaseModel]) -> None:
        for one in error.errors(include_url=False, include_input=False):
            steps, kind, context = self.steps(one["loc"]), one["type"], one.get("ctx", {})
            if kind == "extra_forbidden":
                known = self.known if len(steps) == 1 else _keys_at(model, steps[:-1])
                word = str(steps[-1])
                name = shown(word)
                said = "unknown key" if name == "?" else f'unknown key "{name}"'
                self.note(steps, said + nearest(word, known), at=steps[:-1], key=True)
            elif kind == "missing":
                empty = _has(self.raw, one["loc"][0]) and steps == one["loc"]
                self.note(steps, "needs a value" if empty else f'"{one["loc"][-1]}" is missing', key=True)
            elif kind == "faults":
                for way, message in context["faults"]:
                    self.note((*steps, *way), message)
            elif kind == "value_error":
                self.note(steps, str(context["error"]), key="[key]" in one["loc"])
            elif kind == "literal_error":
                choices = str(context["expected"]).replace("'", "")
                several = " or " in choices
                self.note(steps, f"must be {'one of: ' if several else ''}{choices}")
            elif one["loc"][-1:] == ("[key]",):
                self.note(steps, "is not a name that fits here", key=True)
            else:
                self.note(steps, self.words(kind, context, steps, one["msg"]))

    def words(self, kind: str, context: Mapping[str, Any], steps: Path, otherwise: str) -> str:
        if kind in _WORDS and _value(self.raw, steps) is None:
            return "needs a value"
        numbers = {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
        return _WORDS[kind].format(**numbers) if kind in _WORDS else otherwise

    def note(self, steps: Path, message: str, *, at: Path | None = None, key: bool = False) -> None:
        told = steps if at is None else at
        if self.inherited is not None and self.checker.has((*self.inherited, *told), message):
            return
        path, document = (*self.path, *steps), self.checker.document
        place = document.where_key(path) if key else document.where(path)
        self.checker.add(place, (*self.path, *told), message)

    def origin(self, steps: Path) -> Path:
        """Where the value really stands."""
        path = (*self.path, *steps)
        return path if self.inherited is None or path in self.checker.document else (*self.inherited, *steps)

    def steps(self, location: tuple[str | int, ...]) -> Path:
        """pydantic's location without what is not in the data: the names of union members and validators."""
        steps: list[str | int] = []
        node: Any = self.raw
        for step in location:
            if _has(node, step):
                steps.append(step)
                node = node[step]
        return tuple(steps)


def _has(node: Any, step: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(step, int) and step < len(node)
    return isinstance(node, Mapping) and step in node


def _value(node: Any, steps: Path) -> Any:
    for step in steps:
        node = node[step] if _has(node, step) else None
    return node


def _replaced(node: Any, steps: Path, value: Any) -> Any:
    """A copy of the data in which one value is another; a key whose value is nothing is left out."""
    if not steps:
        return value
    if isinstance(node, list):
        return [_replaced(item, steps[1:], value) if n == steps[0] else item for n, item in enumerate(node)]
    pairs = ((k, _replaced(v, steps[1:], value) if k == steps[0] else v) for k, v in node.items())
    return {k: v for k, v in pairs if v is not None or k != steps[0]}


def _keys_at(model: type[BaseModel], steps: Path) -> Iterator[str]:
    """The keys that a model inside a model has."""
    inner: Any = model
    for step in steps:
        fields = getattr(inner, "model_fields", None)
        if fields is None:  # a list or mapping of models
            inner = next((one for one in get_args(inner) if hasattr(one, "model_fields")), None)
        else:
            inner = fields[step].annotation if step in fields else None
    yield from (field.alias or name for name, field in getattr(inner, "model_fields", {}).items())
