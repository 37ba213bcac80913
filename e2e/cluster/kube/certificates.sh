# shellcheck shell=bash
# Who is who in the cluster: one authority, a certificate for each program, and the kubeconfig files made of them. What exists is kept.

authority() { # NAME
  [ -e "$DIR/pki/$1.crt" ] && return 0
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj "/CN=imagejob-$1" \
    -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$DIR/pki/$1.key" -out "$DIR/pki/$1.crt" 2>/dev/null
}

# certificate AUTHORITY NAME USER [GROUP [DNS:...,IP:...]]
certificate() {
  local authority=$DIR/pki/$1 file=$DIR/pki/$2 user=$3 group=${4:-} addresses=${5:-}
  [ -e "$file.crt" ] && return 0
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "${group:+/O=$group}/CN=$user" -keyout "$file.key" -out "$file.csr" 2>/dev/null
  printf 'keyUsage=digitalSignature\nextendedKeyUsage=clientAuth,serverAuth\n%s\n' "${addresses:+subjectAltName=$addresses}" >"$file.ext"
  openssl x509 -req -in "$file.csr" -CA "$authority.crt" -CAkey "$authority.key" -CAcreateserial -days 365 -extfile "$file.ext" -out "$file.crt" 2>/dev/null
  rm "$file.csr" "$file.ext"
}

# kubeconfig NAME: for the certificate of that name.
kubeconfig() {
  local file=$DIR/pki/$1
  [ -e "$file.kubeconfig" ] && return 0
  cat >"$file.kubeconfig" <<YAML
apiVersion: v1
kind: Config
clusters: [{name: imagejob, cluster: {server: "https://$(node_address 1):$API_PORT", certificate-authority-data: $(base64 -w0 "$DIR/pki/ca.crt")}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$file.crt"), client-key-data: $(base64 -w0 "$file.key")}}]
contexts: [{name: imagejob, context: {cluster: imagejob, user: $1}}]
current-context: imagejob
YAML
}

certificates() {
  local i name
  authority ca
  authority front-proxy-ca
  [ -e "$DIR/pki/service-account.key" ] || openssl genrsa -out "$DIR/pki/service-account.key" 2048 2>/dev/null
  certificate ca apiserver kube-apiserver "" "DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:$API_SERVICE,IP:$(node_address 1)"
  certificate ca apiserver-to-kubelet kube-apiserver-kubelet-client system:masters
  certificate front-proxy-ca front-proxy front-proxy-client
  certificate ca admin kubernetes-admin system:masters
  certificate ca controller-manager system:kube-controller-manager
  certificate ca scheduler system:kube-scheduler
  certificate ca proxy system:kube-proxy
  for ((i = 1; i <= NODES; i++)); do
    certificate ca "node$i" "system:node:node$i" system:nodes "DNS:node$i,IP:$(node_address "$i")"
    kubeconfig "node$i"
  done
  for name in admin controller-manager scheduler proxy; do kubeconfig "$name"; done
  cp "$DIR/pki/admin.kubeconfig" "$DIR/kubeconfig"
}
