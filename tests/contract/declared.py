"""What options must be like, whoever declares them."""

import json
import re
from typing import Any

import pytest

from gateway.options import Options

SECRET = re.compile(r"(^|_)(token|secret|password|passphrase|key|credentials?)$")
NO_SECRETS = ("", "changeme", "undefined", 7)


def explained(options: type[Options]) -> None:
    """Strict, each key named in the usual way and with a line of help."""
    assert issubclass(options, Options)
    for rule in ("frozen", "strict", "hide_input_in_errors"):
        assert options.model_config.get(rule), rule
    assert options.model_config["extra"] == "forbid"
    for name, field in keys(options):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert (field.description or "").strip(), f"{name}: what does it do?"
    assert json.dumps(options.model_json_schema())


def keys(options: type[Options]) -> list[tuple[str, Any]]:
    return [(field.alias or name, field) for name, field in options.model_fields.items()]


def secret_keys(options: type[Options]) -> list[str]:
    return [name for name, field in keys(options) if "SecretStr" in repr(field.annotation)]


def what_sounds_secret_is(options: type[Options]) -> None:
    for name, _ in keys(options):
        if SECRET.search(name):
            assert name in secret_keys(options), f"{name}: use gateway.options.Secret"


def hidden(options: type[Options], given: dict[str, Any]) -> None:
    """No secret shows in options or in what is wrong with them, and what is no secret is refused."""
    whole = options.model_validate(given)
    for name in secret_keys(options):
        value = given.get(name)
        if isinstance(value, str):
            assert value not in f"{whole} {whole!r}"
            for wrong in (*NO_SECRETS, f" {value}"):
                with pytest.raises(ValueError, match="validation error") as refused:
                    options.model_validate({**given, name: wrong})
                assert value not in str(refused.value)
