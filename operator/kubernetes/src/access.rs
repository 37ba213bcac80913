//! Every right that the operator needs, and no other. The rules in `manifests/` are compared with it
//! by a test.

/// Where a right is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    /// Wherever jobs are: the cluster, or each watched namespace.
    Jobs,
    /// The cluster, whatever is watched: the kind has no namespace.
    Cluster,
    /// The cluster, only where all of it is watched.
    Whole,
    /// The operator's own namespace.
    Own,
}

/// What may be done with one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// Where.
    pub scope: Where,
    /// API group; empty for the core.
    pub group: &'static str,
    /// Resource, perhaps with a subresource.
    pub resource: &'static str,
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// What for.
    pub why: &'static str,
}

const fn right(
    scope: Where,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Right {
    Right { scope, group, resource, verbs, why }
}

/// Server-side apply of an object that may not exist yet.
const APPLY: &[&str] = &["create", "patch"];
/// The same, of an object that a later plan may not have any more.
const APPLY_DELETE: &[&str] = &["create", "delete", "patch"];
const WATCH: &[&str] = &["list", "watch"];

/// All rights.
pub const RIGHTS: &[Right] = &[
    right(Where::Jobs, "imagejob.dev", "imagejobs", WATCH, "what is wanted"),
    right(Where::Jobs, "imagejob.dev", "imagejobs/status", &["patch"], "how it is"),
    right(
        Where::Jobs,
        "imagejob.dev",
        "imagejobs/finalizers",
        &["update"],
        "owner references that block deletion, where the admission plugin OwnerReferencesPermissionEnforcement is on",
    ),
    right(Where::Cluster, "imagejob.dev", "scalepolicies", WATCH, "how jobs scale"),
    right(Where::Whole, "imagejob.dev", "scalepolicies/status", &["patch"], "what policies will ask for"),
    right(Where::Jobs, "apps", "deployments", &["create", "list", "patch", "watch"], "dispatchers and workers"),
    right(Where::Jobs, "", "pods", WATCH, "who is ready, where dispatchers report, what keeps a pod from starting"),
    right(Where::Jobs, "", "services", APPLY, "where workers dial dispatchers"),
    right(
        Where::Jobs,
        "",
        "configmaps",
        &["create", "get", "patch"],
        "what dispatchers and workers read when they start, what was learned of a job's weeks, and dates of calendars",
    ),
    right(Where::Jobs, "", "namespaces", &["get"], "whether a policy admits their jobs"),
    right(Where::Jobs, "", "serviceaccounts", APPLY, "the pods' identity, without rights"),
    right(Where::Jobs, "", "secrets", APPLY, "the job's token; no Secret is ever read here"),
    right(Where::Jobs, "policy", "poddisruptionbudgets", APPLY, "how many pods may be evicted at once"),
    right(Where::Jobs, "networking.k8s.io", "networkpolicies", APPLY_DELETE, "who may dial dispatchers"),
    right(Where::Jobs, "events.k8s.io", "events", &["create"], "what changed, and why"),
    right(Where::Own, "coordination.k8s.io", "leases", &["create", "get", "update"], "who leads"),
    right(Where::Own, "", "secrets", &["create", "get"], "the operator's signing key, the one Secret that is read"),
];

/// What a request needs, for tests that watch every call.
pub fn allows(scope: Where, group: &str, resource: &str, verb: &str) -> bool {
    let fits = |right: &&Right| right.group == group && right.resource == resource && right.verbs.contains(&verb);
    RIGHTS.iter().filter(|right| right.scope == scope).any(|right| fits(&right))
}
