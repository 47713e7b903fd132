#!/bin/bash
# What the apache/kafka image does with KAFKA_* variables: each is a line of server.properties.
set -eu
properties=/opt/kafka/config/server.properties
: > "$properties"
while IFS='=' read -r name value; do
    case $name in
        KAFKA_HEAP_OPTS | KAFKA_JVM*) ;;
        KAFKA_*)
            name=${name#KAFKA_}
            name=${name//_/.}
            printf '%s=%s\n' "${name,,}" "$value" >> "$properties"
            ;;
    esac
done < <(env)
java="java ${KAFKA_HEAP_OPTS:-} -XX:+UseSerialGC -Dlog4j2.configurationFile=/opt/kafka/log4j2.yaml -cp /opt/kafka/libs/*"
if [ ! -e "$KAFKA_LOG_DIRS/meta.properties" ]; then
    cluster=${CLUSTER_ID:-5L6g3nShT-eMCtK--X86sw}
    set -f
    $java kafka.tools.StorageTool format --cluster-id "$cluster" --config "$properties"
fi
set -f
exec $java kafka.Kafka "$properties"
