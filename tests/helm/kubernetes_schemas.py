"""Manifests against the schemas of the Kubernetes API, strictly: a field that it does not know is wrong."""

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from kubernetes_validate.utils import all_versions, schema_contents
from referencing import Registry, Resource

from tests.helm.chart import Manifest, named

# The oldest that Chart.yaml allows, and the newest whose schemas are there.
VERSIONS = ("1.30.0", all_versions()[-1])


def _file(version: str, name: str) -> Any:
    return schema_contents(f"kubernetes-json-schema/v{version}-local-strict/{name}.json", version)


@cache
def _registry(version: str) -> Registry[Any]:
    return Resource.from_contents(_file(version, "_definitions")) @ Registry()


@cache
def _validator(version: str, api_version: str, kind: str) -> Draft202012Validator:
    group, _, plain = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.split(".")[0], plain)))
    return Draft202012Validator(_file(version, name), registry=_registry(version))


def problems(manifest: Manifest, version: str) -> list[str]:
    """Return what a Kubernetes of this version has against a manifest of one of its own kinds."""
    validator = _validator(version, manifest["apiVersion"], manifest["kind"])
    return [
        f"{named(manifest)}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in validator.iter_errors(manifest)
    ]
