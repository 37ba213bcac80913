//! An operator for one namespace, for users who are nobody in the others.

use std::path::Path;

use imagejob_e2e::kube::Kube;
use imagejob_e2e::kube::kubectl::eventually;
use imagejob_e2e::kube::world::OPERATOR_NAMESPACE;

use crate::stand::{SOON, stand};

/// Where the namespaced installation has its operator and its jobs.
const OWN: &str = "imagejob";

#[test]
fn an_operator_of_one_namespace_sees_the_jobs_of_no_other() {
    let _away = ClusterWideAway::new(&stand().kube);
    let (own, other) = (stand().world(OWN, 1), stand().world("elsewhere", 1));
    other.apply(&other.job()).unwrap();
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
    own.kube.apply(&std::fs::read_to_string(manifests.join("namespace-install.yaml")).unwrap()).unwrap();

    own.apply(&own.job()).unwrap();
    own.produce(5).unwrap();
    own.wait_ended(5);
    own.wait_condition(SOON, "Ready", "True", "Working");
    // The other job was there first, so it had its turn.
    assert!(other.status().unwrap().is_null(), "{}", other.status().unwrap());
    assert_eq!(other.pods("dispatcher").unwrap().len(), 0);
    let account = own.close().unwrap();
    assert!(account.is_sound() && account.duplicates == 0, "{account}");
}

/// The cluster-wide operator is gone while this lives, and so are the rights of the namespaced one
/// afterwards.
struct ClusterWideAway<'a>(&'a Kube);

impl<'a> ClusterWideAway<'a> {
    fn new(kube: &'a Kube) -> Self {
        let away = Self(kube);
        away.scale(0).unwrap();
        eventually(SOON, "the cluster-wide operator is gone", || {
            let pods = kube.list(OPERATOR_NAMESPACE, "pods", "app.kubernetes.io/name=imagejob-operator")?;
            anyhow::ensure!(pods.is_empty(), "{} run", pods.len());
            Ok(Some(()))
        });
        away
    }

    fn scale(&self, replicas: u32) -> anyhow::Result<()> {
        let count = format!("--replicas={replicas}");
        self.0.run(&["-n", OPERATOR_NAMESPACE, "scale", "deployment/imagejob-operator", &count]).map(drop)
    }
}

impl Drop for ClusterWideAway<'_> {
    fn drop(&mut self) {
        let rights = ["delete", "clusterrole,clusterrolebinding", "imagejob-operator-policies", "--ignore-not-found"];
        if let Err(error) = self.scale(2).and_then(|()| self.0.run(&rights)) {
            eprintln!("the cluster-wide operator is not back: {error:#}");
        }
    }
}
