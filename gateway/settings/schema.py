"""The JSON Schema (draft-07, what editors read) of the whole file, with the options of all plugins."""

from typing import Any

from gateway.options import Options
from gateway.plugins import BrokenPlugin, known
from gateway.settings.bots import BOTS
from gateway.settings.channels import CHANNELS
from gateway.settings.entries import Blocks
from gateway.settings.kinds import Sort
from gateway.settings.people import Groups
from gateway.settings.process import Process

_Schema = dict[str, Any]
_NAMED = "^[a-z0-9][a-z0-9_-]{0,62}$"
_REFERENCE = {"type": "string", "pattern": r"\$\{.+\}"}


def schema() -> _Schema:
    """One schema of the whole file; every key with its help and default."""
    definitions: _Schema = {}
    top = {**_keys(Process, definitions), **_keys(Groups, definitions)}
    include = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    top["include"] = {**include, "description": "Further files, relative to this one; * is any name."}
    top["defaults"] = _reference(Blocks, definitions, "What every channel may say, said once.")
    top["bots"] = _section(BOTS, definitions, "Who answers, by name.")
    top["channels"] = _section(CHANNELS, definitions, "Where people write, by name.")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "chat-gateway configuration",
        "type": "object",
        "properties": top,
        "additionalProperties": False,
        "definitions": dict(sorted(definitions.items())),
    }


def _section(sort: Sort[Any], definitions: _Schema, help: str) -> _Schema:
    """Named entries, each checked by the schema of the plugin it names."""
    names, rules = [], []
    for name in known(sort.package, sort.base):
        names.append(name)
        try:
            entry = _entry(sort, name, definitions)
        except BrokenPlugin:
            continue
        definitions[f"{sort.key}:{name}"] = entry
        chosen = {"properties": {sort.key: {"const": name}}, "required": [sort.key]}
        rules.append({"if": chosen, "then": {"$ref": f"#/definitions/{sort.key}:{name}"}})
    common = _object(sort.common, definitions)
    choice = {"anyOf": [{"enum": names}, {"type": "string", "pattern": r"\.|\$\{"}]}
    common["properties"] = {sort.key: {**common["properties"][sort.key], **choice}}
    any_entry = {"type": "object", "properties": common["properties"], "required": common["required"]}
    return {
        "type": "object",
        "description": help,
        "propertyNames": {"pattern": _NAMED},
        "additionalProperties": {**any_entry, "allOf": rules},
    }


def _entry(sort: Sort[Any], name: str, definitions: _Schema) -> _Schema:
    _, options = sort.plugin(name)
    common, own = _object(sort.common, definitions), _object(options, definitions, f"{name}:")
    return {
        "type": "object",
        "title": f"{sort.key}: {name}",
        "properties": {**common["properties"], **own["properties"], sort.key: {"const": name}},
        "required": common["required"] + own["required"],
        "additionalProperties": False,
    }


def _reference(model: type[Options], definitions: _Schema, help: str) -> _Schema:
    definitions[model.__name__] = {**_object(model, definitions), "additionalProperties": False}
    return {"allOf": [{"$ref": f"#/definitions/{model.__name__}"}], "description": help}


def _keys(model: type[Options], definitions: _Schema) -> _Schema:
    found: _Schema = _object(model, definitions)["properties"]
    return found


def _object(model: type[Options], definitions: _Schema, prefix: str = "") -> _Schema:
    """A model's schema, its inner models moved to the definitions; the prefix parts those of one name."""
    made = model.model_json_schema(ref_template=f"#/definitions/{prefix}{{model}}")
    for name, inner in made.pop("$defs", {}).items():
        definitions[prefix + name] = _draft7(inner)
    done = _draft7(made)
    return {"type": "object", "required": [], **done}


def _draft7(node: Any) -> Any:
    """The same in the older dialect: nothing stands beside $ref, and ${NAME} may stand for any one value."""
    if isinstance(node, list):
        return [_draft7(item) for item in node]
    if not isinstance(node, dict):
        return node
    done = {
        key: {name: _draft7(inner) for name, inner in value.items()} if key == "properties" else _draft7(value)
        for key, value in node.items()
        if key != "title"
    }
    if "$ref" in done and len(done) > 1:
        done = {"allOf": [{"$ref": done.pop("$ref")}], **done}
    return _open_to_references(done)


def _open_to_references(node: _Schema) -> _Schema:
    strict = {"pattern", "enum", "const", "minimum", "maximum", "minLength", "maxLength"} & node.keys()
    if node.get("type") not in ("integer", "number", "boolean") and not strict:
        return node
    outside: _Schema = {key: node.pop(key) for key in ("description", "default") if key in node}
    outside["anyOf"] = [node, _REFERENCE]
    return outside
