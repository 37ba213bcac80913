//! Who may talk to a dispatcher: whoever has the job's token.

use tonic::Status;
use tonic::metadata::MetadataMap;

/// The job's token.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// Surrounding white space, as files have it, does not belong to a token.
    pub(crate) fn new(token: &str) -> Self {
        Self(token.trim().to_owned())
    }

    /// Requires `authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` without it or with another.
    #[allow(clippy::result_large_err, reason = "tonic's handlers return a Status")]
    pub(crate) fn check(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
        match header.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(given) if self.equals(given) => Ok(()),
            Some(_) => Err(Status::unauthenticated("the token is not that of this job")),
            None => Err(Status::unauthenticated("the call carries no bearer token")),
        }
    }

    /// Looks at every byte, so that the time taken does not tell how many were right.
    fn equals(&self, given: &str) -> bool {
        let (expected, given) = (self.0.as_bytes(), given.as_bytes());
        let differences = expected.iter().zip(given).fold(0, |differ, (a, b)| differ | (a ^ b));
        expected.len() == given.len() && differences == 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_the_jobs_token_opens() {
        let token = Token::new("s3cret\n");
        let cases = [
            (Some("Bearer s3cret"), true),
            (Some("Bearer s3cre"), false),
            (Some("Bearer s3creT"), false),
            (Some("Bearer "), false),
            (Some("s3cret"), false),
            (None, false),
        ];
        for (header, opens) in cases {
            let mut metadata = MetadataMap::new();
            if let Some(header) = header {
                metadata.insert("authorization", header.parse().unwrap());
            }
            assert_eq!(token.check(&metadata).is_ok(), opens, "{header:?}");
        }
    }
}
