"""The compose files fit the program and each other: one gateway, and two with all that they need."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.probes import PATHS
from gateway.settings import Settings, load
from tests.deployment import (
    COMPOSE,
    DEPLOY,
    ETC,
    ROOT,
    SHARED,
    STATE,
    STOPPING,
    configured,
    document,
    gateways,
    recipe,
)


def composed(file: str, gateway: Any, folder: Path) -> Settings:
    """What a gateway of a compose file is configured with, on a machine with a domain."""
    said = {
        name: re.sub(r"\$\{DOMAIN[^}]*\}", "chat.example.org", value) for name, value in gateway["environment"].items()
    }
    name = Path(said.get("GATEWAY_CONFIG", f"{ETC}/gateway.yaml"))
    assert str(name.parent) == ETC
    mounts = {target: source for source, target, *_ in volumes(gateway)}
    return configured(str(Path(mounts[ETC]) / name.name), folder, **said)


def volumes(service: Any) -> list[list[str]]:
    return [mount.split(":") for mount in service.get("volumes", ())]


@pytest.mark.feature("STO-09", "ACC-05")
@pytest.mark.parametrize("file", COMPOSE)
def test_compose(file: str, tmp_path: Path) -> None:
    compose = document(file)
    caddy, found = compose["services"]["caddy"], gateways(file)
    for gateway in found.values():
        build = gateway["build"]
        assert (DEPLOY / build["context"]).resolve() == ROOT
        assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
        settings = composed(file, gateway, tmp_path)
        assert settings.server.public_url == "https://chat.example.org"
        assert settings.server.listen.port == 8080
        assert settings.admin.listen.loopback
        proxy = caddy["networks"]["inside"]["ipv4_address"]
        assert [str(network) for network in settings.server.trusted_proxies] == [f"{proxy}/32"]
        assert int(gateway["stop_grace_period"].removesuffix("s")) > STOPPING
    assert caddy["environment"]["GATEWAY"].split() == [f"{name}:8080" for name in found]
    assert caddy["depends_on"] == {name: {"condition": "service_healthy"} for name in found}
    (network,) = compose["networks"]["inside"]["ipam"]["config"]
    assert ip_address(caddy["networks"]["inside"]["ipv4_address"]) in ip_network(network["subnet"])
    for name, service in compose["services"].items():
        assert ("ports" in service) == (name == "caddy"), "the proxy alone is reached from outside"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        named = {source for source, *_ in volumes(service) if not source.startswith(".")}
        assert named <= compose["volumes"].keys()
        assert set(service.get("networks", ())) <= compose["networks"].keys()
        assert set(service.get("secrets", ())) <= compose.get("secrets", {}).keys()
        assert all((DEPLOY / source).exists() for source, *_ in volumes(service) if source.startswith("."))


@pytest.mark.feature("STO-09")
def test_compose_of_one_gateway() -> None:
    (gateway,) = gateways("compose.yaml").values()
    assert sorted(target for _, target, *_ in volumes(gateway)) == [ETC, STATE]


@pytest.mark.feature("STO-09", "STO-05")
def test_compose_of_several_gateways(tmp_path: Path) -> None:
    file = "compose-replicas.yaml"
    compose, found = document(file), gateways(file)
    assert len(found) == 2
    mounts = [{target: source for source, target, *_ in volumes(gateway)} for gateway in found.values()]
    assert all(mount.keys() == {ETC, SHARED, STATE} for mount in mounts)
    assert len({mount[SHARED] for mount in mounts}) == 1, "all have the files of users"
    assert len({mount[STATE] for mount in mounts}) == len(found), "each has a folder of its own"
    for gateway in found.values():
        settings = composed(file, gateway, tmp_path)
        assert settings.storage.files.startswith(f"{SHARED}/")
        assert settings.inbox.journal.startswith(f"{SHARED}/")
        assert gateway["secrets"] == ["database-url", "redis-url"]
        assert gateway["depends_on"]["postgres"] == {"condition": "service_healthy"}
    postgres, valkey = (compose["services"][name] for name in ("postgres", "valkey"))
    assert postgres["networks"] == valkey["networks"] == ["store"]
    assert valkey["command"][valkey["command"].index("--aclfile") + 1] == f"/run/secrets/{valkey['secrets'][0]}"
    assert compose["networks"]["store"] == {"internal": True}
    assert "store" not in compose["services"]["caddy"]["networks"]
    assert postgres["environment"]["POSTGRES_PASSWORD_FILE"] == f"/run/secrets/{postgres['secrets'][0]}"
    assert compose["services"]["caddy"]["environment"]["GATEWAY_PROBE"] in PATHS


@pytest.mark.feature("STO-09", "STO-03")
def test_secrets_are_made_as_the_readme_says(tmp_path: Path) -> None:
    recipe(tmp_path / "secrets")
    made = {file.name: file.read_text("utf-8").strip() for file in (tmp_path / "secrets").iterdir()}
    compose = document("compose-replicas.yaml")
    assert {name: one["file"] for name, one in compose["secrets"].items()} == {
        name: f"{ETC}/secrets/{name}" for name in made
    }
    settings = load(DEPLOY / "etc/replicas.yaml", {"CREDENTIALS_DIRECTORY": str(tmp_path / "secrets")})
    store, redis = urlsplit(settings.storage.url), urlsplit(settings.redis.url or "")
    owner = compose["services"]["postgres"]["environment"]
    assert (store.hostname, store.username, store.path) == (
        "postgres",
        owner["POSTGRES_USER"],
        f"/{owner['POSTGRES_DB']}",
    )
    assert store.password == made["database-password"] != redis.password
    assert redis.hostname == "valkey"
    shut, may = made["valkey.acl"].splitlines()
    assert shut == "user default off"
    told = re.findall(r"(?m)^ACL SETUSER (.*)$", (ROOT / "docs/redis.md").read_text("utf-8"))
    assert [may] == [f"user {one.replace('>password', f'>{redis.password}')}" for one in told]
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "secrets").iterdir())
