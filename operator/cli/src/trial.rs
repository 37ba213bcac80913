//! `imagejob try`: the steps of a job on local photos, exactly as a worker runs them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use imagejob_operator::plan::worker_settings;
use imagejob_operator::secrets::SecretPaths;
use imagejob_operator::{Clock as _, SystemClock};
use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{Storage, StorageKind};
use imagejob_worker::outcome::Failure;
use imagejob_worker::pipeline::Pipeline;
use imagejob_worker::variables::Variables;
use serde_json::json;

use crate::dev::job::{Brokers, Chosen, documents};

/// Run a job's steps on local photos and print one JSON result a line
///
/// The result is the body that a worker would publish; a photo that fails gives
/// {"file", "reason", "message"} with the reason that its dead letter would have, and exit code 1.
#[derive(Args)]
pub(crate) struct TryArgs {
    /// YAML file with an ImageJob and, if it refers to one, its ScalePolicy
    #[arg(value_name = "JOB.YAML")]
    file: PathBuf,
    /// Photos
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Value of one of the job's variables, as the message would give it
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,
    /// The job, if the file holds several
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
}

/// `imagejob try`.
pub(crate) async fn run(args: TryArgs) -> anyhow::Result<()> {
    let documents = documents(std::slice::from_ref(&args.file))?;
    let chosen = Chosen::of(&documents, args.job.as_deref(), Brokers::AsWritten, None, SystemClock.now())?;
    let settings = worker_settings(&chosen.valid, &SecretPaths::Mounted);
    let variables: Variables = args.set.iter().cloned().collect();
    let mut failed = 0;
    // The folder of a photo stands in for the bucket; steps are loaded once per folder.
    let mut loaded: Option<(PathBuf, Pipeline)> = None;
    for photo in &args.photos {
        let (folder, name) = place(photo)?;
        if loaded.as_ref().is_none_or(|(of, _)| *of != folder) {
            let storage = Storage {
                kind: StorageKind::FileSystem { path: folder.clone() },
                buckets: vec![".".to_owned()],
                max_object_bytes: settings.storage.max_object_bytes,
            };
            loaded =
                Some((folder.clone(), Pipeline::with_references(&storage, &settings.storage, &settings.steps).await?));
        }
        let Some((_, pipeline)) = &loaded else { continue };
        let object = Object { bucket: ".".to_owned(), key: name.clone(), bytes: None, etag: None };
        match pipeline.process(name.clone(), 1, &object, variables.clone()).await {
            Ok(mut processed) => {
                processed.body.object.bucket.clone_from(&settings.storage.buckets[0]);
                println!("{}", serde_json::to_string(&processed.body)?);
            }
            Err(Failure { reason, message }) => {
                failed += 1;
                println!("{}", json!({"file": photo, "reason": reason.as_str(), "message": message}));
            }
        }
    }
    anyhow::ensure!(failed == 0, "{failed} of {} photos failed", args.photos.len());
    Ok(())
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it like posterId=p7")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A file's folder, absolute, and its name.
fn place(photo: &Path) -> anyhow::Result<(PathBuf, String)> {
    let path = std::path::absolute(photo)?;
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{} is not the name of a file", photo.display()))?.to_owned();
    Ok((path.parent().unwrap_or(Path::new("/")).to_owned(), name))
}
