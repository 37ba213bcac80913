# shellcheck shell=bash
# The cluster's namespaces: every process, mount, network device and firewall rule of the cluster lives in them, so that killing one process, the
# first of the process namespace, removes all of them at once, also when the cluster itself is in disorder.
#
# One pair of devices joins the network namespace to the host: the host reaches nodes, pods and services, pods reach the host, nobody reaches further.
#
#   host  imagejob0 10.240.0.254 ── eth0 10.240.0.1 (API server, node1), 10.240.0.2 (node2), ...
#                                        10.240.1.0/24 pods of node1, 10.240.2.0/24 pods of node2, ...   10.100.0.0/16 services

# Paths that containerd, kubelet and the network plugins write to whatever their settings say.
FIXED_PATHS=(/run /var/lib/kubelet /var/lib/cni /var/log/containers)
# What kubelet sets for the whole machine when it starts.
KERNEL_SETTINGS=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes)
# What clusters changed of the machine; the last one that ends takes it back.
MACHINE=/run/imagejob-clusters

# The host's process id of the sandbox's first process; a process id that was reused by something else is not ours.
sandbox_pid() {
  local pid
  pid=$(cat "$DIR/sandbox.pid" 2>/dev/null) && running "$pid" && tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$DIR" && echo "$pid"
}

# Runs a command inside the sandbox.
enter() {
  local pid
  pid=$(sandbox_pid) || die "no cluster runs in $DIR: \`kube up node $DIR\` starts one"
  nsenter --target "$pid" --net --mount --pid -- "$@"
}

# The host's process id of process $1 of the sandbox.
host_pid() {
  local namespace status
  namespace=$(readlink "/proc/$(sandbox_pid)/ns/pid")
  for status in $(grep -lE "^NSpid:.*\s$1\$" /proc/[0-9]*/status 2>/dev/null); do
    [ "$(readlink "${status%/status}/ns/pid")" != "$namespace" ] || basename "${status%/status}"
  done
}

sandbox_up() {
  sandbox_pid >/dev/null && return 0
  { # one cluster after the other: the number is taken once the device that bears it exists
    flock 8
    take_number
    remember_kernel_settings
    make_mount_points
    make_cgroups
    make_namespaces
    join_network
  } 8</run
}

make_namespaces() {
  local path
  setsid unshare --net --mount --pid --fork --kill-child --mount-proc "$BIN/pause" "$DIR" </dev/null >"$DIR/log/sandbox" 2>&1 8<&- &
  wait_for 5 "the namespaces" find_sandbox $! || { kill -9 $!; die "could not make namespaces: $(cat "$DIR/log/sandbox")"; }
  enter mount --no-mtab --make-rshared / # kubelet hands mounts on to containers
  for path in "${FIXED_PATHS[@]}"; do enter mount --no-mtab -t tmpfs -o mode=755 imagejob "$path"; done
}

take_number() {
  for ((NUMBER = 0; NUMBER < 10; NUMBER++)); do
    [ -e "/sys/class/net/imagejob$NUMBER" ] || { echo "$NUMBER" >"$DIR/number"; name_networks; return; }
  done
  die "ten clusters run already, in $(cat /sys/class/net/imagejob?/ifalias | xargs): end one, \`kube down DIR\`"
}

# find_sandbox UNSHARE: remembers the one child of unshare once it has become `pause`.
find_sandbox() {
  local child
  child=$(cat "/proc/$1/task/$1/children")
  echo "${child% }" >"$DIR/sandbox.pid"
  sandbox_pid >/dev/null
}

join_network() {
  local i pid
  pid=$(sandbox_pid)
  ip link add "$LINK" alias "$DIR" type veth peer name eth0 netns "$pid"
  ip addr add "$HOST_ADDRESS/24" dev "$LINK"
  ip link set "$LINK" up
  enter ip link set lo up
  for ((i = 1; i <= NODES; i++)); do enter ip addr add "$(node_address "$i")/24" dev eth0; done
  enter ip link set eth0 up
  enter sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward' # of this namespace alone
  ip route add "$POD_NETWORK" via "$(node_address 1)" dev "$LINK"
  ip route add "$SERVICE_NETWORK" via "$(node_address 1)" dev "$LINK"
}

make_mount_points() {
  local path
  for path in "${FIXED_PATHS[@]}"; do
    [[ $DIR/ != "$path"/* && $ROOT/ != "$path"/* ]] || die "$path is hidden from the cluster: $DIR and $ROOT have to be elsewhere"
    [ -d "$path" ] || { mkdir "$path" && echo "$path" >>"$MACHINE/made-folders"; }
  done
}

remember_kernel_settings() {
  local name
  mkdir -p "$MACHINE"
  [ -e "$MACHINE/kernel-settings" ] || for name in "${KERNEL_SETTINGS[@]}"; do echo "$name $(cat "/proc/sys/$name")"; done >"$MACHINE/kernel-settings"
}

# A group for each node, in each hierarchy of version 1 or in the one of version 2.
make_cgroups() {
  local hierarchy node group file
  for hierarchy in $(cgroup_hierarchies); do
    for ((node = 1; node <= NODES; node++)); do
      group=$hierarchy/$CGROUP/node$node
      mkdir -p "$group"
      for group in "$hierarchy/$CGROUP" "$group"; do
        # Version 1: no process may enter a cpuset that names no processors.
        for file in cpuset.cpus cpuset.mems; do
          [ -e "$hierarchy/cgroup.controllers" ] || [ ! -e "$group/$file" ] || cat "$group/../$file" >"$group/$file"
        done
        # Version 2: the parent says which controllers its children have.
        [ ! -e "$hierarchy/cgroup.controllers" ] || sed 's/\</+/g' "$group/../cgroup.controllers" >"$group/../cgroup.subtree_control"
      done
    done
  done
}

cgroup_hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" {print $2}' /proc/mounts; }

sandbox_down() {
  local pid hierarchy
  [ -e "$DIR/number" ] || return 0
  case $(cat "/sys/class/net/$LINK/ifalias" 2>/dev/null) in
    "$DIR") ip link del "$LINK" ;;   # at once; without its namespace it would go at the kernel's leisure
    "") ;;                           # it was never made, or is going
    *) rm "$DIR/number" && return ;; # this cluster died long ago, and another has taken its number
  esac
  if pid=$(sandbox_pid); then
    kill -9 "$pid"
    wait_for 30 "the end of process $pid" gone "$pid"
  fi
  wait_for 30 "the end of $LINK" test ! -e "/sys/class/net/$LINK"
  for hierarchy in $(cgroup_hierarchies); do
    [ ! -d "$hierarchy/$CGROUP" ] || wait_for 5 "the end of $hierarchy/$CGROUP" remove_cgroup "$hierarchy/$CGROUP"
  done
  rm -f "$DIR"/{sandbox.pid,number}
  {
    flock 8
    compgen -G '/sys/class/net/imagejob?' >/dev/null || restore_machine
  } 8</run
}

restore_machine() {
  local name value
  [ -d "$MACHINE" ] || return 0
  while read -r name value; do echo "$value" >"/proc/sys/$name"; done <"$MACHINE/kernel-settings"
  [ ! -e "$MACHINE/made-folders" ] || xargs rmdir --ignore-fail-on-non-empty <"$MACHINE/made-folders"
  rm -r "$MACHINE"
}

remove_cgroup() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -d "$1" ]; }
