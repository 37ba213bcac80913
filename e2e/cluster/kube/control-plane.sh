# shellcheck shell=bash
# etcd, API server, controller manager and scheduler, and the simulated nodes that need no more than these.

kubectl() { "$BIN/kubectl" --kubeconfig "$DIR/kubeconfig" "$@"; }

start_api_server() {
  local audit=() pki=$DIR/pki flags
  # A test's data need not survive a power failure.
  run_part etcd "$BIN/etcd" --name=imagejob --data-dir="$DIR/etcd" --unsafe-no-fsync --quota-backend-bytes=$((2 << 30)) --log-level=warn

  if [ "${KUBE_AUDIT:-no}" = yes ]; then
    printf '%s\n' 'apiVersion: audit.k8s.io/v1' 'kind: Policy' 'omitStages: [RequestReceived]' 'rules: [{level: Metadata}]' >"$DIR/audit-policy.yaml"
    audit=(--audit-policy-file="$DIR/audit-policy.yaml" --audit-log-path="$DIR/log/audit")
  fi
  read -ra flags <<<"${KUBE_APISERVER_FLAGS:-}"
  run_part kube-apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --secure-port="$API_PORT" --advertise-address="$(node_address 1)" \
    --service-cluster-ip-range="$SERVICE_NETWORK" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-account.key" --service-account-signing-key-file="$pki/service-account.key" \
    --kubelet-client-certificate="$pki/apiserver-to-kubelet.crt" --kubelet-client-key="$pki/apiserver-to-kubelet.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key" "${audit[@]}" "${flags[@]}"
}

await_api_server() {
  await_part 120 kube-apiserver kubectl get --raw /readyz
  say "$(elapsed): the API server answers"
}

start_controllers() {
  local pki=$DIR/pki flags
  # Each controller is an account of its own here, as in most clusters, and would wait for its share of the default 20 requests a second: 4 s at start.
  read -ra flags <<<"${KUBE_CONTROLLER_MANAGER_FLAGS---kube-api-qps=500 --kube-api-burst=1000}"
  run_part kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig="$pki/controller-manager.kubeconfig" \
    --authentication-kubeconfig="$pki/controller-manager.kubeconfig" --authorization-kubeconfig="$pki/controller-manager.kubeconfig" \
    --use-service-account-credentials=true --service-account-private-key-file="$pki/service-account.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" --leader-elect=false --bind-address=127.0.0.1 "${flags[@]}"
  read -ra flags <<<"${KUBE_SCHEDULER_FLAGS---kube-api-qps=500 --kube-api-burst=1000}"
  run_part kube-scheduler "$BIN/kube-scheduler" --kubeconfig="$pki/scheduler.kubeconfig" \
    --authentication-kubeconfig="$pki/scheduler.kubeconfig" --authorization-kubeconfig="$pki/scheduler.kubeconfig" \
    --leader-elect=false --bind-address=127.0.0.1 "${flags[@]}"
  # Without this account the first pods of a namespace are refused.
  await_part 120 kube-controller-manager kubectl --namespace default get serviceaccount default
  say "$(elapsed): the controllers work"
}

start_kwok() {
  run_part kwok "$BIN/kwok" --kubeconfig="$DIR/kubeconfig" --config="$BIN/../kwok-stages.yaml" --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake \
    --cidr=10.250.0.0/16 --node-ip="$(node_address 1)" --node-lease-duration-seconds=40 --server-address=127.0.0.1:10247
  await_part 30 kwok listens 10247
  say "$(elapsed): kwok plays the nodes that \`kube simulate-nodes\` creates"
}

# simulate_nodes COUNT: nodes that kwok plays, each as large as a common machine.
simulate_nodes() {
  local i name
  for ((i = 1; i <= $1; i++)); do
    printf -v name 'simulated-%04d' "$i"
    cat <<YAML
---
apiVersion: v1
kind: Node
metadata: {name: $name, labels: {kubernetes.io/hostname: $name}, annotations: {kwok.x-k8s.io/node: fake}}
status: {capacity: {cpu: 32, memory: 128Gi, pods: 110}, allocatable: {cpu: 32, memory: 128Gi, pods: 110}}
YAML
  done | kubectl create --filename - >/dev/null
  kubectl wait --for=condition=Ready node --all --timeout=120s >/dev/null
  say "$(elapsed): $1 simulated nodes Ready"
}
