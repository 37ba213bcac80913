//! What all stories share: the cluster with the operator installed, a broker, a store of photos.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use imagejob_e2e::broker::Kafka;
use imagejob_e2e::kube::world::{BUCKET, OPERATOR_NAMESPACE};
use imagejob_e2e::kube::{Kube, World};
use imagejob_e2e::s3::S3;

/// How long pods may take to come and go on a busy machine of two cores.
pub(crate) const SOON: Duration = Duration::from_mins(1);

pub(crate) struct Stand {
    pub(crate) kube: Kube,
    broker: Kafka,
    store: S3,
}

impl Stand {
    /// A namespace of this name with topics of `partitions`; gone when the story ends.
    pub(crate) fn world(&self, name: &str, partitions: i32) -> World<'_> {
        World::new(&self.kube, &self.broker, &self.store, name, partitions).unwrap()
    }
}

/// The cluster-wide installation, as users apply it.
pub(crate) fn install() -> String {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
    std::fs::read_to_string(manifests.join("install.yaml")).unwrap()
}

/// The stand, made by the story that comes first.
pub(crate) fn stand() -> &'static Stand {
    static STAND: OnceLock<Stand> = OnceLock::new();
    STAND.get_or_init(|| {
        let kube = Kube::from_environment().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        kube.apply(&install()).unwrap();
        kube.run(&["-n", OPERATOR_NAMESPACE, "rollout", "status", "deployment/imagejob-operator", "--timeout=60s"])
            .unwrap();
        let broker = Kafka::at(&kube.host_address).unwrap();
        // What is static is never dropped: its files stay in the build's folder until the next run.
        let files = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store");
        if files.exists() {
            std::fs::remove_dir_all(&files).unwrap();
        }
        std::fs::create_dir_all(&files).unwrap();
        let store = S3::listen(&format!("{}:0", kube.host_address), BUCKET, &files).unwrap();
        for photo in std::fs::read_dir(root.join("demo/photos")).unwrap().map(Result::unwrap) {
            if photo.path().extension().is_some_and(|extension| extension == "jpg") {
                std::fs::copy(photo.path(), store.bucket(BUCKET).join(photo.file_name())).unwrap();
            }
        }
        std::fs::write(store.bucket(BUCKET).join("night.jpg"), night()).unwrap();
        Stand { kube, broker, store }
    })
}

/// A photo on which nothing is to be seen, beside the demo's good ones.
fn night() -> Vec<u8> {
    let (width, height) = (640, 480);
    let image = turbojpeg::Image {
        pixels: &*vec![8; width * height],
        width,
        pitch: width,
        height,
        format: turbojpeg::PixelFormat::GRAY,
    };
    turbojpeg::compress(image, 90, turbojpeg::Subsamp::Gray).unwrap().to_vec()
}
