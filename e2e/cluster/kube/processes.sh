# shellcheck shell=bash
# Starting, ending and waiting for processes. A part of the cluster is a name with three files: parts/NAME its command, pid/NAME, log/NAME.

say() { echo "kube: $*" >&2; }
die() { say "$@"; exit 1; }

# Seconds since the script began, for messages.
BEGIN=${EPOCHREALTIME/[.,]/}
elapsed() {
  local tenths=$(((${EPOCHREALTIME/[.,]/} - BEGIN) / 100000))
  echo "$((tenths / 10)).$((tenths % 10)) s"
}

# True unless the process is gone or a zombie (a killed process can stay one for seconds).
running() {
  local state
  state=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) && [ -n "$state" ] && [ "$state" != Z ]
}
gone() { ! running "$1"; }

# wait_for SECONDS WHAT COMMAND...
wait_for() {
  local seconds=$1 what=$2 until
  shift 2
  until=$((${EPOCHREALTIME/[.,]/} + seconds * 1000000))
  until "$@" >/dev/null 2>&1; do
    [ "${EPOCHREALTIME/[.,]/}" -lt "$until" ] || { say "waited $seconds s for $what"; return 1; }
    sleep 0.05
  done
}

# True when something listens on port $1 of the loopback.
listens() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

part_runs() {
  local pid
  pid=$(cat "$DIR/pid/$1" 2>/dev/null) && running "$pid"
}

# The part that a user calls $1: `kubelet` and `containerd` are those of the first node.
part_named() {
  local name=$1
  [ ! -e "$DIR/parts/$name-1" ] || name=$name-1
  [ -e "$DIR/parts/$name" ] || die "\"$1\" is no part of this cluster; it has $(cd "$DIR/parts" && echo *)"
  echo "$name"
}

# run_part NAME COMMAND...: does nothing when it runs.
run_part() {
  local name=$1
  shift
  part_runs "$name" && return 0
  printf '%q ' "$@" >"$DIR/parts/$name"
  start_part "$name"
}

# start_part NAME: as it was started before.
start_part() {
  local name=$1 command
  part_runs "$name" && return 0
  eval "command=($(cat "$DIR/parts/$name"))"
  setsid nohup "${command[@]}" </dev/null >>"$DIR/log/$name" 2>&1 &
  echo $! >"$DIR/pid/$name"
}

# The hard way, as a crash would: nothing that these programs hold is worth an orderly end.
kill_part() {
  local pid
  part_runs "$1" || return 0
  pid=$(cat "$DIR/pid/$1")
  kill -9 "$pid"
  wait_for 10 "the end of $1" gone "$pid"
}

# await_part SECONDS NAME COMMAND...: until the command succeeds; shows the log's end when it does not, or when the part died.
await_part() {
  local seconds=$1 name=$2
  shift 2
  wait_for "$seconds" "$name" succeeded_or_died "$name" "$@" && part_runs "$name" && return 0
  tail -n 5 "$DIR/log/$name" >&2
  die "$name does not answer; the end of $DIR/log/$name is above"
}
succeeded_or_died() {
  local name=$1
  shift
  "$@" || ! part_runs "$name"
}
