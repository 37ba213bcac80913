//! An access key, as the files of a Secret say it.

use std::path::Path;

/// An access key. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    /// Belongs to temporary keys.
    pub(super) session_token: Option<String>,
}

impl Credentials {
    /// Reads the files as they are now: whoever rotates the key writes them anew.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(super) fn read(directory: &Path) -> Result<Self, String> {
        Ok(Self {
            access_key_id: file(directory, "accessKeyId")?,
            secret_access_key: file(directory, "secretAccessKey")?,
            session_token: match std::fs::exists(directory.join("sessionToken")) {
                Ok(true) => Some(file(directory, "sessionToken")?),
                _ => None,
            },
        })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// The text of a file without the line end that editors and `echo` leave behind.
fn file(directory: &Path, key: &str) -> Result<String, String> {
    let path = directory.join(key);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!("{key} cannot be read from {}: {error}; does the storage Secret have the key {key}?", path.display())
    })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
