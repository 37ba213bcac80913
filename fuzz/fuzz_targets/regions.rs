//! The JSON that tells where the answers of a page of homework belong, as a step reads it. One in 256 regions is also
//! looked for in a photo, which takes as long as a thousand texts.
#![no_main]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use imagejob_fuzz::{caps, within};
use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{Action, OnFail, Step as Settings, Storage, StorageKind};
use imagejob_vision::{Caps, decode};
use imagejob_worker::decode::{Cores, Photo};
use imagejob_worker::outputs::Outputs;
use imagejob_worker::steps::{Item, Step, run};
use imagejob_worker::storage::Store;
use imagejob_worker::variables::Variables;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

struct Place {
    folder: TempDir,
    step: Step,
    photo: Arc<Photo>,
    cores: Cores,
    runtime: Runtime,
}

static RUN: AtomicU64 = AtomicU64::new(0);

/// Small, so that looking for it takes a tenth of a second.
static PAGE: &[u8] = include_bytes!("../seeds/page-240x160.jpg");

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("pages")).expect("a folder");
    std::fs::write(folder.path().join("pages/page"), PAGE).expect("a file");
    std::fs::write(folder.path().join("pages/none"), "no picture").expect("a file");
    let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
    let storage = Storage { kind, buckets: vec!["pages".to_owned()], max_object_bytes: 1 << 20 };
    let action =
        Action::Homework { template: "oss://pages/{page}".to_owned(), regions: "oss://pages/{regions}".to_owned() };
    let settings = Settings { name: "page".to_owned(), on_fail: OnFail::Stop, action };
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let (store, outputs) = (Arc::new(Store::open(&storage)), Arc::new(Outputs::nowhere(&storage)));
    let step = runtime.block_on(Step::load(&settings, &store, &outputs)).expect("a step");
    let photo = Arc::new(decode::luma(PAGE, &Caps::default(), u32::MAX).expect("a photo"));
    Place { folder, step, photo, cores: Cores::new(), runtime }
});

fuzz_target!(|regions: &[u8]| {
    let Place { folder, step, photo, cores, runtime } = &*PLACE;
    // What a name stands for is kept for a minute.
    let name = RUN.fetch_add(1, Ordering::Relaxed).to_string();
    let path = folder.path().join("pages").join(&name);
    std::fs::write(&path, regions).expect("a file");
    let look = regions.len() % 256 == 255;
    let page = if look { "page" } else { "none" };
    let variables = [("page", page), ("regions", &name)].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let item = Item { variables: Variables::from_iter(variables), ..Item::new("id", Object::new("photos", "a.jpg")) };
    let cap = if look { usize::MAX } else { caps::of_parsing(regions.len()) };
    let found = within(cap, || runtime.block_on(run(std::slice::from_ref(step), &item, Some(photo), cores)));
    assert!(look || found.is_err(), "a page that is no picture was looked for");
    std::fs::remove_file(path).expect("a file");
});
