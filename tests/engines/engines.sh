# shellcheck shell=bash
# The engines as one list, and what `up`, `down` and `ctl` do with them. Each engine's file gives the functions
# ENGINE_configure, _url, _fetch, _processes, _start, _await, _check and _stop. Sourced.

# shellcheck source=tests/engines/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/engines/kafka.sh
source "$HERE/kafka.sh"
# shellcheck source=tests/engines/cassandra.sh
source "$HERE/cassandra.sh"
# shellcheck source=tests/engines/s3.sh
source "$HERE/s3.sh"

ENGINES=(kafka cassandra s3)

# The name under which an engine's URL is given, whatever serves it.
url_name() {
  case $1 in
  kafka) echo VERBALE_KAFKA ;;
  cassandra) echo VERBALE_CQL ;;
  s3) echo VERBALE_S3 ;;
  esac
}

# Opens the state under its lock and settles every choice; nothing is installed or started by it.
configure() {
  local engine
  open_state
  lock_state
  PORT=$(setting port "${ENGINES_PORT:-}" 21900)
  [[ $PORT =~ ^[0-9]+$ ]] && ((PORT >= 1024 && PORT <= 65000)) || fail "ENGINES_PORT is a port of 1024 to 65000, not $PORT"
  need python3 || install python3
  for engine in "${ENGINES[@]}"; do "${engine}_configure"; done
}

# processes TARGET: the processes of an engine, or the one that is named, in the order in which they start.
processes() {
  local engine name
  for engine in "${ENGINES[@]}"; do
    [[ $1 != "$engine" ]] || { "${engine}_processes"; return; }
    while read -r name; do
      [[ $1 != "$name" ]] || { echo "$name"; return; }
    done < <("${engine}_processes")
  done
  fail "there is no engine or process $1"
}

engine_of() {
  local engine
  for engine in "${ENGINES[@]}"; do
    if [[ $1 == "$engine" ]] || "${engine}_processes" | grep -qxF -- "$1"; then
      echo "$engine"
      return
    fi
  done
  fail "there is no engine or process $1"
}

# start TARGET: starts what of it does not run, without waiting for the answer.
start() {
  local engine name names
  engine=$(engine_of "$1")
  names=$(processes "$1")
  for name in $names; do
    alive "$name" && continue
    "${engine}_fetch"
    say "starting $name"
    "${engine}_start" "$name"
  done
}

# answer TARGET: waits until each of its processes answers a real request.
answer() {
  local engine name names
  engine=$(engine_of "$1")
  names=$(processes "$1")
  for name in $names; do "${engine}_await" "$name"; done
}

# stop TARGET SIGNAL: the last started stops first. Brokers stop together: alone, the last of three would wait
# for a quorum that is gone.
stop() {
  local engine name names pid
  engine=$(engine_of "$1")
  names=$(processes "$1" | tac)
  for name in $names; do
    [[ $engine == kafka ]] && pid=$(pid_of "$name") && kill "-$2" "$pid"
  done
  for name in $names; do "${engine}_stop" "$name" "$2"; done
}
