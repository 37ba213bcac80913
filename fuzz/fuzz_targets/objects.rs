//! Addresses and names of objects, from the text that names one to the file that is read: whatever the text is, it
//! leads to an object in a listed bucket, or to none.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use imagejob_fuzz::{caps, within};
use imagejob_protocol::settings::{Format, Storage, StorageKind};
use imagejob_worker::formats::{Message, Places, parse};
use imagejob_worker::storage::Store;
use imagejob_worker::variables::Variables;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What may be read.
const LISTED: &[u8] = b"listed";

struct Place {
    /// `photos/a.jpg`, and beside the bucket, in another one and above all buckets what must not be read.
    _folder: TempDir,
    store: Store,
    runtime: Runtime,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let buckets = folder.path().join("buckets");
    for (name, content) in [
        ("buckets/photos/a.jpg", LISTED),
        ("buckets/photos/b/a.jpg", LISTED),
        ("buckets/secrets/a.jpg", b"another bucket"),
        ("buckets/a.jpg", b"no bucket"),
        ("a.jpg", b"outside"),
    ] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }
    let kind = StorageKind::FileSystem { path: buckets };
    let storage = Storage { kind, buckets: vec!["photos".to_owned()], max_object_bytes: 1 << 10 };
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    Place { _folder: folder, store: Store::open(&storage), runtime }
});

fuzz_target!(|text: &[u8]| {
    let Place { store, runtime, .. } = &*PLACE;
    let buckets = ["photos".to_owned()];
    let hosts = BTreeMap::from([("img.example.com".to_owned(), "photos".to_owned())]);
    let places = Places { buckets: &buckets, hosts: &hosts };
    within(caps::of_parsing(text.len()), || {
        let message = Message { headers: &[], value: text };
        let Ok(asked) = parse(&Format::Plain { uri_pointer: None }, places, message) else { return };
        for photo in asked.photos {
            let variables = Variables::default().with_object(&photo.object);
            for pattern in ["oss://photos/{key}", "s3://{bucket}/b/{name}.{ext}", "{key}"] {
                drop(variables.expand(pattern));
            }
            if let Ok(bytes) = runtime.block_on(store.read(&photo.object)) {
                assert_eq!(bytes, LISTED, "{:?} leads out of the listed buckets", photo.object);
            }
        }
    });
});
