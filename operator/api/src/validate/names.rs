//! The forms of names: objects, topics, buckets, pointers, broker addresses.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::problem::Problems;

/// Longest name of a job, so that names of its pods stay within 63 characters.
const LONGEST_JOB_NAME: usize = 40;

/// A DNS label, short enough to be part of others.
pub(super) fn object_name(metadata: &ObjectMeta, problems: &mut Problems) {
    let name = metadata.name.as_deref().unwrap_or_default();
    if let Some(namespace) = metadata.namespace.as_ref().filter(|namespace| !is_dns_label(namespace)) {
        problems.add("metadata.namespace", not_a_label(namespace));
    }
    if !is_dns_label(name) {
        problems.add("metadata.name", not_a_label(name));
    } else if name.len() > LONGEST_JOB_NAME {
        problems
            .add("metadata.name", format!("{name:?} has {} characters; use at most {LONGEST_JOB_NAME}", name.len()));
    }
}

/// True for `a-z 0-9 -`, 1 to 63 characters, with a letter or digit at each end (RFC 1123).
pub(super) fn is_dns_label(name: &str) -> bool {
    let inside = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    inside && (1..=63).contains(&name.len()) && !name.starts_with('-') && !name.ends_with('-')
}

/// The complaint about a name that is no DNS label.
pub(super) fn not_a_label(name: &str) -> String {
    format!("{name:?} is not a name; use a-z 0-9 -, with a letter or digit at each end")
}

/// A topic as Kafka admits it.
pub(super) fn topic(path: &str, name: &str, problems: &mut Problems) {
    let inside = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if !inside || !(1..=249).contains(&name.len()) || matches!(name, "." | "..") {
        problems.add(path, format!("{name:?} is not a topic name; use a-z A-Z 0-9 . _ -, 1 to 249 characters"));
    }
}

/// A bucket: one folder name or one bucket of an object store.
pub(super) fn bucket(path: &str, name: &str, problems: &mut Problems) {
    let inside = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if !inside || !(1..=255).contains(&name.len()) || name.starts_with('.') {
        problems.add(path, format!("{name:?} is not a bucket name; use a-z A-Z 0-9 . _ -, not beginning with a dot"));
    }
}

/// A JSON pointer that names something inside the message (RFC 6901).
pub(super) fn json_pointer(path: &str, pointer: &str, problems: &mut Problems) {
    let escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !pointer.starts_with('/') || !escaped {
        problems.add(path, format!("{pointer:?} is not a JSON pointer; write it like /photo/url"));
    }
}

/// `host:port,...`.
pub(super) fn bootstrap_servers(path: &str, servers: &str, problems: &mut Problems) {
    for server in servers.split(',').map(str::trim) {
        let parts = server.rsplit_once(':');
        let valid = parts.is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains(['/', ' ']) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !valid {
            problems.add(path, format!("{server:?} is not a broker address; write host:port, several with commas"));
        }
    }
}

/// Adds a problem for each name that was there before.
pub(super) fn unique<'a>(path: &str, names: impl Iterator<Item = &'a str>, problems: &mut Problems) {
    let mut seen = std::collections::BTreeSet::new();
    for (i, name) in names.enumerate() {
        if !seen.insert(name) {
            problems.add(&format!("{path}[{i}]"), format!("{name:?} is there already; keep one"));
        }
    }
}
