//! Objects that are written: one PUT each, which overwrites what was there. Whoever writes an output a second time
//! writes the same bytes, so a PUT whose answer was lost is simply made again.

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use imagejob_protocol::events::Object;

use super::Remote;
use crate::outcome::Failure;
use crate::storage::Written;
use crate::storage::address;
use crate::storage::answer;
use crate::storage::credentials::Key;
use crate::storage::trouble::{Deed, Patience, Trouble};

impl Remote {
    pub(in crate::storage) async fn write(
        &self,
        object: &Object,
        bytes: &Bytes,
        content_type: &'static str,
    ) -> Result<Written, Failure> {
        let written = self.insist(object, bytes, content_type).await;
        written.map_err(|trouble| trouble.into_failure(Deed::Write, object, &self.endpoint, u64::MAX))
    }

    async fn insist(&self, object: &Object, bytes: &Bytes, content_type: &str) -> Result<Written, Trouble> {
        let mut patience = Patience::new();
        loop {
            let key = self.keys.key().await?;
            match self.put(object, bytes.clone(), content_type, &key).await {
                Ok(written) => return Ok(written),
                Err(trouble) => self.rest(trouble, &key, &mut patience).await?,
            }
        }
    }

    async fn put(&self, object: &Object, bytes: Bytes, content_type: &str, key: &Key) -> Result<Written, Trouble> {
        let request = Request::put(address::url(&self.endpoint, self.addressing, object));
        let request = request.header(CONTENT_TYPE, content_type).body(bytes);
        let request = request.map_err(|error| Trouble::Unready(self.unusable(&error)))?;
        answer::written(self.send(request, object, key).await?).await
    }
}
