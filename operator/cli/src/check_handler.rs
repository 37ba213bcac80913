//! `imagejob check-handler`: is a handler, in whatever language, one that a worker can call? Its calls are
//! the worker's own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use futures::future::join_all;
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{self, Action, OnFail, Step, Storage, StorageKind};
use imagejob_worker::outcome::Failure;
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::steps::Item;
use serde_json::json;
use turbojpeg::{Image, PixelFormat, Subsamp};

const BUCKET: &str = "photos";
/// A name as people give them.
const CHINESE: &str = "作业 1 (副本).jpg";
/// Photos at once.
const AT_ONCE: usize = 16;
/// A large photo, bytes.
const LARGE: usize = 16 << 20;

/// Try a handler as a worker would call it, and say what it does wrong
///
/// Starts the command with PORT (or SOCKET) in its environment, calls it with photos and with what is none,
/// prints a line for each check, and ends with exit code 1 if one failed.
#[derive(Args)]
pub(crate) struct CheckHandlerArgs {
    /// Port on 127.0.0.1; without it the command is given a free one
    #[arg(long)]
    port: Option<u16>,
    /// Unix socket instead of a port
    #[arg(long, conflicts_with = "port")]
    socket: Option<PathBuf>,
    /// Path of the POST
    #[arg(long, default_value = "/invoke")]
    path: String,
    /// Body of the POST
    #[arg(long, value_enum, ignore_case = true, default_value_t = Payload::Reference)]
    payload: Payload,
    /// Limit of one call, seconds
    #[arg(long, default_value_t = 30)]
    timeout_seconds: u64,
    /// Path of a GET that is answered with 2xx while the handler is well
    #[arg(long)]
    health_path: Option<String>,
    /// POST /initialize first
    #[arg(long)]
    initialize: bool,
    /// GET /pre-stop last
    #[arg(long)]
    pre_stop: bool,
    /// A photo of your own instead of a drawn one
    #[arg(long, value_name = "FILE")]
    photo: Option<PathBuf>,
    /// Program and arguments; without them something listens already
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Payload {
    Reference,
    Bytes,
    Record,
}

/// `imagejob check-handler`.
pub(crate) async fn run(args: CheckHandlerArgs) -> anyhow::Result<()> {
    let photo = match &args.photo {
        Some(path) => std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => drawn()?,
    };
    let folder = photos(&photo)?;
    let pipeline = started(&args, folder.path()).await?;
    println!("ok      it is ready to be called");
    let mut failed = 0;
    for (check, said) in checks(&pipeline).await {
        match said {
            Ok(()) => println!("ok      {check}"),
            Err(sentence) => {
                failed += 1;
                println!("FAILED  {check}: {sentence}");
            }
        }
    }
    pipeline.stop().await;
    anyhow::ensure!(failed == 0, "{failed} checks failed");
    Ok(())
}

async fn started(args: &CheckHandlerArgs, folder: &Path) -> anyhow::Result<Pipeline> {
    anyhow::ensure!(
        !args.command.is_empty() || args.port.is_some() || args.socket.is_some(),
        "there is nothing to call; name a command after --, or --port, or --socket"
    );
    let handler = settings::Handler {
        command: args.command.clone(),
        port: args.port.unwrap_or(0),
        socket: args.socket.clone(),
        path: args.path.clone(),
        timeout_ms: Duration::from_secs(args.timeout_seconds).as_millis() as u64,
        payload: match args.payload {
            Payload::Reference => settings::Payload::Reference,
            Payload::Bytes => settings::Payload::Bytes,
            Payload::Record => settings::Payload::Record,
        },
        health_path: args.health_path.clone(),
        initialize: args.initialize,
        pre_stop: args.pre_stop,
    };
    let kind = StorageKind::FileSystem { path: folder.to_owned() };
    let storage = Storage { kind, buckets: vec![BUCKET.to_owned()], max_object_bytes: 2 * LARGE as u64 };
    let step = Step { name: "handler".to_owned(), on_fail: OnFail::Continue, action: Action::Handler(handler) };
    Pipeline::of(&storage, &[step]).await
}

/// Each check, and what is wrong with its outcome.
async fn checks(pipeline: &Pipeline) -> Vec<(&'static str, Result<(), String>)> {
    let answered = |outcome: Result<(), Failure>| outcome.map_err(|failure| failure.to_string());
    // It may say what it likes of these, but not hang, break off or answer something else than it must.
    let said = |outcome: Result<(), Failure>| match outcome {
        Err(failure) if failure.reason != FailureReason::HandlerRejected => {
            Err(format!("{failure}; answer 2xx with a JSON object, or 4xx for what you will never take"))
        }
        _ => Ok(()),
    };
    let at_once = join_all((0..AT_ONCE).map(|_| call(pipeline, "photo.jpg"))).await.into_iter().collect();
    vec![
        ("a photo is answered with a JSON object", answered(call(pipeline, "photo.jpg").await)),
        ("so is one with a name in Chinese, with blanks and brackets", answered(call(pipeline, CHINESE).await)),
        ("so are sixteen at once", answered(at_once)),
        (
            "the same photo a second time is no fault: work is at least once",
            answered(call(pipeline, "photo.jpg").await),
        ),
        ("what is no image is answered or refused", said(call(pipeline, "letter.jpg").await)),
        ("so is half an image", said(call(pipeline, "half.jpg").await)),
        ("so is one of 16 MiB", said(call(pipeline, "large.jpg").await)),
        ("after all that a photo is answered as before", answered(call(pipeline, "photo.jpg").await)),
    ]
}

async fn call(pipeline: &Pipeline, key: &str) -> Result<(), Failure> {
    let record = json!({"bucket": BUCKET, "key": key}).to_string().into();
    let item = Item {
        record,
        ..Item::new(key.bytes().map(|b| format!("{b:02x}")).collect::<String>(), Object::new(BUCKET, key))
    };
    pipeline.process(item).await.map(drop)
}

/// A folder with the photos of the checks.
fn photos(photo: &[u8]) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let bucket = folder.path().join(BUCKET);
    std::fs::create_dir(&bucket)?;
    // Bytes after the end of a JPEG belong to nothing, and are let be.
    let large = [photo, &vec![0; LARGE.saturating_sub(photo.len())]].concat();
    for (key, bytes) in [
        ("photo.jpg", photo),
        (CHINESE, photo),
        ("letter.jpg", b"Dear teacher, the dog ate it."),
        ("half.jpg", &photo[..photo.len() / 2]),
        ("large.jpg", &large),
    ] {
        std::fs::write(bucket.join(key), bytes)?;
    }
    Ok(folder)
}

/// A disc of light, 320 x 240.
fn drawn() -> anyhow::Result<Vec<u8>> {
    let (width, height) = (320_usize, 240_usize);
    let level = |i: usize| {
        let (x, y) = (i % width, i / width);
        255_usize.saturating_sub(x.abs_diff(width / 2) + y.abs_diff(height / 2)) as u8
    };
    let pixels: Vec<u8> = (0..width * height).map(level).collect();
    let image = Image { pixels: pixels.as_slice(), width, pitch: width, height, format: PixelFormat::GRAY };
    Ok(turbojpeg::compress(image, 90, Subsamp::Gray)?.to_vec())
}
