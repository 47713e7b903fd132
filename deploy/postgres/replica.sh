#!/bin/bash
# A read replica of PostgreSQL: cloned at its first start, and again when it fell too far behind to be brought up
# to date. PGHOST, PGUSER and PGPASSWORD name the primary; PGDATA is ours.
set -euo pipefail
slot=oms_replica
ask() { psql --no-psqlrc --quiet --tuples-only --no-align --dbname=oms --command="$1"; }

# The primary drops what a slot keeps beyond max_slot_wal_keep_size; such a slot is lost for good.
if [ -s "$PGDATA/PG_VERSION" ] && primary_says=$(ask "select wal_status from pg_replication_slots where slot_name = '$slot'") \
    && [ "$primary_says" != reserved ] && [ "$primary_says" != extended ] && [ "$primary_says" != unreserved ]; then
    echo "the slot is '${primary_says:-gone}': cloning again"
    rm -rf "$PGDATA"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA" "$PGDATA.part"
    ask "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '$slot' and not active"
    pg_basebackup --pgdata="$PGDATA.part" --create-slot --slot="$slot" --write-recovery-conf \
        --checkpoint=fast --wal-method=stream
    mv "$PGDATA.part" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp \
    -c hba_file=/etc/oms/pg_hba.conf -c hot_standby_feedback=on -c max_standby_streaming_delay=5s
