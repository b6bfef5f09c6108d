"""What concerns the process as a whole: its two doors, its store, its inbox and its log."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import parse_qs, unquote

from pydantic import Field, PlainValidator, WithJsonSchema

from gateway.options import Duration, Listed, Options, Size, Url, key
from gateway.settings.redis import RedisSettings


class Listen(NamedTuple):
    """Where a server listens. Port 0: any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})")


def _listen(value: object) -> Listen:
    found = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if not found or int(found[3]) > 65535:
        raise ValueError("expected a host and a port, such as 127.0.0.1:8080 or [::1]:8080")
    return Listen(found[1] or found[2], int(found[3]))


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(value) if isinstance(value, str) else None
    except ValueError:
        network = None
    if network is None:
        raise ValueError("expected an address or a network such as 10.0.0.0/8")
    if not network.prefixlen:
        raise ValueError("would trust every address of the internet to name its own: list the proxies")
    return network


_SERVER = "postgresql://user:password@host/database"
_HOST = r"(\[[0-9A-Fa-f:.%]+\]|[^\s:/@?#,\[\]]*)(:[0-9]{1,5})?"
_ON_SERVER = re.compile(rf"postgres(ql)?://([^\s/@?#]*@)?{_HOST}(,{_HOST})*/[^\s/?#]+(\?[^\s#]*)?")


def _database(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected sqlite:///data/gateway.db")
    scheme, _, rest = value.partition("://")
    if scheme in ("postgresql", "postgres"):
        return _on_server(value)
    if scheme != "sqlite":
        raise ValueError(f"expected sqlite:///data/gateway.db or {_SERVER}")
    if not rest.startswith("/") or rest.strip("/") in ("", ":memory:") or re.search(r"[?#\x00]", rest):
        raise ValueError("expected the path of a file: sqlite:///data/gateway.db, or sqlite:////var/lib/x.db")
    return value


def _on_server(url: str) -> str:
    if not _ON_SERVER.fullmatch(url):
        raise ValueError(f"expected {_SERVER}; characters such as @ : / # in a password are written %40 %3A %2F %23")
    return url


_listen_schema = {"type": "string", "pattern": ":[0-9]+$"}
_database_schema = {"type": "string", "pattern": "^(sqlite:///|postgres(ql)?://)"}

ListenAt = Annotated[Listen, PlainValidator(_listen), WithJsonSchema(_listen_schema)]
Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network), WithJsonSchema({"type": "string"})]
Database = Annotated[str, PlainValidator(_database), WithJsonSchema(_database_schema)]


class ServerSettings(Options):
    """The public HTTP server and the work behind it."""

    listen: ListenAt = key("127.0.0.1:8080", "Where platforms and browsers reach us.")
    public_url: Url | None = key(
        None,
        "Our address as the world sees it; signatures are checked against it, never against the Host header. "
        "Not given: http://<listen>.",
    )
    trusted_proxies: Listed[Network] = key((), "Addresses or networks of proxies whose X-Forwarded-For is believed.")
    max_body: Size = key("1MB", "Largest request body; uploads and platforms have limits of their own.")
    max_connections: int = key(10_000, "Live web connections at once; beyond it 503.", ge=1)
    workers: int = key(1000, "Turns running at once; further messages wait in the inbox.", ge=1)
    lease: Duration = key("15s", "How long a silent worker keeps its conversations; renewed every third of it.")
    deaf_after: Duration = key("2m", "How long a connection may give no sign of life before it is renewed.")
    drain: Duration = key("30s", "How long running turns may go on after a stop was asked for.")

    @property
    def address(self) -> str:
        """What links to us begin with: `public_url`, else http:// and `listen`."""
        return self.public_url or f"http://{self.listen}"


class AdminSettings(Options):
    """The listener of operators."""

    listen: ListenAt = key("127.0.0.1:8081", "Where the admin API listens; it stays shut until a key exists.")


class StorageSettings(Options):
    """Where everything is kept."""

    url: Database = key(
        "sqlite:///data/gateway.db",
        f"The database: a file, its path relative to where we started, or {_SERVER}.",
    )
    files: str = key("data/files", "The folder of files that came in or go out.", min_length=1)
    local: str | None = key(
        None,
        "The folder of this process's own things: its control socket, the configuration that last worked. Replicas on "
        "one folder of files have one each. Not given: beside the database's file, else that of the files.",
        min_length=1,
    )
    connections: int = key(8, "Connections to a database server; half of them write.", ge=2, le=200)

    @property
    def database(self) -> Path | None:
        """The file of the database; None when it is on a server."""
        return Path(self.url.removeprefix("sqlite:///")) if self.url.startswith("sqlite:") else None

    @property
    def home(self) -> Path:
        """The folder of this process's own things."""
        if self.local is not None:
            return Path(self.local)
        return self.database.parent if self.database is not None else Path(self.files)

    @property
    def secrets(self) -> frozenset[str]:
        """The password of the database, as it is written and as it is meant."""
        if self.database is not None:
            return frozenset()
        address, _, query = self.url.partition("?")
        known = address.partition("://")[2].rpartition("@")[0]
        said = [known.partition(":")[2], *parse_qs(query).get("password", [])]
        return frozenset(form for one in said if one for form in (one, unquote(one)))


class InboxSettings(Options):
    """What is done with messages that waited too long or cannot be handled."""

    stale_after: Duration = key("24h", "Older messages are answered with texts.late in front.")
    drop_stale: bool = key(False, "Make them dead letters instead.")
    journal: str = key(
        "",
        "A folder: what platforms push while the store is away is kept there, acknowledged, and taken in afterwards. "
        "Not given: it is refused, and they send it again as long as they care to.",
    )
    attempts: int = key(5, "Tries at a message on which the gateway itself fails.", ge=1, le=100)


class LogSettings(Options):
    """What the log says, and how."""

    level: Literal["debug", "info", "warning", "error"] = key("info", "Least important lines to write.")
    format: Literal["auto", "console", "json"] = key("auto", "auto: console on a terminal, else JSON.")
    text: bool = key(False, "Also write what people say. Off, no message text is ever logged.")


class Process(Options):
    """The sections that stand at the top of the file, beside people, bots, channels and defaults."""

    server: ServerSettings = Field(default_factory=ServerSettings)
    admin: AdminSettings = Field(default_factory=AdminSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    redis: RedisSettings = Field(default_factory=RedisSettings)
    inbox: InboxSettings = Field(default_factory=InboxSettings)
    log: LogSettings = Field(default_factory=LogSettings)
