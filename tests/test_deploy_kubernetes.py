"""The Kubernetes manifests fit the program and each other: several gateways, which may do little, and how many."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.probes import PATHS
from tests.commands import gateway
from tests.deployment import (
    DEPLOY,
    ETC,
    SHARED,
    STATE,
    STOPPING,
    checked,
    configured,
    document,
    manifests,
    program,
    secrets,
)
from tests.dockerfile import instructions, only

MOST = 100  # connections of a PostgreSQL that was not told otherwise
VERSIONS = {
    "Deployment": "apps/v1",
    "PersistentVolumeClaim": "v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "Service": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Ingress": "networking.k8s.io/v1",
}


def deployment() -> dict[str, Any]:
    found: dict[str, Any] = manifests()["Deployment", "gateway"]["spec"]
    return found


def kubernetes() -> tuple[dict[str, Any], dict[str, Any]]:
    """The pod and its one container."""
    pod: dict[str, Any] = deployment()["template"]["spec"]
    (container,) = pod["containers"]
    return pod, container


@pytest.mark.feature("STO-09")
def test_everything_is_there_once_and_in_force() -> None:
    assert {kind: one["apiVersion"] for (kind, _), one in manifests().items()} == VERSIONS
    given = {file.name for file in (DEPLOY / "kubernetes").iterdir()}
    kustomization = document("kubernetes/kustomization.yaml")
    assert given == {*kustomization["resources"], "kustomization.yaml", "gateway.yaml"}
    assert all("namespace" not in one["metadata"] for one in manifests().values()), "the kustomization says it"
    (image,) = kustomization["images"]
    assert image["name"] == kubernetes()[1]["image"]


@pytest.mark.feature("STO-09", "OBS-03")
def test_the_probes_are_asked_where_they_are(tmp_path: Path) -> None:
    _, container = kubernetes()
    settings = configured("kubernetes/gateway.yaml", tmp_path)
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


@pytest.mark.feature("STO-09", "STO-06")
def test_a_pod_may_drain_before_it_is_killed() -> None:
    pod, container = kubernetes()
    word, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert word == "sleep"
    assert pod["terminationGracePeriodSeconds"] > STOPPING + int(seconds)
    assert deployment()["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


@pytest.mark.feature("STO-09", "CFG-05")
def test_a_new_pod_with_a_mistake_in_its_configuration_ends_and_says_why(tmp_path: Path) -> None:
    """It has nothing to fall back to, so it is never ready, and takes the place of none that serves."""
    pod, container = kubernetes()
    file = tmp_path / "gateway.yaml"
    text = (DEPLOY / "kubernetes/gateway.yaml").read_text("utf-8").replace(STATE, str(tmp_path / "empty"))
    file.write_text(f"{text}\nnonsense: true\n", "utf-8")
    ran = gateway("run", folder=tmp_path, GATEWAY_CONFIG=str(file), **secrets(tmp_path / "secrets"))
    assert ran.code == 2
    assert "gateway.yaml:" in ran.err
    assert "nonsense" in ran.err.splitlines()[-1]
    assert pod.get("restartPolicy", "Always") == "Always"
    assert "--strict-boot" not in container.get("args", ()), "one that is started again in its pod goes on"
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert deployment()["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.feature("STO-09")
def test_a_pod_may_do_little() -> None:
    pod, container = kubernetes()
    user = only(instructions()[-1], "USER").rest.partition(":")[0]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == int(user)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    allowed = container["securityContext"]
    assert (allowed["readOnlyRootFilesystem"], allowed["allowPrivilegeEscalation"]) == (True, False)
    assert allowed["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.feature("STO-09", "STO-05")
def test_what_is_mounted_is_what_the_configuration_names(tmp_path: Path) -> None:
    pod, container = kubernetes()
    environment = {one["name"]: one["value"] for one in container["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert environment == {
        "GATEWAY_CONFIG": f"{mounts['config']}/gateway.yaml",
        "CREDENTIALS_DIRECTORY": mounts["secrets"],
    }
    assert (mounts["config"], mounts["shared"], mounts["local"]) == (ETC, SHARED, STATE)
    assert not [path for path in mounts.values() if "config" in path], "that is code, and nothing is put over it"
    assert all("subPath" not in mount for mount in container["volumeMounts"])
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts.keys() == volumes.keys()
    storage = configured("kubernetes/gateway.yaml", tmp_path).storage
    assert storage.files.startswith(f"{mounts['shared']}/")
    assert str(storage.home) == mounts["local"]
    assert "emptyDir" in volumes["local"], "each pod has its own"
    claim = manifests()["PersistentVolumeClaim", volumes["shared"]["persistentVolumeClaim"]["claimName"]]["spec"]
    assert claim["accessModes"] == ["ReadWriteMany"], "all pods have the same"
    (generated,) = document("kubernetes/kustomization.yaml")["configMapGenerator"]
    assert (generated["name"], generated["files"]) == (volumes["config"]["configMap"]["name"], ["gateway.yaml"])


@pytest.mark.feature("STO-09", "STO-05")
def test_how_many_there_are(tmp_path: Path) -> None:
    scaling = manifests()["HorizontalPodAutoscaler", "gateway"]["spec"]
    target = scaling["scaleTargetRef"]
    assert manifests()[target["kind"], target["name"]]["apiVersion"] == target["apiVersion"]
    assert "replicas" not in deployment(), "every apply would take back what the autoscaler did"
    budget = manifests()["PodDisruptionBudget", "gateway"]["spec"]
    assert scaling["minReplicas"] > budget["maxUnavailable"] > 0, "one is always there, and nodes can be drained"
    most = scaling["maxReplicas"] + deployment()["strategy"]["rollingUpdate"]["maxSurge"]
    each = configured("kubernetes/gateway.yaml", tmp_path).storage.connections + 1
    assert most * each < MOST
    (cpu,) = [one["resource"] for one in scaling["metrics"] if one["type"] == "Resource"]
    assert cpu["name"] in kubernetes()[1]["resources"]["requests"]


@pytest.mark.feature("STO-09", "ADM-01")
def test_the_admin_listener_is_shown_to_nobody_but_prometheus() -> None:
    found = manifests()
    labels = deployment()["template"]["metadata"]["labels"]
    policy = found["NetworkPolicy", "gateway"]["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    chosen = [policy["podSelector"], found["PodDisruptionBudget", "gateway"]["spec"]["selector"]]
    chosen.append(deployment()["selector"])
    chosen += [one["labelSelector"] for one in kubernetes()[0]["topologySpreadConstraints"]]
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


@pytest.mark.feature("STO-09", "OBS-02")
def test_prometheus_finds_every_pod() -> None:
    admin = manifests()["Service", "gateway-admin"]["spec"]
    assert admin["clusterIP"] == "None", "its name stands for the addresses of all pods"
    assert admin["publishNotReadyAddresses"] is True
    text = (DEPLOY / "prometheus/prometheus.yaml").read_text("utf-8")
    (shown,) = re.findall(r"\{names: \[([\w-]+)\.([\w-]+)\.svc\.cluster\.local\], type: A, port: (\d+)\}", text)
    namespace = document("kubernetes/kustomization.yaml")["namespace"]
    assert shown == ("gateway-admin", namespace, str(admin["ports"][0]["port"]))
    assert f'namespace="{namespace}"' in (DEPLOY / "prometheus/alerts.yaml").read_text("utf-8")


@pytest.mark.feature("STO-09")
def test_kubectl_is_content() -> None:
    built = checked(program("kubectl", "kubernetes-client"), "kustomize", DEPLOY / "kubernetes")
    assert len(re.findall(r"^kind: ", built, re.MULTILINE)) == len(manifests()) + 1
