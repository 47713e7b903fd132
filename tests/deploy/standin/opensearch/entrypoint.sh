#!/bin/bash
# What the opensearch image does with its environment: a name with a dot is a setting; no plugin is there.
set -eu
home=/usr/share/opensearch
settings=()
while IFS='=' read -r name value; do
    case $name in *.*) settings+=("-E$name=$value") ;; esac
done < <(env)
# shellcheck disable=SC2086
exec java ${OPENSEARCH_JAVA_OPTS:-} -XX:+UseSerialGC -Djava.security.manager=allow -Dlog4j2.disable.jmx=true \
    -Dopensearch.path.home=$home -Dopensearch.path.conf=$home/config -Dopensearch.distribution.type=docker \
    -Djava.io.tmpdir=/tmp -cp "$home/lib/*" org.opensearch.bootstrap.OpenSearch \
    -Enetwork.host=0.0.0.0 "${settings[@]}"
