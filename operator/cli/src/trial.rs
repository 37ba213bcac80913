//! `imagejob try`: the steps of a job on photos, local ones or those of its store, exactly as a worker runs them.

mod annotate;
mod annotation;
mod lettering;
mod picture;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use imagejob_operator::plan::worker_settings;
use imagejob_operator::secrets::SecretPaths;
use imagejob_operator::{Clock as _, SystemClock};
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Storage, StorageKind, WorkerSettings};
use imagejob_worker::outcome::Failure;
use imagejob_worker::outputs::Outputs;
use imagejob_worker::pipeline::{Pipeline, Stores};
use imagejob_worker::steps::Item;
use imagejob_worker::variables::Variables;
use serde_json::json;

use crate::dev::job::{Brokers, Chosen, documents};
use annotate::Annotator;

/// Run a job's steps on photos and print one JSON result a line
///
/// A photo is a file, or an object of the job's store, oss://bucket/key or s3://bucket/key. The result is the body that a worker would publish; a photo that fails gives
/// {"file", "reason", "message"} with the reason that its dead letter would have, and exit code 1. Pictures that
/// steps make are not written to the store: their entries say what would be, and --out DIR writes them there.
#[derive(Args)]
pub(crate) struct TryArgs {
    /// YAML file with an ImageJob and, if it refers to one, its ScalePolicy
    #[arg(value_name = "JOB.YAML")]
    file: PathBuf,
    /// Photos: files, or objects of the store
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Folder of the job's Secrets, `DIR/NAME/KEY`, for what is read from the store
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Value of one of the job's variables, as the message would give it
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// Folder for a copy of each photo with verdicts, outlines and answer regions drawn onto it
    #[arg(long, value_name = "DIR")]
    annotate: Option<PathBuf>,
    /// Folder for the pictures that steps make, as `DIR/BUCKET/KEY`
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The job, if the file holds several
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
}

/// The one bucket of the folder that a file is in.
const FOLDER: &str = ".";

/// `imagejob try`.
pub(crate) async fn run(args: TryArgs) -> anyhow::Result<()> {
    let documents = documents(std::slice::from_ref(&args.file))?;
    let chosen = Chosen::of(&documents, args.job.as_deref(), Brokers::AsWritten, None, SystemClock.now())?;
    let secrets = args.secrets.as_deref().map(std::path::absolute).transpose()?;
    let secrets = secrets.map_or(SecretPaths::Mounted, SecretPaths::In);
    let settings = worker_settings(&chosen.valid, &secrets);
    let variables = args.set.iter().cloned().collect::<Variables>().with_time(SystemClock.now());
    let annotator = args.annotate.as_deref().map(|folder| Annotator::new(folder, &settings)).transpose()?;
    let mut failed = 0;
    // Steps are loaded once for photos that follow each other from one place.
    let mut loaded: Option<(Storage, Pipeline)> = None;
    for photo in &args.photos {
        let (storage, object) = place(photo, &settings)?;
        if loaded.as_ref().is_none_or(|(of, _)| *of != storage) {
            if let Some((_, pipeline)) = &loaded {
                pipeline.stop().await;
            }
            let outputs = outputs(args.out.as_deref(), &settings.storage)?;
            let stores = Stores { photos: &storage, references: &settings.storage, outputs };
            let pipeline = Pipeline::between(stores, &settings.steps).await?;
            loaded = Some((storage, pipeline));
        }
        let Some((storage, pipeline)) = &loaded else { continue };
        let bucket = if object.bucket == FOLDER { &settings.storage.buckets[0] } else { &object.bucket };
        let record = json!({"bucket": bucket, "key": object.key}).to_string().into();
        let item = Item { variables: variables.clone(), record, ..Item::new(object.key.clone(), object.clone()) };
        // A model is read while the first photo is decoded; a wrong one is told of each photo.
        let ((), looked_at) = tokio::join!(pipeline.ready(), pipeline.process(item));
        match looked_at {
            Ok(mut processed) => {
                // The folder of a file stands in for the bucket.
                if processed.body.object.bucket == FOLDER {
                    processed.body.object.bucket.clone_from(&settings.storage.buckets[0]);
                }
                println!("{}", serde_json::to_string(&processed.body)?);
                if let Some(annotator) = &annotator {
                    annotator.draw(storage, &object, &variables, &processed.body).await?;
                }
            }
            Err(Failure { reason, mut message }) => {
                failed += 1;
                if reason == FailureReason::CredentialsUnavailable && args.secrets.is_none() {
                    message.push_str("; on this machine, say with --secrets DIR where the Secret lies");
                }
                println!("{}", json!({"file": photo, "reason": reason.as_str(), "message": message}));
            }
        }
    }
    if let Some((_, pipeline)) = &loaded {
        pipeline.stop().await;
    }
    anyhow::ensure!(failed == 0, "{failed} of {} photos failed", args.photos.len());
    Ok(())
}

/// Where pictures go: into a folder that stands in for the store, or nowhere.
fn outputs(folder: Option<&Path>, storage: &Storage) -> anyhow::Result<Outputs> {
    let Some(folder) = folder else { return Ok(Outputs::nowhere(storage)) };
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let kind = StorageKind::FileSystem { path: folder.to_owned() };
    Ok(Outputs::into(&Storage { kind, ..storage.clone() }))
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like posterId=p7")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// The store that a photo is in, and its name there.
fn place(photo: &Path, settings: &WorkerSettings) -> anyhow::Result<(Storage, Object)> {
    if let Some(uri) = photo.to_str().filter(|text| text.contains("://")) {
        let object = annotate::object(uri, settings)?;
        return Ok((settings.storage.clone(), object));
    }
    let path = std::path::absolute(photo)?;
    let name = path.file_name().and_then(|name| name.to_str());
    let key = name.with_context(|| format!("{} is not the name of a file", photo.display()))?.to_owned();
    let storage = Storage {
        kind: StorageKind::FileSystem { path: path.parent().unwrap_or(Path::new("/")).to_owned() },
        buckets: vec![FOLDER.to_owned()],
        max_object_bytes: settings.storage.max_object_bytes,
    };
    Ok((storage, Object::new(FOLDER, key)))
}
