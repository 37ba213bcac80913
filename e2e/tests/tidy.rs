//! Rules of the house that no compiler checks, over every file that git knows or would add.
//! Rules about code belong to clippy; these are about files: their names, lengths and headers.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest line of code or configuration, characters.
const LINE: usize = 200;
/// Longest Rust file before its tests, lines: a longer one is two things.
const FILE: usize = 400;
/// Names that say nothing about what is inside.
const VAGUE: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];
/// Words that mark unfinished work; joined here so that this file passes its own test.
const UNFINISHED: [&str; 4] =
    [concat!("allow(", "dead_code"), concat!("#[", "ignore"), concat!("FIX", "ME"), concat!("XX", "X")];

/// What is wrong with a file, one sentence each.
fn complaints(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if path.iter().any(|part| VAGUE.iter().any(|vague| part == *vague)) || VAGUE.contains(&stem) {
        found.push(format!("the name says nothing about what is inside; {VAGUE:?} are not names"));
    }
    for (number, line) in text.lines().enumerate() {
        let length = line.chars().count();
        if is_code(path) && length > LINE {
            found.push(format!("line {}: {length} characters, {LINE} allowed", number + 1));
        }
        // Six of a letter are `mktemp`'s.
        let line = line.replace(&"X".repeat(6), "");
        if let Some(word) = UNFINISHED.iter().find(|word| is_code(path) && line.contains(**word)) {
            found.push(format!("line {}: `{word}` marks unfinished work", number + 1));
        }
        if is_code(path) && line.ends_with([' ', '\t']) {
            found.push(format!("line {}: blanks at the end", number + 1));
        }
    }
    if extension(path) == "rs" {
        let before_tests = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        if before_tests > FILE && !path.iter().any(|part| part == "tests") {
            found.push(format!("{before_tests} lines before the tests, {FILE} allowed"));
        }
        if !text.starts_with("//!") {
            found.push("does not begin with `//!`, a header that says what it does and what it refuses to do".into());
        }
    }
    found
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|extension| extension.to_str()).unwrap_or_default()
}

/// What people write for machines; prose is wrapped by whoever reads it, and data is as long as it is.
fn is_code(path: &Path) -> bool {
    // What is generated from our code has its lines from there.
    let generated = path.starts_with("crds");
    let data = path.starts_with("fuzz/seeds");
    !generated && !data && matches!(extension(path), "rs" | "sh" | "proto" | "toml" | "yaml" | "yml" | "py" | "")
}

/// Every file git knows or would add, relative to the root of the repository.
fn files(root: &Path) -> Vec<PathBuf> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(listing.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listing.stderr));
    String::from_utf8(listing.stdout).unwrap().split_terminator('\0').map(PathBuf::from).collect()
}

#[test]
fn every_file_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let files = files(root);
    assert!(files.len() > 50, "git lists only {} files in {}", files.len(), root.display());
    let mut found = Vec::new();
    for file in files {
        // A photograph is not text, and a file that git lists may have been removed just now.
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else { continue };
        found.extend(complaints(&file, &text).into_iter().map(|what| format!("{}: {what}", file.display())));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn scripts_can_be_executed() {
    use std::os::unix::fs::PermissionsExt;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in files(root) {
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else { continue };
        if text.starts_with("#!/") {
            let mode = root.join(&file).metadata().unwrap().permissions().mode();
            assert!(mode & 0o111 != 0, "{} begins with #! and cannot be executed: chmod +x", file.display());
        }
    }
}

#[test]
fn each_rule_finds_what_it_forbids() {
    let long_line = format!("//! Long.\n// {}\n", "x".repeat(LINE));
    let long_file = "//! Long.\n".repeat(FILE + 1);
    let unfinished = format!("//! Unfinished.\n#[{})]\n", UNFINISHED[0]);
    let table: [(&str, &str, &str); 6] = [
        ("worker/src/utils.rs", "//! Things.\n", "says nothing"),
        ("worker/src/common/a.rs", "//! Things.\n", "says nothing"),
        ("worker/src/a.rs", &long_line, "line 2: 203 characters"),
        ("worker/src/a.rs", &long_file, "401 lines before the tests"),
        ("worker/src/a.rs", &unfinished, "unfinished work"),
        ("worker/src/a.rs", "fn a() {}\n", "does not begin with"),
    ];
    for (path, text, expected) in table {
        let found = complaints(Path::new(path), text);
        assert!(found.len() == 1 && found[0].contains(expected), "{path}: {found:?}, expected {expected:?}");
    }
    assert_eq!(complaints(Path::new("worker/src/item.rs"), "//! Items.\n"), Vec::<String>::new());
}
