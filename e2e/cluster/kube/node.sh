# shellcheck shell=bash
# Real nodes: each has a containerd, a kubelet, an address and a range of pods of its own; one kube-proxy serves them all, for they share the network.

socket() { echo "/run/containerd-$1.sock"; }
containers() { ctr --address "$(socket "$1")" --namespace k8s.io "${@:2}"; }

# Debian's and Ubuntu's package, or where the plugins' own archives are usually unpacked.
plugins() {
  local folder
  for folder in /usr/lib/cni /opt/cni/bin; do [ ! -x $folder/ptp ] || { echo $folder; return; }; done
}

start_containerd() { # node number
  local node=$DIR/node$1
  mkdir -p "$node/networks"
  # Each pod hangs on a cable of its own and all its traffic is routed, so that replies pass where services' addresses are translated back.
  cat >"$node/networks/10-pods.conflist" <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipam": {
    "type": "host-local", "dataDir": "$node/addresses", "ranges": [[{"subnet": "$(node_pods "$1")"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
  cat >"$node/containerd.toml" <<TOML
version = 2
root = "$node/containerd"
state = "/run/containerd-$1"
[grpc]
  address = "$(socket "$1")"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "imagejob.dev/pause:1"
  disable_apparmor = true
  # Lowering oom_score_adj needs CAP_SYS_RESOURCE, which virtual machines for continuous integration may lack.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$(plugins)"
    conf_dir = "$node/networks"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
TOML
  run_part "containerd-$1" containerd --config "$node/containerd.toml"
}

await_containerd() {
  local image loaded=$DIR/node$1/images-loaded
  await_part 30 "containerd-$1" containers "$1" version
  [ -e "$loaded" ] || for image in "$IMAGES"/*.tar; do load_into "$1" "$image"; done
  touch "$loaded"
}

# load_into NODE ARCHIVE
load_into() { containers "$1" images import "$2" >/dev/null; }

start_kubelet() {
  local node=$DIR/node$1
  : >"$DIR/resolv.conf" # pods that ask for the node's resolver get none: nothing is reachable beyond the host
  cat >"$node/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_address "$1")
healthzPort: $((10247 + $1))
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $DIR/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $DIR/pki/node$1.crt
tlsPrivateKeyFile: $DIR/pki/node$1.key
containerRuntimeEndpoint: unix://$(socket "$1")
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP/node$1
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
clusterDomain: cluster.local
clusterDNS: [$DNS_ADDRESS]
resolvConf: $DIR/resolv.conf
podLogsDir: $node/pod-logs
volumePluginDir: $node/volume-plugins
maxPods: 250
# A full disk is the machine's affair: the node does not evict pods or delete images for it.
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
YAML
  run_part "kubelet-$1" "$BIN/kubelet" --config="$node/kubelet.yaml" --kubeconfig="$DIR/pki/node$1.kubeconfig" \
    --hostname-override="node$1" --node-ip="$(node_address "$1")" --root-dir="$node/kubelet"
}

await_kubelet() { await_part 120 "kubelet-$1" kubectl wait --for=condition=Ready "node/node$1" --timeout=1s; }

start_proxy() {
  # The limits of connection tracking are the machine's: 0 leaves them alone.
  run_part kube-proxy "$BIN/kube-proxy" --kubeconfig="$DIR/pki/proxy.kubeconfig" --proxy-mode=nftables --cluster-cidr="$POD_NETWORK" --hostname-override=node1 \
    --healthz-bind-address=127.0.0.1:10256 --metrics-bind-address=127.0.0.1:10249 \
    --conntrack-max-per-core=0 --conntrack-min=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

start_runtimes() {
  local i
  for ((i = 1; i <= NODES; i++)); do start_containerd "$i"; done
  for ((i = 1; i <= NODES; i++)); do await_containerd "$i"; done
  say "$(elapsed): containerd answers and has its images"
}

start_nodes() {
  local i
  for ((i = 1; i <= NODES; i++)); do start_kubelet "$i"; done
  start_proxy
  for ((i = 1; i <= NODES; i++)); do await_kubelet "$i"; done
  await_part 30 kube-proxy nft list table ip kube-proxy
  say "$(elapsed): $NODES node(s) Ready"
}

start_dns() {
  sed "s/DNS_ADDRESS/$DNS_ADDRESS/" "$HERE/coredns.yaml" | kubectl apply --filename - >/dev/null
  kubectl --namespace kube-system rollout status deployment/coredns --timeout=120s >/dev/null || {
    kubectl --namespace kube-system describe pods >&2
    die "CoreDNS does not become ready; its description is above"
  }
  say "$(elapsed): services have names"
}
