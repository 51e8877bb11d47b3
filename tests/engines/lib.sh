# shellcheck shell=bash
# What every engine's file shares: where state lies, how a process is started, recognised and stopped, how
# something is waited for. Sourced, never run.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/verbale-engines

say() { printf 'engines: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
need() { command -v "$1" >/dev/null 2>&1; }

# The state directory is absolute, since it is also the mark by which our processes are recognised.
open_state() {
  STATE=${ENGINES_STATE:-$ROOT/target/engines}
  mkdir -p "$STATE"
  STATE=$(cd "$STATE" && pwd)
  mkdir -p "$STATE/log" "$STATE/run"
}

# One command at a time on one state. Child processes get no copy of the lock (`9>&-` in `launch`).
lock_state() {
  exec 9>"$STATE/lock"
  flock -w "${ENGINES_TIMEOUT:-900}" 9 || fail "another command holds $STATE/lock"
}

# setting NAME VALUE DEFAULT: a state keeps the settings that it was made with; an explicit VALUE that
# differs is refused, since data on disk would not fit it.
setting() {
  local file=$STATE/settings/$1 kept
  if [[ ! -s $file ]]; then
    mkdir -p "$STATE/settings"
    (umask 077 && printf '%s\n' "${2:-$3}" >"$file")
  fi
  kept=$(<"$file")
  if [[ -n $2 && $2 != "$kept" ]]; then
    fail "$STATE was made with $1=$kept, not $2: run 'tests/engines/down --purge' first, or set ENGINES_STATE"
  fi
  printf '%s\n' "$kept"
}

# install PACKAGE...: Debian packages, with a plain word where that is not possible.
install() {
  need apt-get || fail "missing, and there is no apt-get to install it: $*"
  [[ $(id -u) -eq 0 ]] || fail "missing; install as root: apt-get install $*"
  say "installing $*"
  {
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
  } >"$STATE/log/apt.log" 2>&1 || { tail -n 20 "$STATE/log/apt.log" >&2; fail "apt-get could not install $*"; }
}

# Cassandra 5 runs on Java 17 and no later one, whatever `java` is on the path.
find_java() {
  local java
  for java in "${ENGINES_JAVA:-}" /usr/lib/jvm/java-17-openjdk-*/bin/java java; do
    if [[ -n $java ]] && need "$java" && "$java" -version 2>&1 | grep -q 'version "17\.'; then
      printf '%s\n' "$java"
      return 0
    fi
  done
  return 1
}

need_java() {
  JAVA=$(find_java) && return
  install openjdk-17-jre-headless
  JAVA=$(find_java) || fail "there is no Java 17; name one in ENGINES_JAVA"
}

# fetch_jars ENGINE FOLDER: the jars of ENGINE/pom.xml, each as ENGINE/jars.sha256 says. A folder appears
# under its name only when it is whole, so a cut download is repeated.
fetch_jars() {
  local list=$HERE/$1/jars.sha256 folder=$2 part=$2.part
  if [[ ! -d $folder ]]; then
    need mvn || install maven
    say "fetching $1's jars (about half a minute)"
    rm -rf "$part" && mkdir -p "$part"
    mvn -q -B -f "$HERE/$1/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
      "-DoutputDirectory=$part" >"$STATE/log/maven.log" 2>&1 9>&- ||
      { tail -n 20 "$STATE/log/maven.log" >&2; fail "maven could not fetch $1's jars"; }
    check_jars "$list" "$part"
    mv "$part" "$folder"
  fi
  check_jars "$list" "$folder"
}

# No jar may differ, be missing, or be there beside the list: all of a folder is on the class path.
check_jars() {
  (cd "$2" && sha256sum --quiet --strict -c "$1" >&2) || fail "$2 is not what $1 says; remove it to fetch it again"
  [[ $(find "$2" -name '*.jar' | wc -l) -eq $(wc -l <"$1") ]] || fail "$2 has jars that $1 does not name"
}

# The start time of a process in clock ticks (field 22 of stat; the command's name may hold blanks).
started_at() {
  local stat
  stat=$(<"/proc/$1/stat") || return 1
  stat=${stat##*) }
  set -- $stat
  printf '%s\n' "${20}"
}

# pid_of NAME: prints the process of that name, if it runs. A number alone may have passed to a stranger:
# the start time must be the one recorded, and the command line must name this state.
pid_of() {
  local pid tick
  [[ -s $STATE/run/$1.pid ]] || return 1
  read -r pid tick <"$STATE/run/$1.pid"
  [[ $(started_at "$pid" 2>/dev/null) == "$tick" ]] || return 1
  tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$STATE/" || return 1
  printf '%s\n' "$pid"
}

alive() { pid_of "$1" >/dev/null; }

# launch NAME COMMAND...: a process of its own session, its output in its own log, tied to no caller.
launch() {
  local name=$1 pid tick
  shift
  [[ -s $STATE/log/$name.log ]] && mv "$STATE/log/$name.log" "$STATE/log/$name.log.old"
  setsid nohup "$@" </dev/null >"$STATE/log/$name.log" 2>&1 9>&- &
  pid=$!
  tick=$(started_at "$pid") || die_with_log "$name" "did not start"
  printf '%s %s\n' "$pid" "$tick" >"$STATE/run/$name.pid"
}

die_with_log() {
  say "$1 $2; the end of $STATE/log/$1.log:"
  tail -n 30 "$STATE/log/$1.log" >&2 || true
  exit 1
}

# halt NAME SIGNAL SECONDS: ends a process and waits until it is gone; after SECONDS it is killed.
halt() {
  local pid end=$((SECONDS + $3))
  if pid=$(pid_of "$1"); then
    kill "-$2" "$pid" 2>/dev/null || true
    while alive "$1"; do
      if ((SECONDS >= end)); then
        say "$1 did not stop within $3 s and is killed"
        kill -KILL "$pid" 2>/dev/null || true
        end=$((SECONDS + 10))
      fi
      sleep 0.1
    done
  fi
  rm -f "$STATE/run/$1.pid"
}

# free_port NAME PORT: a stranger on our port is told at once, and not found out by odd answers.
free_port() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
    fail "port $2, meant for $1, is taken by another process; set ENGINES_PORT to another base"
  fi
}

# await NAME SECONDS COMMAND...: until COMMAND succeeds, as long as the process NAME lives.
await() {
  local name=$1 end=$((SECONDS + $2)) word
  shift 2
  while ! word=$("$@" 2>&1); do
    alive "$name" || die_with_log "$name" "ended while starting"
    ((SECONDS < end)) || die_with_log "$name" "does not answer (${word##*$'\n'})"
    sleep 0.2
  done
}
