//! `imagejob generate` draws posters and pages, `imagejob try --annotate` judges them and draws what it found: a seed's
//! pictures are always the same, and a copy shows the thing where the truth says that it is.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use imagejob_truth::Picture;
use serde_json::Value;

const PHOTOGRAPHS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/photos");

/// Longer side of a copy, pixels.
const SIDE: f64 = 640.0;

/// The lines that a command prints.
fn imagejob(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_imagejob")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Makes one poster, or one page, and its photos; their truth.
fn generate(what: &str, to: &Path) -> Vec<Value> {
    imagejob(&["generate", what, "--from", PHOTOGRAPHS, "--to", to.to_str().unwrap(), "--count", "1", "--seed", "3"]);
    let truth = std::fs::read_to_string(to.join("truth.jsonl")).unwrap();
    truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A job with one step on the folder.
fn job(folder: &Path, buckets: &str, step: &str) -> String {
    let path = folder.join("job.yaml");
    let text = format!(
        "apiVersion: imagejob.dev/v1alpha1
kind: ImageJob
metadata: {{name: examples}}
spec:
  source: {{kafka: {{bootstrapServers: 'localhost:9092', topics: [photos]}}}}
  storage: {{type: FileSystem, path: {}, buckets: [{buckets}]}}
  variables: {{id: /id}}
  steps: [{step}]
  results: {{topic: results}}
",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_seed_draws_the_same_poster_and_photos() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let truth = generate("posters", &one);
    assert_eq!(truth, generate("posters", &two));
    assert_eq!(truth.len(), 6);
    for photo in &truth {
        let file = photo["file"].as_str().unwrap();
        assert_eq!(std::fs::read(one.join(file)).unwrap(), std::fs::read(two.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn a_page_is_judged_as_its_truth_says_and_outlined_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let truth = generate("pages", &store);
    let step = "{name: page, homework: {template: 'oss://pages/{id}.jpg', regions: 'oss://pages/{id}.json'}}";
    let job = job(&store, "photos, pages", step);
    let seen = folder.path().join("seen");
    for photo in truth {
        let file = store.join(photo["file"].as_str().unwrap());
        let results =
            imagejob(&["try", &job, file.to_str().unwrap(), "--set", "id=h0", "--annotate", seen.to_str().unwrap()]);
        let result: Value = serde_json::from_str(&results[0]).unwrap();
        assert_eq!(result["steps"]["page"]["verdict"], photo["verdict"], "{result}");
        let copy = Picture::of_jpeg(&std::fs::read(seen.join(file.file_name().unwrap())).unwrap());
        for [x, y] in serde_json::from_value::<[[f64; 2]; 4]>(photo["corners"].clone()).unwrap() {
            // Photos of pages are 1,600 pixels high.
            let (x, y) = ((x * SIDE / 1_600.0) as usize, (y * SIDE / 1_600.0) as usize);
            let near = (0..81).map(|i| copy.pixels[(y + i / 9 - 4) * copy.width + x + i % 9 - 4]);
            let coloured = |[red, green, blue]: [f32; 3]| red.max(green).max(blue) - red.min(green).min(blue) > 60.0;
            assert!(near.into_iter().any(coloured), "no outline at {x}, {y} of {}", file.display());
        }
    }
}
