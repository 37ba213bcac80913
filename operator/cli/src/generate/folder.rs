//! The photos of a folder.

use std::path::Path;

use anyhow::{Context as _, ensure};

/// Formats that a worker can look at, by file extension.
pub(crate) const PHOTOS: &[&str] = &["jpg", "jpeg", "png", "webp"];
/// Formats that variations can be made from.
pub(crate) const SOURCES: &[&str] = &["jpg", "jpeg"];

/// One file below a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Photo {
    /// Path below the folder, with `/`: an object's key in a store.
    pub(crate) key: String,
    /// Bytes.
    pub(crate) bytes: u64,
}

/// Files with one of the extensions, in folders below too, sorted by key so that a seed picks the
/// same on every machine. At least one.
pub(crate) fn photos(root: &Path, extensions: &[&str]) -> anyhow::Result<Vec<Photo>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            // Follows links: photos may be linked into a folder.
            let metadata = std::fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if metadata.is_dir() {
                folders.push(path);
            } else if has_extension(&path, extensions) {
                found.push(Photo { key: key(path.strip_prefix(root)?)?, bytes: metadata.len() });
            }
        }
    }
    ensure!(!found.is_empty(), "{} holds no photo ({})", root.display(), extensions.join(", "));
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().unwrap_or_default();
    extensions.iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn key(below: &Path) -> anyhow::Result<String> {
    let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
    let parts = parts.with_context(|| format!("{} is not UTF-8: rename it", below.display()))?;
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn photos_are_found_below_and_sorted_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.JPG", "a/作业 1.jpeg", "truth.jsonl", "a/c.png", "jpg"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "four").unwrap();
        }
        let keys = |extensions| -> Vec<String> {
            photos(folder.path(), extensions).unwrap().into_iter().map(|photo| photo.key).collect()
        };
        assert_eq!(keys(PHOTOS), ["a/c.png", "a/作业 1.jpeg", "b.JPG"]);
        assert_eq!(keys(SOURCES), ["a/作业 1.jpeg", "b.JPG"]);
        assert_eq!(photos(folder.path(), PHOTOS).unwrap()[0].bytes, 4);
    }

    #[test]
    fn an_empty_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = photos(folder.path(), SOURCES).unwrap_err().to_string();
        assert!(error.ends_with("holds no photo (jpg, jpeg)"), "{error}");
        let error = photos(&folder.path().join("none"), PHOTOS).unwrap_err().to_string();
        assert!(error.starts_with("cannot list") && error.ends_with("none"), "{error}");
    }
}
