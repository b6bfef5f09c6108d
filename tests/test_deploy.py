"""What an operator copies: configuration, compose file, systemd unit, Kubernetes manifests. They fit the program."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from gateway.cli.app import app
from gateway.probes import PATHS
from gateway.servers import GRACE
from gateway.settings import Settings, load
from gateway.settings.process import ServerSettings
from tests.deployment import DEPLOY, ROOT, checked, document, manifests, program, unit
from tests.dockerfile import instructions, only

STATE, ETC = "/var/lib/gateway", "/etc/gateway"
CONFIGURATIONS = ("etc/gateway.yaml", "kubernetes/gateway.yaml")
STOPPING = ServerSettings().drain + 3 * GRACE + 1  # seconds: the drain, three listeners, what is left


def configured(name: str = CONFIGURATIONS[0], **environment: str) -> Settings:
    return load(DEPLOY / name, environment)


def variables(text: dict[str, Any]) -> dict[str, str]:
    """The environment of a service in the compose file, with a domain."""
    return {name: re.sub(r"\$\{DOMAIN[^}]*\}", "chat.example.org", value) for name, value in text.items()}


@pytest.mark.feature("STO-09", "CLI-01")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configurations_are_well(name: str) -> None:
    told = checked(sys.executable, "-m", "gateway.cli", "check", "-c", str(DEPLOY / name), cwd=ROOT)
    assert "error" not in told
    settings = configured(name)
    assert str(settings.storage.database) == f"{STATE}/gateway.db"
    assert settings.storage.files == f"{STATE}/files"
    assert (settings.server.public_url or "").startswith("https://")


@pytest.mark.feature("STO-09", "CFG-03")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_secrets_are_files(name: str, tmp_path: Path) -> None:
    """The channel that is only shown works as it stands, once its # are taken away."""
    text = (DEPLOY / name).read_text("utf-8")
    shown = re.sub(r"(?m)^  # (help:|  \w+: )", r"  \1", text)
    assert shown != text
    (tmp_path / "gateway.yaml").write_text(shown, "utf-8")
    (tmp_path / "telegram-token").write_text("123456:" + "A" * 35 + "\n", "utf-8")
    settings = load(tmp_path / "gateway.yaml", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert settings.channels["help"].fault == ""
    assert "123456:" + "A" * 35 in settings.secrets()


@pytest.mark.feature("STO-09", "ACC-05")
def test_compose() -> None:
    compose = document("compose.yaml")
    gateway, caddy = compose["services"]["gateway"], compose["services"]["caddy"]
    build = gateway["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
    settings = configured(**variables(gateway["environment"]))
    assert settings.server.public_url == "https://chat.example.org"
    assert f"gateway:{settings.server.listen.port}" == caddy["environment"]["GATEWAY"]
    assert settings.admin.listen.loopback
    proxy = caddy["networks"]["inside"]["ipv4_address"]
    assert [str(network) for network in settings.server.trusted_proxies] == [f"{proxy}/32"]
    assert "ports" not in gateway
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert int(gateway["stop_grace_period"].removesuffix("s")) > STOPPING
    mounts = [mount.split(":") for mount in gateway["volumes"]]
    assert sorted(target for _, target, *_ in mounts) == [ETC, STATE]
    (source,) = [source for source, target, *_ in mounts if target == ETC]
    assert (DEPLOY / source / "gateway.yaml").is_file()
    assert {source for source, target, *_ in mounts if target == STATE} <= compose["volumes"].keys()


@pytest.mark.feature("STO-09")
def test_unit_fits_the_program() -> None:
    service = unit()
    notifies = any("NOTIFY_SOCKET" in file.read_text("utf-8") for file in (ROOT / "gateway").rglob("*.py"))
    assert service["Type"] == ["notify" if notifies else "exec"]
    assert int(service["TimeoutStopSec"][0]) > STOPPING
    (start,), (again,) = service["ExecStart"], service["ExecReload"]
    assert {start.split()[1], again.split()[1]} <= commands().keys()
    assert service["Environment"] == [f"GATEWAY_CONFIG={ETC}/gateway.yaml"]
    assert f"/var/lib/{service['StateDirectory'][0]}" == STATE == service["WorkingDirectory"][0]
    assert service["DynamicUser"] == ["yes"]


@pytest.mark.feature("STO-09")
def test_systemd_is_content(tmp_path: Path) -> None:
    analyze = program("systemd-analyze", "systemd")
    text = (DEPLOY / "systemd/gateway.service").read_text("utf-8")
    here = text.replace("/opt/chat-gateway/.venv/bin", str(Path(sys.executable).parent))
    assert here != text
    file = tmp_path / "gateway.service"
    file.write_text(here, "utf-8")
    assert checked(analyze, "verify", "--man=no", file) == ""
    if "--offline" not in checked(analyze, "--help"):
        pytest.skip("this systemd-analyze cannot judge a unit that is not installed")
    checked(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", file)


@pytest.mark.feature("STO-09", "OBS-03")
def test_kubernetes_asks_the_probes_where_they_are() -> None:
    pod, container = kubernetes()
    settings = configured("kubernetes/gateway.yaml")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": settings.server.listen.port, "admin": settings.admin.listen.port}
    asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert {kind: probe["path"] for kind, probe in asked.items()} == {
        "startup": "/startupz",
        "readiness": "/readyz",
        "liveness": "/healthz",
    }
    assert {probe["path"] for probe in asked.values()} == set(PATHS)
    assert {probe["port"] for probe in asked.values()} == {"http"}
    assert pod["terminationGracePeriodSeconds"] > STOPPING


@pytest.mark.feature("STO-09")
def test_kubernetes_runs_one_pod_that_may_do_little() -> None:
    pod, container = kubernetes()
    assert manifests()["StatefulSet", "gateway"]["spec"]["replicas"] == 1
    user = only(instructions()[-1], "USER").rest.partition(":")[0]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == int(user)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    allowed = container["securityContext"]
    assert (allowed["readOnlyRootFilesystem"], allowed["allowPrivilegeEscalation"]) == (True, False)
    assert allowed["capabilities"] == {"drop": ["ALL"]}
    environment = {one["name"]: one["value"] for one in container["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert environment == {
        "GATEWAY_CONFIG": f"{mounts['config']}/gateway.yaml",
        "CREDENTIALS_DIRECTORY": mounts["secrets"],
    }
    assert (mounts["config"], mounts["state"]) == (ETC, STATE)
    assert not [path for path in mounts.values() if "config" in path], "that is code, and nothing is put over it"
    assert all("subPath" not in mount for mount in container["volumeMounts"])
    (claim,) = manifests()["StatefulSet", "gateway"]["spec"]["volumeClaimTemplates"]
    assert mounts.keys() == {volume["name"] for volume in pod["volumes"]} | {claim["metadata"]["name"]}
    (generated,) = document("kubernetes/kustomization.yaml")["configMapGenerator"]
    (config,) = [volume["configMap"]["name"] for volume in pod["volumes"] if volume["name"] == "config"]
    assert (generated["name"], generated["files"]) == (config, ["gateway.yaml"])


def kubernetes() -> tuple[dict[str, Any], dict[str, Any]]:
    """The pod and its one container."""
    pod: dict[str, Any] = manifests()["StatefulSet", "gateway"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


@pytest.mark.feature("STO-09", "ADM-01")
def test_kubernetes_shows_the_admin_listener_to_nobody_but_prometheus() -> None:
    found = manifests()
    labels = found["StatefulSet", "gateway"]["spec"]["template"]["metadata"]["labels"]
    policy = found["NetworkPolicy", "gateway"]["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    chosen = [policy["podSelector"], found["PodDisruptionBudget", "gateway"]["spec"]["selector"]]
    chosen.append(found["StatefulSet", "gateway"]["spec"]["selector"])
    assert all(one["matchLabels"] == labels for one in chosen)
    admitted = {rule["ports"][0]["port"]: rule["from"] for rule in policy["ingress"]}
    assert admitted.keys() == {"http", "admin"}
    assert all(len(rule["ports"]) == 1 for rule in policy["ingress"])
    (who,) = admitted["admin"]
    assert who["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus"}
    services = {name: one["spec"] for (kind, name), one in found.items() if kind == "Service"}
    assert all(one["selector"] == labels and "type" not in one for one in services.values())
    (rule,) = found["Ingress", "gateway"]["spec"]["rules"]
    for path in rule["http"]["paths"]:
        backend = path["backend"]["service"]
        (port,) = services[backend["name"]]["ports"]
        assert port["name"] == backend["port"]["name"] == port["targetPort"] == "http"


@pytest.mark.feature("STO-09")
def test_kubectl_is_content() -> None:
    built = checked(program("kubectl", "kubernetes-client"), "kustomize", DEPLOY / "kubernetes")
    assert len(re.findall(r"^kind: ", built, re.MULTILINE)) == len(manifests()) + 1


def commands() -> dict[str, Any]:
    """The commands of `gateway`."""
    found: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
    return found


def words() -> list[tuple[str, list[str]]]:
    """Every `gateway ...` that the files of deploy/ tell an operator to run."""
    told = []
    for file in sorted(DEPLOY.rglob("*")):
        if file.is_file():
            text = file.read_text("utf-8")
            told += [(file.name, found.split()) for found in re.findall(r"`(?:\S+/)?gateway ([a-z][^`]*)`", text)]
            told += [(file.name, found.split()) for found in re.findall(r"-- gateway ([a-z -]+)", text)]
            told += [(file.name, found.split()) for found in re.findall(r"bin/gateway ([a-z]+)", text)]
    return told


@pytest.mark.feature("STO-09")
def test_every_command_that_is_named_is_there() -> None:
    found = words()
    assert {"README.md", "alerts.yaml", "gateway.service"} <= {name for name, _ in found}
    for name, (command, *more) in found:
        assert command in commands(), (name, command)
        below = getattr(commands()[command], "commands", None)
        if below is not None and more and not more[0].startswith("-"):
            assert more[0] in below, (name, command, more)


@pytest.mark.feature("STO-09")
def test_every_file_is_introduced() -> None:
    readme = (DEPLOY / "README.md").read_text("utf-8")
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", readme) if "://" not in link}
    assert all((DEPLOY / link).exists() for link in links)
    introduced = {(DEPLOY / link).resolve().parent for link in links if "/" in link}
    for file in DEPLOY.rglob("*"):
        if file.is_file() and file.name != "README.md":
            assert file.parent in introduced or file.name in links, file
    assert "deploy/README.md" in (ROOT / "README.md").read_text("utf-8")
