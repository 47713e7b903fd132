"""The chart on a real Kubernetes API: `python -m tests.helm.cluster`.

An etcd and a kube-apiserver, built once with Go (some 10 minutes on 2 cores), on loopback, without a node:
pods never run, but all that the API checks is checked. In each place's namespace, which enforces a pod
security level, the chart's first version is installed and then upgraded to this one; every pod that would be
made, hooks and tests included, is put to admission.
"""

import copy
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml

from tests.helm.chart import (
    CHART,
    PLACES,
    RELEASE,
    WORKLOADS,
    Manifest,
    of_kind,
    pod_labels,
    pod_spec,
    rendered,
    values_file,
)
from tests.helm.first_version import unpacked_first, workload_names
from tests.helm.tools import helm, tools_folder
from tests.ports import free_port

KUBERNETES = "1.36.3"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
START_S = 60.0
# Keycloak in the chart keeps this level too: it asks nothing about root file systems.
LEVEL = "restricted"
PROGRAMS = {"kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver", "etcd": "go.etcd.io/etcd/server/v3"}


class ClusterError(RuntimeError):
    """The API could not be started, or it refused something; the message says what."""


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run(*command: str, folder: Path | None = None, text: str | None = None) -> str:
    """Run a command. Returns what it printed. Raises ClusterError with what it said."""
    result = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ClusterError(f"{' '.join(command[:6])} …: {(result.stderr or result.stdout)[-2000:]}")
    return result.stdout


def _go_mod(name: str) -> Path:
    """Return a module's folder in Go's cache, fetched if it is not there."""
    answer = json.loads(run("go", "mod", "download", "-json", name))
    return Path(answer["Dir"])


def build() -> Path:
    """Build the API server and etcd if they are not there yet. Returns their folder."""
    folder = tools_folder() / f"kubernetes-{KUBERNETES}"
    if all((folder / name).exists() for name in PROGRAMS):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    say(f"building kube-apiserver {KUBERNETES} and etcd, some 10 minutes on 2 cores the first time")
    source = _go_mod(f"k8s.io/kubernetes@v{KUBERNETES}")
    # Its own libraries are in the module's staging folder, which a module cannot hold: they are named apart.
    staged = [
        line.split()[0]
        for line in (source / "go.mod").read_text().splitlines()
        if line.strip().endswith(f"./staging/src/{line.split()[0] if line.split() else '-'}")
    ]
    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        lines = ["module kubernetes_for_tests", "go 1.26.0", f"require k8s.io/kubernetes v{KUBERNETES}"]
        lines += [f"replace {name} => {name} v0{KUBERNETES[1:]}" for name in staged]
        (place / "go.mod").write_text("\n".join(lines) + "\n")
        imports = "\n".join(f'import _ "{package}"' for package in PROGRAMS.values())
        (place / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\n{imports}\n")
        run("go", "mod", "tidy", folder=place)
        # Without it the server does not know its own version, and helm asks for that.
        version = "k8s.io/component-base/version"
        major, minor, _ = KUBERNETES.split(".")
        known = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor}
        flags = " ".join(["-s -w", *(f"-X {version}.{name}={value}" for name, value in known.items())])
        for name, package in PROGRAMS.items():
            run(
                "go", "build", "-trimpath", "-ldflags", flags, "-o", str(folder / name), package, folder=place
            )
    return folder


@contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends."""
    with log.open("wb") as file:
        running = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


class Cluster:
    """A Kubernetes API that runs."""

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = str(kubeconfig)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl. Raises ClusterError."""
        return run("kubectl", "--kubeconfig", self._kubeconfig, *arguments, text=text)

    def helm(self, *arguments: str) -> str:
        """Run helm. Raises ClusterError."""
        return run(helm(), "--kubeconfig", self._kubeconfig, *arguments)

    def put(self, manifest: Manifest, *more: str) -> str:
        """Create an object. Raises ClusterError."""
        return self.kubectl("create", "-f", "-", *more, text=yaml.safe_dump(manifest))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run an API server until the block ends."""
    programs = build()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = [free_port() for _ in range(3)]
        client, peer = (f"http://127.0.0.1:{port}" for port in ports[:2])
        stack.enter_context(
            process(
                [
                    str(programs / "etcd"), "--data-dir", str(data / "etcd"), "--unsafe-no-fsync",
                    "--listen-client-urls", client, "--advertise-client-urls", client,
                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                    "--initial-cluster", f"default={peer}",
                ],
                data / "etcd.log",
            )
        )  # fmt: skip
        token = secrets.token_hex(16)
        (data / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
        key = data / "accounts.key"
        run("openssl", "genrsa", "-out", str(key), "2048")
        server = stack.enter_context(
            process(
                [
                    str(programs / "kube-apiserver"), "--etcd-servers", client, "--bind-address", "127.0.0.1",
                    "--secure-port", str(ports[2]), "--cert-dir", str(data / "certificates"),
                    "--token-auth-file", str(data / "tokens.csv"), "--authorization-mode", "RBAC",
                    "--service-cluster-ip-range", "10.0.0.0/16", "--service-account-issuer", "https://tests",
                    "--service-account-key-file", str(key), "--service-account-signing-key-file", str(key),
                    # Nothing makes a namespace's default account here; no pod of the chart uses one's key.
                    "--disable-admission-plugins", "ServiceAccount",
                ],
                data / "apiserver.log",
            )
        )  # fmt: skip
        address = f"https://127.0.0.1:{ports[2]}"
        kubeconfig = data / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(_kubeconfig(address, token)))
        kubeconfig.chmod(0o600)
        found = Cluster(kubeconfig)
        _await(found, server, data / "apiserver.log")
        yield found


def _kubeconfig(address: str, token: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "t", "cluster": {"server": address, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "t", "user": {"token": token}}],
        "contexts": [{"name": "t", "context": {"cluster": "t", "user": "t"}}],
        "current-context": "t",
    }


def _await(found: Cluster, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            found.kubectl("get", "--raw", "/readyz")
            return
        except ClusterError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise ClusterError(f"the API is not ready: {error}\n{log.read_text()[-2000:]}") from error
            time.sleep(0.5)


def pods_of(manifests: tuple[Manifest, ...], namespace: str) -> Iterator[Manifest]:
    """Return, for every workload, a pod as its controller would make it, so that admission can judge it."""
    for workload in of_kind(manifests, *WORKLOADS):
        spec = dict(pod_spec(workload))
        claims = workload["spec"].get("volumeClaimTemplates", [])
        volumes = [
            {"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": "any"}}
            for claim in claims
        ]
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": workload["metadata"]["name"],
                "namespace": namespace,
                "labels": dict(pod_labels(workload)),
            },
            "spec": spec | {"volumes": [*spec.get("volumes", []), *volumes]},
        }


def check_place(found: Cluster, place: str, first: Path) -> None:
    """Install the first version, upgrade to this one, and put every pod and hook to admission."""
    namespace = PLACES[place]
    levels = {f"pod-security.kubernetes.io/{mode}": LEVEL for mode in ("enforce", "warn")}
    found.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": levels}})
    values = ("--namespace", namespace, "--values")
    # Hooks would be waited for, and nothing runs a Job here: they are put to admission below.
    found.helm("install", RELEASE, str(first), "--no-hooks", *values, str(first / f"values-{place}.yaml"))
    kept = found.kubectl(
        "-n", namespace, "get", "secrets", "-l", "app.kubernetes.io/name=oms-sor", "-o", "yaml"
    )
    found.helm("upgrade", RELEASE, str(CHART), "--no-hooks", *values, str(values_file(place)))
    after = found.kubectl(
        "-n", namespace, "get", "secrets", "-l", "app.kubernetes.io/name=oms-sor", "-o", "yaml"
    )
    if _data(kept) != _data(after):
        raise ClusterError(f"{place}: an upgrade changed the passwords")
    manifests = rendered(place)
    there = found.kubectl("-n", namespace, "get", "deployments,statefulsets", "-o", "name").split()
    if len(there) != len(workload_names(manifests)):
        raise ClusterError(
            f"{place}: expected {len(workload_names(manifests))} workloads, found {len(there)}"
        )
    judged = 0
    for pod in pods_of(manifests, namespace):
        found.put(pod, "--dry-run=server")
        judged += 1
    for job in of_kind(rendered(place, "--is-upgrade"), "Job"):
        found.put(job, "--dry-run=server", "--validate=strict")
    say(f"{place}: installed, upgraded, {len(there)} workloads, {judged} pods admitted at level {LEVEL}")


def _data(text: str) -> list[object]:
    return [item.get("data") for item in yaml.safe_load(text)["items"]]


def check_refusals(found: Cluster) -> None:
    """Show that the API does refuse: a changed selector, and a pod that runs as root."""
    selector = '{"spec":{"selector":{"matchLabels":{"app.kubernetes.io/component":"other"}}}}'
    root = copy.deepcopy(next(pods_of(rendered("dev"), PLACES["dev"])))
    root["spec"]["securityContext"] = {}
    root["spec"]["containers"][0].pop("securityContext")
    for what, attempt in (
        ("a changed selector", lambda: found.kubectl(
            "-n", PLACES["dev"], "patch", "deployment", f"{RELEASE}-core", "--patch", selector)),
        ("a pod that runs as root", lambda: found.put(root, "--dry-run=server")),
    ):  # fmt: skip
        try:
            attempt()
        except ClusterError as error:
            say(f"refused as it must be: {what}: {str(error).strip()[-150:]}")
        else:
            raise ClusterError(f"the API took {what}")


def main() -> None:
    """Check every place. Exits with 1 when the API refuses something that it should take."""
    for program in ("go", "kubectl", "openssl"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is needed on the PATH")
    os.environ.pop("KUBECONFIG", None)
    try:
        with cluster() as found, unpacked_first() as first:
            definitions = _go_mod(OPERATOR) / "example" / "prometheus-operator-crd"
            for kind in ("servicemonitors", "prometheusrules"):
                found.kubectl("create", "-f", str(definitions / f"monitoring.coreos.com_{kind}.yaml"))
                found.kubectl(
                    "wait",
                    "--for=condition=Established",
                    f"crd/{kind}.monitoring.coreos.com",
                    "--timeout=30s",
                )
            for place in PLACES:
                check_place(found, place, first)
            check_refusals(found)
    except ClusterError as error:
        sys.exit(str(error))
    say("fine")


if __name__ == "__main__":
    main()
