# shellcheck shell=bash
# Apache Cassandra, one node, which the same driver and CQL serve as ScyllaDB. Sourced.

CASSANDRA_VERSION=5.0.5
CASSANDRA_HEAP=${ENGINES_CASSANDRA_HEAP:-5g}

cassandra_configure() { CASSANDRA_JARS=$CACHE/cassandra-$CASSANDRA_VERSION; }
cassandra_url() { printf 'scylla://127.0.0.1:%s\n' $((PORT + 21)); }
cassandra_processes() { echo cassandra; }

cassandra_fetch() {
  need_java
  fetch_jars cassandra "$CASSANDRA_JARS"
}

cassandra_yaml() {
  sed -e "s|@DATA@|$STATE/data/cassandra|" -e "s|@NATIVE@|$((PORT + 21))|" -e "s|@STORAGE@|$((PORT + 22))|" \
    "$HERE/cassandra/cassandra.yaml"
}

# Java 17 hides what Cassandra reaches into; these are the modules that its own start script opens.
cassandra_modules() {
  local at
  for at in java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch \
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server \
    java.rmi/sun.rmi.transport.tcp java.sql/java.sql; do
    printf -- '--add-exports=%s=ALL-UNNAMED\n' "$at"
  done
  for at in java.base/java.lang java.base/java.lang.module java.base/java.io java.base/java.net java.base/java.nio \
    java.base/java.util java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/sun.nio.ch \
    java.base/jdk.internal.loader java.base/jdk.internal.ref java.base/jdk.internal.reflect \
    java.base/jdk.internal.math java.base/jdk.internal.module java.base/jdk.internal.util.jar \
    jdk.management/com.sun.management.internal; do
    printf -- '--add-opens=%s=ALL-UNNAMED\n' "$at"
  done
}

# One node has no ring to wait for. A schema change is kept by the commit log alone, not by a flush of the
# schema tables for each, and a truncation likewise: tests empty many tables, beside others' conditional writes, which a
# flush would wait for while they wait for its record. It still survives a kill. It lives for half an hour at most, in which
# the second compiler takes a third of its time and does not earn that back: contracts take 0.8 times as long without.
cassandra_start() {
  local modules
  free_port cassandra $((PORT + 21))
  free_port "cassandra's storage" $((PORT + 22))
  mkdir -p "$STATE/data/cassandra"
  cassandra_yaml >"$STATE/run/cassandra.yaml"
  mapfile -t modules < <(cassandra_modules)
  launch cassandra "$JAVA" "-Xmx$CASSANDRA_HEAP" "-Xms$CASSANDRA_HEAP" -XX:+UseSerialGC \
    -XX:TieredStopAtLevel=1 -XX:MaxDirectMemorySize=256m -XX:MaxMetaspaceSize=192m -Xss384k -XX:+ExitOnOutOfMemoryError "${modules[@]}" \
    "-Dcassandra.config=file://$STATE/run/cassandra.yaml" "-Dcassandra.storagedir=$STATE/data/cassandra" \
    "-Dlogback.configurationFile=$HERE/cassandra/logback.xml" \
    -Dcassandra-foreground=yes -Djava.security.manager=allow -Djdk.attach.allowAttachSelf=true \
    -Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=100 \
    -Dcassandra.test.flush_local_schema_changes=false -Dcassandra.unsafesystem=true \
    -Dio.netty.allocator.numDirectArenas=2 \
    -cp "$CASSANDRA_JARS/*" org.apache.cassandra.service.CassandraDaemon
}

cassandra_await() { await "$1" 240 python3 "$HERE/cql.py" "$(cassandra_url)"; }
cassandra_check() { python3 "$HERE/cql.py" "$1"; }
cassandra_stop() { halt "$1" "$2" 40; }
