//! Pictures that steps make of a photo: where they are written, how large, in which format, and the same each time.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason as R;
use imagejob_protocol::settings::{
    Action, Bounds, Fit, Mark, OnFail, Output, PictureFormat, Position, Resize, Step, Storage, StorageKind, Watermark,
};
use imagejob_vision::picture::{Channels, Encoding, encode};
use imagejob_vision::{Caps, Format, Picture, decode};
use imagejob_worker::outcome::Failure;
use imagejob_worker::outputs::Outputs;
use imagejob_worker::pipeline::{Pipeline, Stores};
use imagejob_worker::steps::Item;
use imagejob_worker::variables::Variables;
use serde_json::{Value, json};
use tempfile::TempDir;

fn repository(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// A store with the buckets `photos`, which holds these objects, and `checked`.
fn store(objects: &[(&str, Vec<u8>)]) -> (TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    for (key, bytes) in objects {
        let path = folder.path().join("photos").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let kind = StorageKind::FileSystem { path: folder.path().to_owned() };
    let buckets = vec!["photos".to_owned(), "checked".to_owned()];
    (folder, Storage { kind, buckets, max_object_bytes: 1 << 20 })
}

fn output(place: &str) -> Output {
    Output { place: place.to_owned(), format: None, quality: 85 }
}

fn resize(output: Output, max_width: u32, max_height: u32, fit: Fit) -> Step {
    let bounds = Bounds { max_width: Some(max_width), max_height: Some(max_height) };
    let action = Action::Resize(Resize { output, bounds, fit });
    Step { name: "small".to_owned(), on_fail: OnFail::Continue, action }
}

fn item(key: &str, variables: &[(&str, &str)]) -> Item {
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let variables: Variables = variables.iter().map(text).collect();
    Item { variables, ..Item::new("id", Object::new("photos", key)) }
}

/// The entry of the step.
async fn run(storage: &Storage, step: &Step, item: Item) -> Result<Value, Failure> {
    let pipeline = Pipeline::of(storage, std::slice::from_ref(step)).await.unwrap();
    pipeline.process(item).await.map(|processed| processed.body.steps["small"].clone())
}

/// Red above blue, 32 x 16, as a JPEG that was taken with the camera turned by a quarter: upright it is 16 x 32.
fn turned() -> Vec<u8> {
    // Stored with red at the left, to be turned clockwise: EXIF orientation 6 brings the left side up.
    let pixels = (0..32 * 16).flat_map(|i| if i % 32 < 16 { [255, 0, 0] } else { [0, 0, 255] }).collect();
    let picture = Picture::new(32, 16, Channels::Rgb, pixels).unwrap();
    let jpeg = encode(picture, Encoding { format: Format::Jpeg, quality: 95 }).unwrap();
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xFF, 0xE1], &length, exif, &jpeg[2..]].concat()
}

fn read(bytes: &[u8]) -> (Format, Picture) {
    let (header, picture) = decode::picture(bytes, &Caps::default(), |size| size).unwrap();
    (header.format, picture)
}

#[tokio::test]
async fn a_smaller_picture_is_written_and_told_and_a_second_run_repeats_it() {
    let (folder, storage) = store(&[("周末/temple.jpg", repository("demo/photos/temple.jpg"))]);
    let step = resize(output("oss://checked/{posterId}/{name}-small.{ext}"), 320, 320, Fit::Contain);
    let item = || item("周末/temple.jpg", &[("posterId", "海报 7")]);
    let entry = run(&storage, &step, item()).await.unwrap();
    let path = folder.path().join("checked/海报 7/temple-small.jpg");
    let bytes = std::fs::read(&path).unwrap();
    let sha256 = entry["sha256"].as_str().unwrap();
    assert_eq!(
        entry,
        json!({
            "output": "oss://checked/海报 7/temple-small.jpg", "bucket": "checked", "key": "海报 7/temple-small.jpg",
            "width": 320, "height": 214, "format": "Jpeg", "bytes": bytes.len(), "sha256": sha256,
        })
    );
    let (format, picture) = read(&bytes);
    assert_eq!((format, picture.width(), picture.height()), (Format::Jpeg, 320, 214));
    assert!(!bytes.windows(4).any(|four| four == b"Exif"), "metadata are dropped");

    assert_eq!(run(&storage, &step, item()).await.unwrap(), entry);
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the same bytes at the same place");
    let pipeline = Pipeline::of(&storage, &[step]).await.unwrap();
    let image = pipeline.process(item()).await.unwrap().body.image.unwrap();
    assert_eq!((image.width, image.height, image.format.as_str()), (640, 427, "Jpeg"));
}

#[tokio::test]
async fn any_format_becomes_any_other() {
    let photos = [
        ("a.jpg", repository("demo/photos/temple.jpg")),
        ("a.png", repository("worker/vision/tests/images/alpha.png")),
        ("a.webp", repository("worker/vision/tests/images/alpha.webp")),
        ("cmyk.jpg", repository("worker/vision/tests/images/cmyk.jpg")),
        ("grey16.png", repository("worker/vision/tests/images/grey16.png")),
    ];
    let (folder, storage) = store(&photos);
    for (key, _) in &photos {
        let own =
            if key.ends_with("jpg") { Format::Jpeg } else { read(&photos.iter().find(|p| p.0 == *key).unwrap().1).0 };
        for (format, written) in [
            (None, own),
            (Some(PictureFormat::Jpeg), Format::Jpeg),
            (Some(PictureFormat::Png), Format::Png),
            (Some(PictureFormat::WebP), Format::WebP),
        ] {
            let output = Output { format, ..output("s3://checked/{key}.out") };
            let entry = run(&storage, &resize(output, 20, 12, Fit::Cover), item(key, &[])).await.unwrap();
            let (found, picture) = read(&std::fs::read(folder.path().join(format!("checked/{key}.out"))).unwrap());
            assert_eq!((found, entry["format"].as_str()), (written, Some(written.as_str())), "{key}");
            assert_eq!((picture.width(), picture.height()), (20, 12), "{key}");
            let transparent = ["a.png", "a.webp"].contains(key) && written != Format::Jpeg;
            assert_eq!(picture.channels() == Channels::Rgba, transparent, "{key} as {found:?}");
        }
    }
}

#[tokio::test]
async fn pictures_are_upright_and_never_enlarged() {
    let (folder, storage) = store(&[("turned.jpg", turned())]);
    for (width, height, fit, size) in [
        (100, 100, Fit::Contain, (16, 32)),
        (8, 100, Fit::Contain, (8, 16)),
        (100, 8, Fit::Contain, (4, 8)),
        (8, 8, Fit::Cover, (8, 8)),
    ] {
        run(&storage, &resize(output("oss://checked/{key}"), width, height, fit), item("turned.jpg", &[]))
            .await
            .unwrap();
        let (_, picture) = read(&std::fs::read(folder.path().join("checked/turned.jpg")).unwrap());
        assert_eq!((picture.width(), picture.height()), size, "{width} x {height} {fit:?}");
        let [first, last] = [picture.pixels().first_chunk::<3>().unwrap(), picture.pixels().last_chunk::<3>().unwrap()];
        assert!(first[0] > 200 && first[2] < 60, "red is above: {first:?}");
        assert!(last[2] > 200 && last[0] < 60, "blue is below: {last:?}");
    }
}

#[tokio::test]
async fn places_that_no_picture_may_have_are_refused_and_nothing_is_written() {
    let photo = repository("demo/photos/temple.jpg");
    let (folder, storage) = store(&[("a.jpg", photo.clone()), ("small/a.jpg", photo), ("note.jpg", b"text".to_vec())]);
    let long = "x".repeat(1_100);
    for (place, key, id, reason) in [
        ("oss://checked/{id}.jpg", "a.jpg", "../../etc/passwd", R::PathEscapesStore),
        ("oss://checked/{id}.jpg", "a.jpg", "/etc/passwd", R::PathEscapesStore),
        ("oss://checked/{id}/a.jpg", "a.jpg", "..", R::PathEscapesStore),
        ("oss://checked/{id}/a.jpg", "a.jpg", "..\\..", R::PathEscapesStore),
        ("oss://checked/{id}.jpg", "a.jpg", "a\0b", R::PathEscapesStore),
        ("oss://checked/{id}.jpg", "a.jpg", long.as_str(), R::KeyInvalid),
        ("oss://checked/{id}/a.jpg", "a.jpg", "a/", R::KeyInvalid),
        ("oss://checked/{city}/a.jpg", "a.jpg", "7", R::VariableMissing),
        ("oss://secrets/{id}.jpg", "a.jpg", "7", R::BucketNotListed),
        ("oss://photos/{key}", "a.jpg", "7", R::OutputLoop),
        ("oss://photos/{name}.jpg", "a.jpg", "7", R::OutputLoop),
        ("oss://photos/{id}.jpg", "a.jpg", "a", R::OutputLoop),
        ("oss://photos/small/{name}.jpg", "small/a.jpg", "7", R::OutputLoop),
        ("oss://checked/{name}.jpg", "note.jpg", "7", R::NotAnImage),
        ("oss://checked/{name}.jpg", "none.jpg", "7", R::ObjectMissing),
    ] {
        let step = resize(output(place), 100, 100, Fit::Contain);
        let failure = run(&storage, &step, item(key, &[("id", id)])).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{place} {key}: {failure}");
    }
    let written = std::fs::read_dir(folder.path().join("checked")).map(Iterator::count).unwrap_or_default();
    assert_eq!(written, 0);
    // A folder of its own in the photos' bucket is a place.
    let step = resize(output("oss://photos/small/{name}.jpg"), 100, 100, Fit::Contain);
    assert!(run(&storage, &step, item("a.jpg", &[])).await.is_ok());
}

#[tokio::test]
async fn without_a_place_to_write_to_a_picture_is_only_told() {
    let (folder, storage) = store(&[("a.jpg", repository("demo/photos/temple.jpg"))]);
    let step = resize(output("oss://checked/{key}"), 100, 100, Fit::Contain);
    let stores = Stores { photos: &storage, references: &storage, outputs: Outputs::nowhere(&storage) };
    let pipeline = Pipeline::between(stores, std::slice::from_ref(&step)).await.unwrap();
    let told = pipeline.process(item("a.jpg", &[])).await.unwrap().body.steps["small"].clone();
    assert!(!folder.path().join("checked").exists());
    assert_eq!(told, run(&storage, &step, item("a.jpg", &[])).await.unwrap());
    assert!(folder.path().join("checked/a.jpg").exists());
}

fn watermark(place: &str, mark: Mark) -> Step {
    let action = Action::Watermark(Watermark {
        output: output(place),
        bounds: Bounds { max_width: None, max_height: None },
        mark,
        position: Position::BottomRight,
        size_percent: 10,
        margin_percent: 2,
        opacity_percent: 80,
    });
    Step { name: "small".to_owned(), on_fail: OnFail::Continue, action }
}

fn text(text: &str) -> Step {
    watermark("oss://checked/{name}.jpg", Mark::Text(text.to_owned()))
}

/// Pixels that differ by more than JPEG does, as columns and rows.
fn differing(a: &Picture, b: &Picture) -> Vec<(u32, u32)> {
    let pairs = a.pixels().chunks_exact(3).zip(b.pixels().chunks_exact(3)).enumerate();
    let differ = pairs.filter(|(_, (a, b))| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 60));
    differ.map(|(i, _)| (i as u32 % a.width(), i as u32 / a.width())).collect()
}

#[tokio::test]
async fn chinese_text_from_the_message_is_drawn_and_a_second_run_repeats_it() {
    let photo = repository("demo/photos/temple.jpg");
    let (folder, storage) = store(&[("a.jpg", photo.clone())]);
    let written = || std::fs::read(folder.path().join("checked/a.jpg")).unwrap();
    let mut marked = Vec::new();
    for city in ["北京", "上海"] {
        let entry = run(&storage, &text("{city} 2026-11-28"), item("a.jpg", &[("city", city)])).await.unwrap();
        assert_eq!((&entry["width"], &entry["height"], &entry["format"]), (&json!(640), &json!(427), &json!("Jpeg")));
        let first = written();
        run(&storage, &text("{city} 2026-11-28"), item("a.jpg", &[("city", city)])).await.unwrap();
        assert_eq!(written(), first, "the same bytes at the same place");
        marked.push(read(&first).1);
    }
    let plain = read(&photo).1;
    let drawn = differing(&plain, &marked[0]);
    assert!(drawn.len() > 500, "{} pixels", drawn.len());
    assert!(drawn.iter().all(|&(x, y)| x > 320 && y > 350), "in the lower right corner");
    let other = differing(&marked[0], &marked[1]);
    assert!(other.len() > 100 && other.len() < drawn.len(), "the cities differ, the date does not: {}", other.len());
}

#[tokio::test]
async fn a_logo_from_the_store_is_drawn() {
    let photo = repository("demo/photos/temple.jpg");
    // Half of it transparent.
    let logo = (0..100 * 100).flat_map(|i| if i % 100 < 50 { [255, 0, 255, 255] } else { [0; 4] }).collect();
    let logo = Picture::new(100, 100, Channels::Rgba, logo).unwrap();
    let logo = encode(logo, Encoding { format: Format::Png, quality: 100 }).unwrap();
    let (folder, storage) = store(&[("a.jpg", photo.clone()), ("logo.png", logo), ("text.png", b"text".to_vec())]);
    let image = |place: &str| watermark("oss://checked/{name}.jpg", Mark::Image(place.to_owned()));
    run(&storage, &image("oss://photos/logo.png"), item("a.jpg", &[])).await.unwrap();
    let marked = read(&std::fs::read(folder.path().join("checked/a.jpg")).unwrap()).1;
    let drawn = differing(&read(&photo).1, &marked);
    // 64 x 64 pixels, 8 from the edges; the right half shows the photo.
    assert!(drawn.len() > 1_500 && drawn.len() < 2_400, "{} pixels", drawn.len());
    assert!(drawn.iter().all(|&(x, y)| (560..612).contains(&x) && (350..424).contains(&y)));
    for (place, reason) in [
        ("oss://photos/none.png", R::ObjectMissing),
        ("oss://photos/text.png", R::ReferenceUnusable),
        ("oss://secrets/logo.png", R::BucketNotListed),
    ] {
        assert_eq!(run(&storage, &image(place), item("a.jpg", &[])).await.unwrap_err().reason, reason, "{place}");
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_drawn_is_refused_and_nothing_is_written() {
    let (folder, storage) = store(&[("a.jpg", repository("demo/photos/temple.jpg"))]);
    let long = "长".repeat(201);
    for (pattern, city, reason, words) in [
        ("{city}", "𠮷", R::TextUnusable, "no glyph for '𠮷' (U+20BB7)"),
        ("{city}", "a\u{202e}b", R::TextUnusable, "(U+202E)"),
        ("{city}", "a\nb", R::TextUnusable, "(U+000A)"),
        ("{city}", &long, R::TextUnusable, "201 characters"),
        ("{city}", " ", R::TextUnusable, "no character that is seen"),
        ("{shop}", "北京", R::VariableMissing, "{shop}"),
    ] {
        let failure = run(&storage, &text(pattern), item("a.jpg", &[("city", city)])).await.unwrap_err();
        assert_eq!(failure.reason, reason, "{failure}");
        assert!(failure.message.contains(words), "{failure}");
    }
    assert!(!folder.path().join("checked").exists());
}
