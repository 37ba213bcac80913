//! What a handler answers, over HTTP as it is: the whole answer if the bytes begin with `HTTP/`, its body otherwise.
#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use imagejob_fuzz::{caps, within};
use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{Action, Handler, OnFail, Step as Settings, Storage, StorageKind};
use imagejob_worker::decode::Cores;
use imagejob_worker::outputs::Outputs;
use imagejob_worker::steps::{Item, Step, run};
use imagejob_worker::storage::Store;
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};

struct Place {
    _folder: TempDir,
    answer: Arc<Mutex<Vec<u8>>>,
    step: Step,
    item: Item,
    cores: Cores,
    runtime: Runtime,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("handler");
    let answer = Arc::new(Mutex::default());
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let step = runtime.block_on(async {
        let listener = UnixListener::bind(&socket).expect("a socket");
        tokio::spawn(serve(listener, Arc::clone(&answer)));
        let handler = Handler { socket: Some(socket), ..Handler::on_port(0) };
        let settings = Settings { name: "own".to_owned(), on_fail: OnFail::Stop, action: Action::Handler(handler) };
        let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
        let storage = Storage { kind, buckets: vec!["photos".to_owned()], max_object_bytes: 1 };
        let (store, outputs) = (Arc::new(Store::open(&storage)), Arc::new(Outputs::nowhere(&storage)));
        Step::load(&settings, &store, &outputs).await.expect("a step")
    });
    let item = Item::new("id", Object::new("photos", "a.jpg"));
    Place { _folder: folder, answer, step, item, cores: Cores::new(), runtime }
});

/// Answers each connection once, then closes it.
async fn serve(listener: UnixListener, answer: Arc<Mutex<Vec<u8>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        // A call is shorter than what is read at once. Whoever only looks whether somebody listens sends nothing.
        let asked = stream.read(&mut [0; 4096]).await.unwrap_or_default();
        let bytes = answer.lock().expect("nobody panics").clone();
        if asked > 0 {
            // The worker may have heard enough.
            stream.write_all(&bytes).await.ok();
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Place { answer, step, item, cores, runtime, .. } = &*PLACE;
    let whole = if bytes.starts_with(b"HTTP/") { bytes.to_vec() } else { [b"HTTP/1.1 200 OK\r\n\r\n", bytes].concat() };
    *answer.lock().expect("nobody panics") = whole;
    let steps = std::slice::from_ref(step);
    match within(caps::of_an_answer(bytes.len()), || runtime.block_on(run(steps, item, None, cores))) {
        Ok(entries) => assert!(entries["own"].is_object()),
        Err(failure) => assert!(failure.message.len() < 2_000, "{} bytes to read", failure.message.len()),
    }
});
