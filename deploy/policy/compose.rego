# METADATA
# title: What a service of the Compose files must keep
# description: The input is a Compose file with the defaults of its variables.
package oms.compose

import rego.v1

import data.oms.workloads.rolling

# Why these have less: the collector reads Docker's log files, which are root's, without any capability.
runs_as_root := {"otel-collector"}

violation contains {"msg": msg} if {
	some name, service in input.services
	"privileged" in object.keys(service)
	msg := sprintf("%s: must not be privileged", [name])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	object.get(service, "cap_drop", []) != ["ALL"]
	msg := sprintf("%s: must drop every capability", [name])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	count(object.get(service, "cap_add", [])) > 0
	msg := sprintf("%s: must add no capability", [name])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	not "no-new-privileges:true" in object.get(service, "security_opt", [])
	msg := sprintf("%s: must not gain privileges", [name])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	not name in runs_as_root
	startswith(object.get(service, "user", "1"), "0")
	msg := sprintf("%s: must not run as root", [name])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	some share in ["network_mode", "pid", "ipc"]
	object.get(service, share, "") == "host"
	msg := sprintf("%s: %s must not be the host's", [name, share])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	object.get(service, "mem_limit", "") == ""
	msg := sprintf("%s: must have a limit of memory", [name])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	some port in object.get(service, "ports", [])
	not startswith(port, "127.0.0.1:")
	msg := sprintf("%s: %s must be published on loopback", [name, port])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	some volume in object.get(service, "volumes", [])
	contains(volume, "docker.sock")
	msg := sprintf("%s: must not hold the engine's socket", [name])
}

violation contains {"msg": msg} if {
	some name, service in input.services
	rolling(service.image)
	msg := sprintf("%s: image %s must have a digest, or a tag that is a version", [name, service.image])
}
