# shellcheck shell=bash
# Apache Kafka in KRaft mode: one broker, or three with replication 3 and min ISR 2. Sourced.

KAFKA_VERSION=4.1.0
KAFKA_HEAP=${ENGINES_KAFKA_HEAP:-384m}
# Every broker of a state has this cluster id; it is no secret.
KAFKA_CLUSTER=dmVyYmFsZS10ZXN0cy0wMQ

kafka_configure() {
  BROKERS=$(setting brokers "${ENGINES_BROKERS:-}" 1)
  [[ $BROKERS == 1 || $BROKERS == 3 ]] || fail "ENGINES_BROKERS is 1 or 3, not $BROKERS"
  KAFKA_JARS=$CACHE/kafka-$KAFKA_VERSION
}

kafka_url() {
  local n list=
  for n in $(seq "$BROKERS"); do list+=,127.0.0.1:$((PORT + n)); done
  printf 'kafka://%s\n' "${list#,}"
}

kafka_fetch() {
  need_java
  fetch_jars kafka "$KAFKA_JARS"
}

kafka_processes() { seq -f 'kafka-%g' "$BROKERS"; }

kafka_properties() {
  local n=$1 m voters= isr=1
  for m in $(seq "$BROKERS"); do voters+=,$m@127.0.0.1:$((PORT + 10 + m)); done
  ((BROKERS == 1)) || isr=2
  cat <<-END
	process.roles=broker,controller
	node.id=$n
	controller.quorum.voters=${voters#,}
	controller.listener.names=CONTROLLER
	listeners=PLAINTEXT://127.0.0.1:$((PORT + n)),PROXIED://127.0.0.1:$((PORT + 3 + n)),CONTROLLER://127.0.0.1:$((PORT + 10 + n))
	# Who comes by PROXIED is told to come by a test's proxy, which listens where this says.
	advertised.listeners=PLAINTEXT://127.0.0.1:$((PORT + n)),PROXIED://127.0.0.1:$((PORT + 6 + n))
	listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
	inter.broker.listener.name=PLAINTEXT
	log.dirs=$STATE/data/kafka-$n

	auto.create.topics.enable=false
	delete.topic.enable=true
	default.replication.factor=$BROKERS
	min.insync.replicas=$isr
	offsets.topic.replication.factor=$BROKERS
	offsets.topic.num.partitions=4
	transaction.state.log.replication.factor=$BROKERS
	transaction.state.log.min.isr=$isr
	transaction.state.log.num.partitions=4
	share.coordinator.state.topic.replication.factor=$BROKERS
	share.coordinator.state.topic.min.isr=$isr

	# Tests of consumers wait for joins, expired sessions and deleted files: short, so that they are quick.
	group.initial.rebalance.delay.ms=0
	group.min.session.timeout.ms=1000
	log.segment.delete.delay.ms=1000
	log.retention.check.interval.ms=5000
	log.cleaner.backoff.ms=1000
	# A broker that died is missed soon, so that a fault test need not wait for the default 9 s.
	broker.session.timeout.ms=4000
	broker.heartbeat.interval.ms=1000
	replica.lag.time.max.ms=5000

	# Several hundred short-lived topics: small index files and one small cleaner buffer.
	log.index.size.max.bytes=1048576
	log.cleaner.dedupe.buffer.size=16777216
	num.network.threads=2
	num.io.threads=4
	num.recovery.threads.per.data.dir=2
	END
}

kafka_java() {
  local heap=$1
  shift
  printf '%s\n' "$JAVA" "-Xmx$heap" "-Xms64m" -XX:+UseSerialGC -XX:MaxDirectMemorySize=128m -XX:TieredStopAtLevel=4 \
    "-Dlog4j2.configurationFile=$HERE/kafka/log4j2.xml" -cp "$KAFKA_JARS/*" "$@"
}

# kafka_start NAME: without waiting for the answer, since the first of three answers only with the second.
kafka_start() {
  local n=${1#kafka-} file=$STATE/run/$1.properties command
  free_port "$1" $((PORT + n))
  free_port "$1's listener behind a proxy" $((PORT + 3 + n))
  free_port "$1's controller" $((PORT + 10 + n))
  kafka_properties "$n" >"$file"
  if [[ ! -s $STATE/data/$1/meta.properties ]]; then
    mkdir -p "$STATE/data/$1"
    mapfile -t command < <(kafka_java 128m kafka.tools.StorageTool format -t "$KAFKA_CLUSTER" -c "$file")
    "${command[@]}" >"$STATE/log/$1.log" 2>&1 9>&- || die_with_log "$1" "could not format its storage"
  fi
  mapfile -t command < <(kafka_java "$KAFKA_HEAP" kafka.Kafka "$file")
  launch "$1" "${command[@]}"
}

# A broker is back when it says itself that it and every other running one are in the cluster.
kafka_await() {
  local name live=0 names
  names=$(kafka_processes)
  for name in $names; do if alive "$name"; then live=$((live + 1)); fi; done
  await "$1" 180 python3 "$HERE/kafka.py" "kafka://127.0.0.1:$((PORT + ${1#kafka-}))" "$live"
}
kafka_check() { python3 "$HERE/kafka.py" "$1"; }

# kafka_stop NAME SIGNAL: a controlled shutdown moves leaders away, which takes a few seconds.
kafka_stop() { halt "$1" "$2" 40; }
