"""Values that are wrong are refused before anything is rendered, and the message says which and why."""

import json

import pytest
import yaml
from jsonschema import Draft7Validator

from tests.helm.chart import CHART, PLACES, find, read, rendered, template

pytestmark = pytest.mark.timeout(900)

REFUSED = [
    ("dev", {"replicas": 2}, "replicas"),
    ("dev", {"services.gateway.replicas": 2}, "gateway"),
    ("dev", {"services.api.replicas": 0}, "replicas"),
    ("dev", {"services.api.replicas": "two"}, "replicas"),
    ("dev", {"services.executionAdapter.replicas": 2}, "replicas"),
    ("dev", {"services.executionAdapter.autoscaling": {"enabled": True}}, "autoscaling"),
    ("dev", {"services.executionAdapter.storage.accessMode": "ReadWriteMany"}, "accessMode"),
    ("dev", {"services.scorekeeper.replicas": 2}, "replicas"),
    ("dev", {"services.relay.replicas": 1}, "relay"),
    ("dev", {"services.core.autoscaling.max": 5}, "at most kafka.partitions, was 5 above 4"),
    ("dev", {"services.core.replicas": 6}, "at most kafka.partitions, was 6 above 4"),
    ("dev", {"services.sorEngine.autoscaling.max": 8, "kafka.partitions": 7}, "was 8 above 7"),
    ("dev", {"kafka.partitions": 0}, "partitions"),
    ("dev", {"services.api.autoscaling.cpuPercent": 700}, "cpuPercent"),
    ("dev", {"services.api.autoscaling.min": 4}, "min must be at most max"),
    ("dev", {"services.core.settings": {"LOG_LEVEL": "DEBUG"}}, "LOG_LEVEL"),
    ("dev", {"services.core.settings": {"OMS_CORE_QUOTE_AGE_S_MAX": 20}}, "OMS_CORE_QUOTE_AGE_S_MAX"),
    ("dev", {"defaults.resources.limits.memory": "2 GB"}, "memory"),
    ("dev", {"defaults.resources.limits": None}, "limits"),
    ("dev", {"defaults.terminationGracePeriodSeconds": 5}, "terminationGracePeriodSeconds"),
    ("dev", {"runAsUser": 0}, "runAsUser"),
    ("dev", {"logLevel": "LOUD"}, "logLevel"),
    ("dev", {"image.pullPolicy": "Sometimes"}, "pullPolicy"),
    ("dev", {"kafka.clusterId": "-startsWithADash0000000"}, "clusterId"),
    ("staging", {"kafka.bootstrap": "kafka.example.com"}, "bootstrap"),
    ("staging", {"kafka.bootstrap": ""}, "bootstrap"),
    ("staging", {"oidc.issuer": ""}, "issuer"),
    ("staging", {"secrets.existingSecret": ""}, "postgres is not in the chart"),
    ("staging", {"secrets.existingSecret": "", "postgres.dsn": "postgresql://h/o"}, "redis is not in"),
    ("staging", {"postgres.dsn": "mysql://h/oms"}, "dsn"),
    ("staging", {"ingress.http.host": ""}, "host"),
    ("dev", {"kafka.security.protocol": "SASL_SSL"}, "speaks PLAINTEXT only"),
    ("prod", {"kafka.security.protocol": "TLS"}, "protocol"),
    ("prod", {"kafka.security.protocol": "SASL_SSL"}, "kafka.security.user is required"),
    ("prod", {"kafka.minInsync": 2}, "kafka.minInsync must be at most kafka.replication"),
    ("prod", {"oidc.caFromBundle": True}, "needs caBundle.configMap"),
    ("prod", {"tracing.endpoint": "collector:4318"}, "endpoint"),
    ("prod", {"tracing.ratio": 2}, "ratio"),
    ("dev", {"postgres.readReplica.enabled": True}, "postgres.readReplica: give"),
    ("prod", {"marketData.host": ""}, "host"),
    ("prod", {"fix.host": ""}, "host"),
    ("prod", {"fixClients.tls.secret": "fix-tls"}, "needs fixClients.enabled"),
    ("prod", {"fixClients.tls.clientCertificates": True}, "needs fixClients.tls.secret"),
    ("prod", {"fixClients.tls.secret": "Not A Name"}, "secret"),
    ("prod", {"monitoring.runbooksUrl": "https://wiki.example.com/"}, "runbooksUrl"),
    ("prod", {"monitoring.runbooksUrl": "wiki/oms"}, "runbooksUrl"),
    ("prod", {"expectedNamespace": "oms-staging"}, "these values are for the namespace oms-staging"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "changes", "said"), REFUSED, ids=[str(changes) for _, changes, _ in REFUSED]
)
def test_a_wrong_value_is_refused_and_named(place: str, changes: dict[str, object], said: str) -> None:
    result = template(place, changes=changes)
    assert result.returncode != 0
    assert said in result.stderr


def test_the_defaults_alone_are_refused_since_they_have_no_addresses() -> None:
    result = template(None)
    assert result.returncode != 0
    for missing in ("bootstrap", "issuer", "host"):
        assert missing in result.stderr


def test_the_schema_is_a_schema_and_leaves_no_door_open() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    Draft7Validator.check_schema(schema)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert schema["properties"].keys() == values.keys() | {"global"}
    assert schema["additionalProperties"] is False
    for name, section in schema["properties"].items():
        if "properties" in section:
            assert section["additionalProperties"] is False, name
            assert section["properties"].keys() >= values[name].keys(), name


def test_a_plain_address_makes_a_secret_and_one_more_for_the_hook_before_the_install() -> None:
    changes = {
        "secrets.existingSecret": "",
        "postgres.dsn": "postgresql://oms:word@db.example.com/oms",
        "redis.url": "rediss://cache.example.com:6379/0",
    }
    result = template("staging", changes=changes)
    assert result.returncode == 0, result.stderr
    manifests = list(read(result.stdout))
    assert find(manifests, "Secret", "oms-secrets")["stringData"] == {
        "postgres-dsn": changes["postgres.dsn"],
        "redis-url": changes["redis.url"],
    }
    early = find(manifests, "Secret", "oms-schema-secret")
    assert early["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    job = find(manifests, "Job", "oms-migrate")
    variable = job["spec"]["template"]["spec"]["containers"][0]["env"][0]
    assert variable["valueFrom"]["secretKeyRef"]["name"] == "oms-schema-secret"
    weights = [int(item["metadata"]["annotations"]["helm.sh/hook-weight"]) for item in (early, job)]
    assert weights == sorted(weights)


def test_an_authoritys_certificate_is_where_addresses_can_name_it() -> None:
    result = template("prod", changes={"caBundle.configMap": "company-ca"})
    manifests = list(read(result.stdout))
    for kind, name in (
        ("Deployment", "oms-api"),
        ("Deployment", "oms-execution-adapter"),
        ("Job", "oms-migrate"),
    ):
        spec = find(manifests, kind, name)["spec"]["template"]["spec"]
        mounts = spec["containers"][0]["volumeMounts"]
        assert {"name": "ca", "mountPath": "/etc/oms/ca", "readOnly": True} in mounts


def test_a_setting_is_given_to_the_service_that_it_is_for() -> None:
    changes = {
        "services.core.settings": {"OMS_CORE_QUOTE_AGE_S_MAX": "20"},
        "settings": {"OMS_LOG_LEVEL": "ERROR"},
    }
    manifests = list(read(template("dev", changes=changes).stdout))
    core, api = (find(manifests, "ConfigMap", f"oms-{name}")["data"] for name in ("core", "api"))
    assert core["OMS_CORE_QUOTE_AGE_S_MAX"] == "20" and "OMS_CORE_QUOTE_AGE_S_MAX" not in api
    assert core["OMS_LOG_LEVEL"] == api["OMS_LOG_LEVEL"] == "ERROR"


def test_a_changed_setting_starts_the_pods_anew_and_an_unchanged_one_does_not() -> None:
    changed = list(
        read(template("prod", changes={"services.core.settings": {"OMS_CORE_QUOTE_AGE_S_MAX": "20"}}).stdout)
    )
    for name, same in (("oms-core", False), ("oms-sor-engine", True)):
        sums = [
            find(manifests, "Deployment", name)["spec"]["template"]["metadata"]["annotations"][
                "checksum/settings"
            ]
            for manifests in (rendered("prod"), changed)
        ]
        assert (sums[0] == sums[1]) is same, name


def test_every_place_has_a_values_file_and_every_values_file_a_place() -> None:
    assert {path.name for path in CHART.glob("values-*.yaml")} == {f"values-{place}.yaml" for place in PLACES}
