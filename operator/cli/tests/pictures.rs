//! `imagejob try` with steps that write pictures: nothing by default, into a folder when asked.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const JOB: &str = "
apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {name: pictures}
spec:
  source: {kafka: {bootstrapServers: 'kafka:9092', topics: [photos]}}
  storage: {type: FileSystem, path: /nowhere, buckets: [photos, checked]}
  variables: {city: /city}
  steps:
  - {name: small, resize: {output: 'oss://checked/small/{name}.webp', maxWidth: 100, format: WebP}}
  - {name: mark, watermark: {output: 'oss://checked/marked/{key}', text: '{city} 2026'}}
  results: {topic: results}
";

/// The steps' entries for one of the photos of the repository.
fn tried(folder: &Path, options: &[&str]) -> Value {
    let photo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/photos/temple.jpg");
    std::fs::write(folder.join("job.yaml"), JOB).unwrap();
    let mut imagejob = Command::new(env!("CARGO_BIN_EXE_imagejob"));
    imagejob.current_dir(folder).args(["try", "job.yaml", "--set", "city=北京"]).args(options).arg(photo);
    let output = imagejob.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["steps"].take()
}

#[test]
fn pictures_are_told_and_written_only_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let told = tried(folder.path(), &[]);
    assert_eq!((&told["small"]["width"], &told["small"]["height"]), (&100.into(), &67.into()));
    assert_eq!(told["mark"]["output"], "oss://checked/marked/temple.jpg");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the job alone");

    assert_eq!(tried(folder.path(), &["--out", "out"]), told);
    for step in ["small", "mark"] {
        let path = folder.path().join("out/checked").join(told[step]["key"].as_str().unwrap());
        assert_eq!(std::fs::metadata(path).unwrap().len(), told[step]["bytes"].as_u64().unwrap(), "{step}");
    }
}
