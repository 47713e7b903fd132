# METADATA
# title: What a workload of this platform must keep
# description: >-
#   In the form of a Gatekeeper constraint template (input.review.object). A cluster loads it from there, or any
#   tool that runs Rego; tests/helm/test_policy_file.py holds the rendered chart to it.
package oms.workloads

import rego.v1

workload := input.review.object

# Who builds itself where it starts: Keycloak in development mode, which is in the chart for trying out only.
writes_to_its_root := {"keycloak"}

component := workload.metadata.labels["app.kubernetes.io/component"]

pod := workload.spec if workload.kind == "Pod"

pod := workload.spec.template.spec if workload.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job"}

pod := workload.spec.jobTemplate.spec.template.spec if workload.kind == "CronJob"

containers := array.concat(object.get(pod, "initContainers", []), pod.containers)

violation contains {"msg": msg} if {
	not object.get(pod, ["securityContext", "runAsNonRoot"], false) == true
	msg := sprintf("%s: runAsNonRoot must be true", [name])
}

violation contains {"msg": msg} if {
	not object.get(pod, ["securityContext", "seccompProfile", "type"], "") in {"RuntimeDefault", "Localhost"}
	msg := sprintf("%s: seccompProfile must be RuntimeDefault or Localhost", [name])
}

violation contains {"msg": msg} if {
	some share in ["hostNetwork", "hostPID", "hostIPC"]
	object.get(pod, share, false) == true
	msg := sprintf("%s: %s must not be shared", [name, share])
}

violation contains {"msg": msg} if {
	some volume in object.get(pod, "volumes", [])
	"hostPath" in object.keys(volume)
	msg := sprintf("%s: volume %s must not be a hostPath", [name, volume.name])
}

violation contains {"msg": msg} if {
	not object.get(pod, "automountServiceAccountToken", true) == false
	msg := sprintf("%s: automountServiceAccountToken must be false", [name])
}

violation contains {"msg": msg} if {
	some container in containers
	object.get(container, ["securityContext", "runAsUser"], 1) == 0
	msg := sprintf("%s: container %s must not run as user 0", [name, container.name])
}

violation contains {"msg": msg} if {
	some container in containers
	not object.get(container, ["securityContext", "allowPrivilegeEscalation"], true) == false
	msg := sprintf("%s: container %s must not allow privilege escalation", [name, container.name])
}

violation contains {"msg": msg} if {
	some container in containers
	object.get(container, ["securityContext", "privileged"], false) == true
	msg := sprintf("%s: container %s must not be privileged", [name, container.name])
}

violation contains {"msg": msg} if {
	some container in containers
	object.get(container, ["securityContext", "capabilities"], {}) != {"drop": ["ALL"]}
	msg := sprintf("%s: container %s must drop every capability and add none", [name, container.name])
}

violation contains {"msg": msg} if {
	some container in containers
	not component in writes_to_its_root
	not object.get(container, ["securityContext", "readOnlyRootFilesystem"], false) == true
	msg := sprintf("%s: container %s must have a read-only root", [name, container.name])
}

violation contains {"msg": msg} if {
	some container in containers
	some amount in ["requests", "limits"]
	some resource in ["cpu", "memory"]
	object.get(container, ["resources", amount, resource], "") == ""
	msg := sprintf("%s: container %s must have %s of %s", [name, container.name, amount, resource])
}

violation contains {"msg": msg} if {
	some container in containers
	rolling(container.image)
	msg := sprintf("%s: image %s must have a digest, or a tag that is a version", [name, container.image])
}

# A name without digest whose tag may be another image tomorrow.
rolling(image) if {
	not contains(image, "@sha256:")
	not regex.match(`:v?[0-9]+\.[0-9]+\.[0-9]+[^/:]*$|:[0-9]+\.[0-9]+-[a-z]+$`, image)
}

name := sprintf("%s/%s", [workload.kind, workload.metadata.name])
