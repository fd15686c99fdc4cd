"""What the rendered chart must be true of. Run by test-chart.sh; needs PyYAML and kubernetes-validate."""

import argparse
import copy
import functools
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml
from kubernetes_validate import utils as validate_utils

try:
    import tomllib
except ImportError:
    import tomli as tomllib

DEPLOY = pathlib.Path(__file__).resolve().parent
CHART = DEPLOY / "helm" / "deepfix"
NAMESPACE = "apps"
# The oldest the chart admits and the newest there are schemas for.
KUBERNETES = ["1.30", "1.37"]
# Kinds of operators: no schema for them in Kubernetes itself.
WITHOUT_SCHEMA = {"ServiceMonitor"}

COMPONENTS = {"gateway", "dataset-agent", "training-agent", "checks-agent", "checkpoint-agent", "kb", "reasoning"}
TARGETS = {"dataset": "dataset-agent", "training": "training-agent", "checks": "checks-agent",
           "checkpoint": "checkpoint-agent", "kb": "kb", "reasoning": "reasoning"}
REST, GRPC, ADMIN = 8844, 50051, 8845
COMPONENT = "app.kubernetes.io/component"

# Schemas are large and read for every manifest.
validate_utils.schema_contents = functools.lru_cache(None)(validate_utils.schema_contents)

passed, failed = 0, 0


def check(name, function, *args):
    """Runs one check; an AssertionError, or a bug in reading the render, is a failure."""
    global passed, failed
    try:
        function(*args)
    except Exception as error:
        failed += 1
        kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
        print(f"FAIL {name}: {kind}{error}")
        return False
    passed += 1
    return True


def helm(*args, chart=CHART, values=None):
    files = [] if values is None else ["--values", "-"]
    return subprocess.run(
        [HELM, *args[:1], *([] if args[0] == "lint" else ["release"]), str(chart), "--namespace", NAMESPACE,
         "--kube-version", f"{KUBERNETES[-1]}.0", *files, *args[1:]],
        input=None if values is None else yaml.safe_dump(values), capture_output=True, text=True, timeout=120)


def render(values, chart=CHART):
    done = helm("template", chart=chart, values=values)
    assert done.returncode == 0, done.stderr.strip()
    return [item for item in yaml.safe_load_all(done.stdout) if item]


def merged(base, over):
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return copy.deepcopy(over)
    return {key: merged(base[key], over[key]) if key in base and key in over else copy.deepcopy(over.get(key, base.get(key)))
            for key in {**base, **over}}


def of_kind(render, kind):
    return [item for item in render if item["kind"] == kind]


def by_component(render, kind):
    return {item["metadata"]["labels"][COMPONENT]: item for item in of_kind(render, kind)}


def name_of(item):
    return f'{item["kind"]}/{item["metadata"]["name"]}'


def pods(render):
    """(owner, labels, pod spec) of everything that runs."""
    for item in render:
        if item["kind"] == "Deployment":
            yield item, item["spec"]["template"]["metadata"]["labels"], item["spec"]["template"]["spec"]
        elif item["kind"] == "Pod":
            yield item, item["metadata"]["labels"], item["spec"]


def equal(found, wanted, what):
    assert found == wanted, f"{what} is {found!r}, wanted {wanted!r}"


def selects(selector, labels):
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or []:
        value, values = labels.get(term["key"]), term.get("values") or []
        if not {"In": value in values, "NotIn": value not in values, "Exists": value is not None,
                "DoesNotExist": value is None}[term["operator"]]:
            return False
    return True


def config_of(render):
    (item,) = [item for item in of_kind(render, "ConfigMap") if "deepfix.toml" in item["data"]]
    return tomllib.loads(item["data"]["deepfix.toml"])


# --- checks of one render: (render, the values it came from, defaults included)


def is_valid_kubernetes(render, _values):
    for item, version in itertools.product(render, KUBERNETES):
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except kubernetes_validate.SchemaNotFoundError as error:
            assert item["kind"] in WITHOUT_SCHEMA, error.message
        except kubernetes_validate.ValidationError as error:
            path = ".".join(map(str, error.path))
            raise AssertionError(f"{name_of(item)} against {version}: {path}: {error.message}")


def names_are_unique_and_valid(render, _values):
    seen = [name_of(item) for item in render]
    assert len(seen) == len(set(seen)), f"twice: {sorted(name for name in seen if seen.count(name) > 1)}"
    for item in render:
        name = item["metadata"]["name"]
        assert re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name), f"{name_of(item)} is no DNS label"


def every_component_runs_and_is_reachable(render, _values):
    equal(set(by_component(render, "Deployment")), COMPONENTS, "the set of Deployments")
    equal(set(by_component(render, "Service")) - {"admin"}, COMPONENTS, "the set of Services")
    for item in of_kind(render, "Deployment"):
        labels = item["spec"]["template"]["metadata"]["labels"]
        assert selects(item["spec"]["selector"], labels), f"{name_of(item)} does not select its own pods"
    for component, service in by_component(render, "Service").items():
        found = {labels[COMPONENT] for _, labels, _ in pods(render) if selects({"matchLabels": service["spec"]["selector"]}, labels)}
        equal(found, COMPONENTS if component == "admin" else {component}, f"what {name_of(service)} selects")


def containers_are_locked_down(render, values):
    for owner, _, spec in pods(render):
        where = name_of(owner)
        equal(spec["automountServiceAccountToken"], False, f"{where} automountServiceAccountToken")
        equal(spec["enableServiceLinks"], False, f"{where} enableServiceLinks")
        pod = spec["securityContext"]
        equal(pod["runAsNonRoot"], True, f"{where} runAsNonRoot")
        equal(pod["seccompProfile"], {"type": "RuntimeDefault"}, f"{where} seccompProfile")
        equal(pod.get("runAsUser"), values["security"].get("uid"), f"{where} runAsUser")
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            assert not spec.get(key), f"{where} uses {key}"
        scratch = {volume["name"] for volume in spec["volumes"] if "emptyDir" in volume}
        for container in spec["containers"] + spec.get("initContainers", []):
            security = container["securityContext"]
            for key, wanted in {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "privileged": False,
                                "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}.items():
                equal(security.get(key), wanted, f"{where} {key}")
            assert any(mount["mountPath"] == "/tmp" and mount["name"] in scratch for mount in container["volumeMounts"]), \
                f"{where} has no emptyDir at /tmp"
            assert container["resources"].get("requests") and container["resources"]["limits"].get("memory"), f"{where} has no bounds"
    for account in of_kind(render, "ServiceAccount"):
        equal(account["automountServiceAccountToken"], False, f"{name_of(account)} automountServiceAccountToken")
    for item in render:
        assert not item["apiVersion"].startswith("rbac."), f"{name_of(item)}: no service needs the Kubernetes API"


def probes_are_three_on_three_paths(render, _values):
    for item in of_kind(render, "Deployment"):
        (container,) = item["spec"]["template"]["spec"]["containers"]
        found = {probe: container.get(probe, {}).get("httpGet") for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        wanted = {probe: {"path": path, "port": "admin"} for probe, path in
                  {"startupProbe": "/startupz", "livenessProbe": "/livez", "readinessProbe": "/readyz"}.items()}
        equal(found, wanted, f"the probes of {name_of(item)}")


def replicas_belong_to_one_owner(render, values):
    scaled = {item["spec"]["scaleTargetRef"]["name"]: item["spec"] for item in of_kind(render, "HorizontalPodAutoscaler")}
    budgets = by_component(render, "PodDisruptionBudget")
    for component, item in by_component(render, "Deployment").items():
        settings = merged(values["defaults"], values["components"][component])
        scaler = scaled.pop(item["metadata"]["name"], None)
        equal(scaler is not None, settings["autoscaling"]["enabled"], f"an autoscaler for {component}")
        if scaler:
            assert "replicas" not in item["spec"], f"{name_of(item)} has replicas beside an autoscaler"
            assert scaler["minReplicas"] <= scaler["maxReplicas"], f"{component}: minReplicas above maxReplicas"
            (container,) = item["spec"]["template"]["spec"]["containers"]
            assert "cpu" in container["resources"]["requests"], f"{component} is scaled by CPU and requests none"
        else:
            equal(item["spec"].get("replicas"), settings["replicas"], f"replicas of {component}")
        least = scaler["minReplicas"] if scaler else item["spec"]["replicas"]
        equal(component in budgets, settings["pdb"]["enabled"] and least > 1, f"a budget for {component} with at least {least}")
        if component in budgets:
            assert selects(budgets[component]["spec"]["selector"], item["spec"]["template"]["metadata"]["labels"]), \
                f"the budget of {component} selects other pods"
    assert not scaled, f"autoscalers of nothing: {sorted(scaled)}"


def ports_agree(render, values):
    services = by_component(render, "Service")
    for component, item in by_component(render, "Deployment").items():
        (container,) = item["spec"]["template"]["spec"]["containers"]
        port_name, port = ("rest", REST) if component == "gateway" else ("grpc", GRPC)
        equal(container["args"], ["serve", component, "--listen", f"0.0.0.0:{port}", "--admin", f"0.0.0.0:{ADMIN}",
                                  "--config", "/etc/deepfix/deepfix.toml"], f"the arguments of {component}")
        equal({port["name"]: port["containerPort"] for port in container["ports"]}, {port_name: port, "admin": ADMIN},
              f"the container ports of {component}")
        spec = services[component]["spec"]
        gateway = component == "gateway"
        (found,) = spec["ports"]
        equal(found, {"name": port_name, "port": values["service"]["port"] if gateway else GRPC, "targetPort": port_name,
                      "protocol": "TCP", "appProtocol": values["service"]["appProtocol"] if gateway else "kubernetes.io/h2c"},
              f"the Service port of {component}")
        equal(spec.get("clusterIP"), None if gateway else "None", f"clusterIP of {component}")
        equal(spec.get("type"), values["service"]["type"] if gateway else None, f"type of the Service of {component}")
    for ingress in of_kind(render, "Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                equal(path["backend"]["service"], {"name": services["gateway"]["metadata"]["name"], "port": {"name": "rest"}},
                      "the backend of the Ingress")
    if "admin" in services:
        (monitor,) = of_kind(render, "ServiceMonitor")
        assert selects(monitor["spec"]["selector"], services["admin"]["metadata"]["labels"]), "the ServiceMonitor selects no Service"
        others = [name for name, service in services.items()
                  if name != "admin" and selects(monitor["spec"]["selector"], service["metadata"]["labels"])]
        equal(others, [], "what else the ServiceMonitor selects")
        equal([(end["port"], end["path"]) for end in monitor["spec"]["endpoints"]], [("admin", "/metrics")], "its endpoints")
        equal([(port["name"], port["port"]) for port in services["admin"]["spec"]["ports"]], [("admin", ADMIN)], "the admin port")


def config_is_what_the_values_say(render, values):
    services, found = by_component(render, "Service"), config_of(render)
    wanted = copy.deepcopy(values["config"])
    for name, service in wanted["gateway"]["services"].items():
        service["target"] = service["target"] or f'http://{services[TARGETS[name]]["metadata"]["name"]}:{GRPC}'
    equal(found, wanted, "deepfix.toml")
    (name,) = [item["metadata"]["name"] for item in of_kind(render, "ConfigMap") if "deepfix.toml" in item["data"]]
    for item in of_kind(render, "Deployment"):
        spec = item["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
        equal(volumes[mounts["/etc/deepfix"]["name"]], {"name": "config", "configMap": {"name": name}}, "the config volume")
        assert item["spec"]["template"]["metadata"]["annotations"].get("checksum/config"), f"{name_of(item)} has no checksum"


def uploads_are_shared(render, values):
    claims = {item["metadata"]["name"] for item in of_kind(render, "PersistentVolumeClaim")}
    store, path = values["store"], values["config"]["store"]["path"]
    equal(len(claims), 1 if store["enabled"] and not store["existingClaim"] else 0, "the number of claims made")
    claim = store["existingClaim"] or next(iter(claims), None)
    for component, item in by_component(render, "Deployment").items():
        spec = item["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        mounts = {mount["mountPath"]: mount for mount in spec["containers"][0]["volumeMounts"]}
        unknown = {mount["name"] for mount in mounts.values()} - set(volumes)
        assert not unknown, f"{component} mounts {unknown}, which it has not"
        if component in ("kb", "reasoning"):
            assert path not in mounts, f"{component} has the store and needs none"
        elif store["enabled"]:
            equal(volumes[mounts[path]["name"]].get("persistentVolumeClaim"), {"claimName": claim}, f"the store of {component}")
            equal(mounts[path].get("readOnly", False), component != "gateway", f"readOnly of the store of {component}")
        else:
            assert "emptyDir" in volumes[mounts[path]["name"]], f"{component} has a store although it is off"


def the_kubelet_waits_for_the_drain(render, _values):
    shutdown = config_of(render)["shutdown"]
    drain, grace = (int(shutdown[key].rstrip("s")) for key in ("drain", "grace"))
    for item in of_kind(render, "Deployment"):
        spec = item["spec"]["template"]["spec"]
        pause = spec["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        period = spec["terminationGracePeriodSeconds"]
        assert period > pause + drain + grace, f"{name_of(item)}: {period} s for {pause} + {drain} + {grace} s"


def only_the_gateway_is_admitted(render, values):
    policies = of_kind(render, "NetworkPolicy")
    if not values["networkPolicy"]["enabled"]:
        equal(policies, [], "network policies")
        return
    equal(set(by_component(render, "NetworkPolicy")) - {"test"}, COMPONENTS, "the components with a policy")
    for item in policies:
        equal(item["spec"]["policyTypes"], ["Ingress", "Egress"], f"{name_of(item)} policyTypes")

    def peer_is(peer, pod):
        if "ipBlock" in peer:
            return False
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": pod["namespace"]}):
                return False
        elif pod["namespace"] != NAMESPACE:
            return False
        return selects(peer.get("podSelector", {}), pod["labels"])

    def admits(direction, side, pod, other, port, protocol="TCP"):
        mine = [item["spec"] for item in policies if pod["namespace"] == NAMESPACE and selects(item["spec"]["podSelector"], pod["labels"])]
        if not mine:
            return True
        for rule in itertools.chain.from_iterable(spec.get(direction) or [] for spec in mine):
            # Absent or empty means everything, of ports and of peers.
            fits = not rule.get("ports") or any((p.get("port"), p.get("protocol", "TCP")) == (port, protocol) for p in rule["ports"])
            if fits and (not rule.get(side) or any(peer_is(peer, other) for peer in rule[side])):
                return True
        return False

    def passes(source, target, port, protocol="TCP"):
        return admits("egress", "to", source, target, port, protocol) and admits("ingress", "from", target, source, port, protocol)

    inside = {labels[COMPONENT]: {"namespace": NAMESPACE, "labels": labels} for _, labels, _ in pods(render)}
    scraper_namespace = values["networkPolicy"]["scraperFrom"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    outside = {
        "a neighbour": {"namespace": NAMESPACE, "labels": {COMPONENT: "gateway"}},
        "a gateway of another namespace": {"namespace": "elsewhere", "labels": inside["gateway"]["labels"]},
        "the scraper": {"namespace": scraper_namespace, "labels": {"app.kubernetes.io/name": "prometheus"}},
    }
    everyone = {**inside, **outside}
    for (source, source_pod), (target, port) in itertools.product(everyone.items(), [(name, port) for name in sorted(COMPONENTS) for port in (REST, GRPC, ADMIN)]):
        if source == target:
            continue
        if port == ADMIN:
            wanted = source == "the scraper"
        elif target == "gateway":
            wanted = port == REST and (source == "test" or (source in outside and not values["networkPolicy"]["gatewayFrom"]))
        else:
            wanted = port == GRPC and source == "gateway"
        equal(passes(source_pod, inside[target], port), wanted, f"whether {source} reaches {target}:{port}")
    dns = {"namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}
    internet = {"namespace": "internet", "labels": {}}
    for source, pod in inside.items():
        assert passes(pod, dns, 53, "UDP") and passes(pod, dns, 53), f"{source} has no DNS"
        assert not passes(pod, internet, 443), f"{source} reaches anything"
    endpoint = values["config"]["telemetry"]["otlp_endpoint"]
    collector = {"namespace": "observability", "labels": {}}
    for component in COMPONENTS:
        equal(passes(inside[component], collector, 4320), bool(endpoint), f"whether {component} reaches the collector")


def the_notes_say_how_to_begin(_render, values):
    """Helm renders NOTES.txt only on install, so a copy of the chart renders it as a manifest."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cp", "-R", f"{CHART}/.", folder], check=True)
        templates = pathlib.Path(folder, "templates")
        notes = (templates / "NOTES.txt").read_text()
        for file in list(templates.glob("*.yaml")) + list(templates.glob("tests/*")):
            file.unlink()
        (templates / "_notes.tpl").write_text('{{- define "notes" -}}\n' + notes + "{{- end }}")
        (templates / "notes.yaml").write_text('kind: Notes\ntext: {{ include "notes" . | toJson }}\n')
        ((item),) = render(values, chart=folder)
    for wanted in (f'port-forward service/{gateway_name(values)} {REST}:{values["service"]["port"]}', f"http://127.0.0.1:{REST}/v1/analyses"):
        assert wanted in item["text"], f"{wanted!r} is not in the notes:\n{item['text']}"
    equal("helm test" in item["text"], values["test"]["enabled"], "helm test in the notes")


def gateway_name(values):
    return by_component(render(values), "Service")["gateway"]["metadata"]["name"]


# --- checks that are not about one render


def the_checksum_follows_the_config():
    def checksums(values):
        return {item["spec"]["template"]["metadata"]["annotations"]["checksum/config"] for item in of_kind(render(values), "Deployment")}
    plain = checksums({})
    equal(checksums({"defaults": {"replicas": 2}}), plain, "the checksum after a change of replicas")
    assert checksums({"config": {"store": {"ttl": "1h"}}}).isdisjoint(plain), "the checksum ignores the config"


def the_longest_name_still_fits():
    rendered = render({"fullnameOverride": "a" + "b" * 62})
    names_are_unique_and_valid(rendered, None)


def is_refused(values, word):
    done = helm("template", values=values)
    assert done.returncode != 0, f"{values} is accepted"
    assert "schema" in done.stderr and word in done.stderr, f"{values}: the message does not name {word!r}: {done.stderr.strip()}"


REFUSED = [
    ({"replicaCount": 2}, "replicaCount"),
    ({"components": {"kb": {"replica": 2}}}, "replica"),
    ({"components": {"executor": {}}}, "executor"),
    ({"config": {"gateway": {"maxbody": "1MiB"}}}, "maxbody"),
    ({"config": {"gateway": {"services": {"kb": {"host": "x"}}}}}, "host"),
    ({"config": {"shutdown": {"grace": "1m"}}}, "grace"),
    ({"config": {"gateway": {"request_timeout": 60}}}, "request_timeout"),
    ({"store": {"accessMode": "ReadWriteOncePod"}}, "accessMode"),
    ({"defaults": {"podLabels": {COMPONENT: "gateway"}}}, COMPONENT),
    ({"defaults": {"resources": {"limits": {"gpu": 1}}}}, "gpu"),
    ({"networkPolicy": {"gatewayFrom": [{}]}}, "gatewayFrom"),
    ({"ingress": {"enabled": True}}, "hosts"),
    ({"serviceMonitor": {"enabled": True}, "networkPolicy": {"scraperFrom": []}}, "scraperFrom"),
    ({"config": {"telemetry": {"otlp_endpoint": "http://collector:4317"}}}, "otlpTo"),
]


def the_schema_is_closed():
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())

    def walk(node, path):
        if isinstance(node, list):
            for index, item in enumerate(node):
                walk(item, f"{path}[{index}]")
        if not isinstance(node, dict):
            return
        if "properties" in node and node.get("type") == "object":
            assert node.get("additionalProperties") is False, f"{path} is open"
        for key, value in node.items():
            walk(value, f"{path}.{key}")
    walk(schema, "schema")


def every_value_is_described():
    text = (CHART / "values.yaml").read_text()
    lines = text.splitlines()

    def walk(node, path, described):
        for key, value in node.value:
            here = described or lines[key.start_mark.line - 1].strip().startswith("# -- ")
            if isinstance(value, yaml.MappingNode) and value.value:
                walk(value, f"{path}{key.value}.", here)
            else:
                assert here, f"{path}{key.value} has no '# -- ' line above it"
    walk(yaml.compose(text), "", False)


def the_test_pod_passes_only_on_the_fault():
    (script,) = [item["data"]["analyze.sh"] for item in of_kind(render({}), "ConfigMap") if "analyze.sh" in item["data"]]
    found, clean = '{"findings": [{"code": "nan_loss"}]}', '{"findings": []}'
    for code, report, wanted in [(1, found, 0), (0, found, 1), (1, clean, 1), (0, clean, 1), (2, "", 1), (3, clean, 1)]:
        with tempfile.TemporaryDirectory() as folder:
            fake = pathlib.Path(folder, "deepfix")
            fake.write_text("#!/bin/sh\n"
                            'case "$*" in *"--server http://gateway:8844 --metrics /data/metrics.csv"*"--fail-on high"*) ;; *) exit 9 ;; esac\n'
                            f"echo '{report}' > \"$TMPDIR/report.json\"\nexit {code}\n")
            fake.chmod(0o755)
            done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=20,
                                  env={"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": folder, "SERVER": "http://gateway:8844"})
            equal(done.returncode, wanted, f"the test's exit after {code} with {report or 'nothing'}")


def the_image_agrees_with_chart_and_workspace():
    docker = (DEPLOY / "docker" / "Dockerfile").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for wanted in (f"USER {values['security']['uid']}:{values['security']['gid']}\n", f"EXPOSE {REST} {ADMIN} {GRPC}\n",
                   'ENTRYPOINT ["deepfix"]\n', 'CMD ["deepfix", "healthcheck"]\n', values["config"]["store"]["path"],
                   "cargo build --release --locked -p deepfix-cli --bin deepfix"):
        assert wanted in docker, f"the Dockerfile lacks {wanted.strip()!r}"
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert f"ARG VERSION={chart['appVersion']}\n" in docker, "the image's version is not appVersion"
    toolchain, workspace = DEPLOY.parent / "rust-toolchain.toml", DEPLOY.parent / "Cargo.toml"
    if not workspace.exists():
        return
    channel = tomllib.loads(toolchain.read_text())["toolchain"]["channel"]
    assert f"ARG RUST_VERSION={channel}\n" in docker, f"the Dockerfile does not build with Rust {channel}"
    manifest = tomllib.loads(workspace.read_text())["workspace"]
    equal(manifest["package"]["version"], chart["appVersion"], "the workspace's version")
    allowed = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    for member in manifest["members"]:
        assert f"!{member.split('/')[0]}" in allowed, f"the build context lacks {member}"


def main():
    cases = sorted((CHART / "ci").glob("*-values.yaml"))
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    check("ci", equal, {case.name.removesuffix("-values.yaml") for case in cases} >= {
        "default", "hpa-pdb", "ingress-servicemonitor", "minimal", "store-existing-claim"}, True, "the presence of every case")
    for case in cases:
        name = case.name.removesuffix("-values.yaml")
        given = yaml.safe_load(case.read_text()) or {}

        def lint():
            done = helm("lint", "--strict", values=given)
            assert done.returncode == 0, done.stdout + done.stderr
        check(f"{name}: lint", lint)
        rendered = []
        if not check(f"{name}: render", lambda: rendered.extend(render(given))):
            continue
        values = merged(defaults, given)
        for function in (is_valid_kubernetes, names_are_unique_and_valid, every_component_runs_and_is_reachable,
                         containers_are_locked_down, probes_are_three_on_three_paths, replicas_belong_to_one_owner, ports_agree,
                         config_is_what_the_values_say, uploads_are_shared, the_kubelet_waits_for_the_drain,
                         only_the_gateway_is_admitted, the_notes_say_how_to_begin):
            check(f"{name}: {function.__name__}", function, rendered, values)
    for values, word in REFUSED:
        check(f"refused: {word}", is_refused, values, word)
    for function in (the_checksum_follows_the_config, the_longest_name_still_fits, the_schema_is_closed, every_value_is_described,
                     the_test_pod_passes_only_on_the_fault, the_image_agrees_with_chart_and_workspace):
        check(function.__name__, function)
    print(f"chart: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--helm", required=True, help="the helm 3 binary")
    HELM = parser.parse_args().helm
    sys.exit(main())
