"""What is shipped to run Kifayat elsewhere: it names real things, asks for no rights, and holds no secret.

The chart was rendered with Helm's engine and validated against the Kubernetes schemas by deploy/helm/render.py.
"""

from __future__ import annotations

import configparser
import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from kifayat.version import __version__

DEPLOY = Path(__file__).parents[1] / "deploy"
CHART = DEPLOY / "helm" / "kifayat"
CASES = ("defaults", "everything")


def manifests(case: str) -> dict[str, dict[str, Any]]:
    """The rendered chart by kind."""
    text = (DEPLOY / "helm" / "rendered" / f"{case}.yaml").read_text(encoding="utf-8")
    return {manifest["kind"]: manifest for manifest in yaml.safe_load_all(text) if manifest}


def pod(case: str) -> dict[str, Any]:
    return dict(manifests(case)["StatefulSet"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("case", CASES)
def test_the_rendered_chart_is_that_of_the_chart_as_it_is(case):
    spec = importlib.util.spec_from_file_location("render", DEPLOY / "helm" / "render.py")
    assert spec is not None
    assert spec.loader is not None
    render = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(render)
    first = (DEPLOY / "helm" / "rendered" / f"{case}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert render.fingerprint() in first, "the chart has changed: run deploy/helm/render.py"


def test_the_chart_is_of_this_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == __version__
    assert f"kifayat:{__version__}" in (DEPLOY / "compose.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_every_container_runs_without_rights_on_a_read_only_disk(case):
    assert pod(case)["securityContext"]["runAsNonRoot"] is True
    assert pod(case)["automountServiceAccountToken"] is False
    for container in pod(case)["containers"]:
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("case", CASES)
def test_there_is_one_replica_on_one_volume_that_is_not_restarted_because_data_are_old(case):
    stateful = manifests(case)["StatefulSet"]["spec"]
    assert stateful["replicas"] == 1
    assert [claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"]] == ["data"]
    kifayat = pod(case)["containers"][0]
    assert {kifayat[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/livez"}


def test_secrets_are_references_and_the_page_is_reached_only_through_sign_in():
    assert "Ingress" not in manifests("defaults")
    assert [port["name"] for port in manifests("defaults")["Service"]["spec"]["ports"]] == ["metrics"]
    kifayat, sign_in = pod("everything")["containers"]
    given = {entry["name"]: entry for entry in [*kifayat["env"], *sign_in["env"]]}
    for name in ("SMTP_PASSWORD", "OAUTH2_PROXY_CLIENT_SECRET", "OAUTH2_PROXY_COOKIE_SECRET"):
        assert set(given[name]) == {"name", "valueFrom"}
    assert "--upstream=http://127.0.0.1:8501" in sign_in["args"]
    assert [port["name"] for port in kifayat["ports"]] == ["metrics"]


@pytest.mark.parametrize("case", CASES)
def test_the_configuration_of_the_chart_is_one_that_kifayat_reads(case, tmp_path):
    from kifayat import App

    file = tmp_path / "kifayat.toml"
    file.write_text(manifests(case)["ConfigMap"]["data"]["kifayat.toml"], encoding="utf-8")
    service = App.from_toml(file).config.service
    assert (service.metrics_address, service.metrics_port) == ("0.0.0.0", 9464)
    assert pod(case)["containers"][0]["ports"] == [{"name": "metrics", "containerPort": service.metrics_port}]


def test_the_image_holds_every_room_and_the_pinned_packages_and_runs_as_nobody():
    docker = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes --requirement requirements/runtime.txt" in docker
    assert re.search(r"^USER 10001:10001$", docker, re.MULTILINE)
    assert docker.index("USER 10001") < docker.index("ENTRYPOINT")
    assert "/healthz" in docker
    ignored = (DEPLOY.parent / ".dockerignore").read_text(encoding="utf-8").splitlines()
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    needed = {*rooms, "pyproject.toml", "LICENSE", "README.md", "requirements/runtime.txt"}
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == needed


def test_compose_gives_no_rights_and_opens_nothing_to_the_network():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert services["sign-in"]["network_mode"] == "service:kifayat"


def test_the_unit_runs_serve_as_nobody_with_one_writable_directory():
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "kifayat.service", encoding="utf-8")
    service = unit["Service"]
    assert " serve --log-format json" in service["ExecStart"]
    for key, value in {
        "DynamicUser": "yes", "ProtectSystem": "strict", "NoNewPrivileges": "yes", "StateDirectory": "kifayat",
        "CapabilityBoundingSet": "", "KillMode": "mixed", "Restart": "always",
    }.items():  # fmt: skip
        assert service[key] == value, key
