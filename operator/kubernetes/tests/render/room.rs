//! Memory and scratch space of a worker follow from what its job may make it hold.

use k8s_openapi::api::core::v1::PodSpec;

use super::{MINIMAL, defaults, planned, rendered};

fn worker(text: &str) -> PodSpec {
    let objects = rendered(&planned(text, 1), &defaults());
    objects.worker.spec.unwrap().template.spec.unwrap()
}

#[test]
fn a_worker_has_room_for_what_it_may_hold() {
    let set = "posterMatch: {referenceSet: 'oss://photos/set.txt'}";
    let sets = format!("[{{name: a, {set}}}, {{name: b, {set}}}]");
    for (what, from, to, memory, scratch) in [
        ("as little as possible", "", "", "768Mi", "1280Mi"),
        ("objects of 2 GiB", "buckets: [photos]", "buckets: [photos], maxObjectBytes: 2Gi", "2560Mi", "3072Mi"),
        ("two sets", "[{name: quality, quality: {}}]", sets.as_str(), "1280Mi", "1280Mi"),
        ("objects of 1 TiB", "buckets: [photos]", "buckets: [photos], maxObjectBytes: 1Ti", "4096Mi", "1049600Mi"),
    ] {
        let pod = worker(&MINIMAL.replacen(from, to, 1));
        let limits = pod.containers[0].resources.as_ref().unwrap().limits.as_ref().unwrap();
        let volumes = pod.volumes.unwrap();
        let scratches: Vec<_> = volumes.iter().filter_map(|volume| volume.empty_dir.as_ref()).collect();
        let found = (limits["memory"].0.as_str(), scratches[0].size_limit.as_ref().unwrap().0.as_str());
        assert_eq!(found, (memory, scratch), "{what}");
    }
}
