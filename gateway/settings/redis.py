"""The block `redis`: what carries news between replicas, and keeps copies for them."""

import re
from typing import Annotated
from urllib.parse import unquote

from pydantic import Field, PlainValidator, WithJsonSchema

from gateway.options import Options, key

_EXPECTED = "redis://user:password@host:6379/0, or rediss:// for TLS"
_HOST = r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/@?#,\[\]]+)"
_TLS = r"ssl_(ca_certs|certfile|keyfile)=[^\s&#]+"
_SERVER = re.compile(
    rf"redis(s)?://([^\s/@?#:]*(:[^\s/@?#]*)?@)?{_HOST}(:([0-9]{{1,5}}))?(/[0-9]*)?(\?{_TLS}(&{_TLS})*)?"
)


def _server(value: object) -> str | None:
    if value is None or value == "":  # `${REDIS_URL:-}` where there is none
        return None
    if not isinstance(value, str) or not value.startswith(("redis://", "rediss://")):
        raise ValueError(f"expected {_EXPECTED}")
    found = _SERVER.fullmatch(value)
    if found is None or int(found[6] or 0) > 65535:
        said = "characters such as @ : / # in a password are written %40 %3A %2F %23"
        raise ValueError(f"expected {_EXPECTED}; {said}; after a ? only ssl_ca_certs, ssl_certfile and ssl_keyfile")
    if "?" in value and not found[1]:
        raise ValueError("certificates are for rediss://")
    return value


_schema = {"anyOf": [{"type": "string", "pattern": "^(rediss?://.+)?$"}, {"type": "null"}]}
Server = Annotated[str | None, PlainValidator(_server), WithJsonSchema(_schema)]


class RedisSettings(Options):
    """A Redis or Valkey server, which makes several replicas quicker and keeps nothing that is needed."""

    url: Server = key(None, f"The server: {_EXPECTED}. Not given or empty: none.")
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9:._-]*$", max_length=64)] = key(
        "", "What every key and channel of ours begins with, for a server that others use too."
    )
    cache: bool = key(True, "Keep recent messages, variables and context of sessions there for an hour.")

    @property
    def secrets(self) -> frozenset[str]:
        """The password, as it is written and as it is meant."""
        known = (self.url or "").partition("?")[0].partition("://")[2].rpartition("@")[0]
        password = known.partition(":")[2]
        return frozenset(form for form in (password, unquote(password)) if form)
