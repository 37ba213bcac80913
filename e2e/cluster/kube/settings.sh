# shellcheck shell=bash disable=SC2034
# What both halves of `kube` agree on. HERE is this folder, DIR that of the cluster.

ROOT=$(cd "$HERE/../../.." && pwd)
BIN=$ROOT/.cache/kube/bin
IMAGES=$ROOT/.cache/kube/images

# Up to ten clusters run side by side: names and addresses follow from a cluster's number. It is settled when the cluster starts, as is the number of real nodes.
NUMBER=$(cat "$DIR/number" 2>/dev/null) || NUMBER=0
NODES=$(cat "$DIR/nodes" 2>/dev/null) || NODES=${KUBE_NODES:-1}

export KUBECACHEDIR=$DIR/kubectl-cache # instead of the user's home

API_PORT=6443
name_networks() {
  LINK=imagejob$NUMBER    # device on the host
  CGROUP=imagejob$NUMBER  # group under which pods are counted
  HOST_ADDRESS=10.24$NUMBER.0.254
  POD_NETWORK=10.24$NUMBER.0.0/16
  SERVICE_NETWORK=10.10$NUMBER.0.0/16
  API_SERVICE=10.10$NUMBER.0.1 # the first of SERVICE_NETWORK, as the API server takes it
  DNS_ADDRESS=10.10$NUMBER.0.10
}
name_networks
node_address() { echo "10.24$NUMBER.0.$1"; }
node_pods() { echo "10.24$NUMBER.$1.0/24"; }
