//! A store over HTTP, as it is read; [`write`] is its other half. A small object is one GET whose headers tell the size before a byte is kept; a large
//! one is read in parts at the same time, all of one version, into one piece of memory or one file.

mod write;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Request;
use http::header::{IF_MATCH, IF_NONE_MATCH, RANGE};
use imagejob_protocol::events::Object;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{Access, Addressing, OssSignature};
use reqwest::{Client, Response};
use tracing::warn;

use super::address;
use super::answer::{Answer, told};
use super::budget::Budget;
use super::content::{self, Content, LARGE, Part, Spilled};
use super::credentials::{Key, Keys};
use super::identity::Family;
use super::sign::Dialect;
use super::trouble::{Deed, Patience, Trouble};
use super::{Found, Reading};
use crate::outcome::Failure;
use crate::transport;

/// Bytes asked for at once. A part that breaks off is little to ask for again, and most photos are one.
const PART: u64 = LARGE;
/// Parts of one object on their way at the same time.
const PARTS_AT_ONCE: usize = 4;
/// An object that is overwritten while it is read is begun anew, so many times in all.
const READINGS: usize = 3;
/// HTTP's word for a version that the asker has.
const NOT_MODIFIED: u16 = 304;

#[derive(Debug)]
pub(super) struct Remote {
    endpoint: String,
    addressing: Addressing,
    dialect: Dialect,
    keys: Keys,
    /// Made with the first read: a worker is ready before it has looked at certificates.
    client: OnceLock<Client>,
}

impl Remote {
    pub(super) fn s3(endpoint: &str, region: &str, addressing: Addressing, access: &Access) -> Self {
        Self::new(endpoint, addressing, Dialect::s3(region), Keys::new(access, Family::Aws))
    }

    pub(super) fn oss(endpoint: &str, signature: &OssSignature, addressing: Addressing, access: &Access) -> Self {
        Self::new(endpoint, addressing, Dialect::oss(signature), Keys::new(access, Family::Aliyun))
    }

    fn new(endpoint: &str, addressing: Addressing, dialect: Dialect, keys: Keys) -> Self {
        Self { endpoint: endpoint.to_owned(), addressing, dialect, keys, client: OnceLock::new() }
    }

    /// `None` if the object still is of the version that is known.
    pub(super) async fn read(
        &self,
        object: &Object,
        mut reading: Reading<'_>,
        limit: u64,
        budget: &Budget,
    ) -> Result<Option<Found>, Failure> {
        let mut readings = 1;
        loop {
            match self.read_once(object, reading, limit, budget).await {
                Ok(found) => return Ok(Some(found)),
                Err(Trouble::Refused(refusal))
                    if refusal.status == NOT_MODIFIED && matches!(reading, Reading::Unless(_)) =>
                {
                    return Ok(None);
                }
                // The event names no version: the present one is as good.
                Err(Trouble::Changed) if object.etag.is_none() && readings < READINGS => readings += 1,
                Err(Trouble::NoRoom(error)) if reading == Reading::Through => {
                    warn!("{} goes to memory, as its temporary file takes no more: {error}", object.path());
                    reading = Reading::Whole;
                }
                Err(trouble) => return Err(trouble.into_failure(Deed::Read, object, &self.endpoint, limit)),
            }
        }
    }

    async fn read_once(
        &self,
        object: &Object,
        reading: Reading<'_>,
        limit: u64,
        budget: &Budget,
    ) -> Result<Found, Trouble> {
        let named = object.etag.as_deref();
        // No header can carry it, and no version is called so.
        if named.is_some_and(|etag| !etag.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Trouble::Changed);
        }
        let wanted = match (named, reading) {
            (Some(etag), _) => Wanted::Only(etag),
            (None, Reading::Unless(etag)) => Wanted::Other(etag),
            (None, Reading::Whole | Reading::Through) => Wanted::Any,
        };
        let first = self.begin(object, 0..PART, wanted, &mut Patience::new()).await?;
        let (total, etag) = (first.total, first.etag.clone());
        if total > limit {
            return Err(Trouble::TooLarge { bytes: total });
        }
        let admission = budget.admit(total).await;
        let file = if reading == Reading::Through && total > LARGE { content::file().await } else { None };
        let mut memory = BytesMut::zeroed(if file.is_some() { 0 } else { total as usize });
        let mut room = |Range { start, end }: Range<u64>| {
            let length = (end - start) as usize;
            match &file {
                Some(file) => Part::File { file: Arc::clone(file), start, length },
                None => Part::Memory(memory.split_to(length)),
            }
        };
        let end = first.range.end;
        let rest = (0..).map(|i| end + i * PART).take_while(|&start| start < total);
        let mut parts: Vec<_> = rest.map(|start| (start..total.min(start + PART), None)).collect();
        parts.insert(0, (0..end, Some(first)));
        // Without its name, parts of another version would be taken for parts of this one.
        if etag.is_none() && parts.len() > 1 {
            return Err(Trouble::Broken("its answer has no ETag, which a large object cannot do without".to_owned()));
        }
        let version = Version { etag: etag.clone(), total };
        let parts: Vec<_> = parts.into_iter().map(|(range, answer)| (range.start, room(range), answer)).collect();
        let parts = parts.into_iter().map(|(start, part, answer)| self.fill(object, &version, start, part, answer));
        // The parts in memory were cut from one piece of it: joining them copies nothing.
        let join = |mut whole: BytesMut, part| async move {
            if let Part::Memory(part) = part {
                whole.unsplit(part);
            }
            Ok(whole)
        };
        let whole = stream::iter(parts).buffered(PARTS_AT_ONCE).try_fold(BytesMut::new(), join).await?;
        let content = match file {
            Some(file) => Content::File(Spilled::new(file, total, admission)),
            None => Content::Memory(admission.hold(whole.freeze())),
        };
        Ok(Found { content, etag })
    }

    /// Fills `part`, which begins at byte `start`; what breaks off is asked for again from there on.
    async fn fill(
        &self,
        object: &Object,
        version: &Version,
        start: u64,
        mut part: Part,
        mut answer: Option<Answer>,
    ) -> Result<Part, Trouble> {
        let mut patience = Patience::new();
        let mut filled = 0;
        while filled < part.length() {
            let answer = if let Some(answer) = answer.take() {
                answer
            } else {
                // Bytes of a version without a name are not mixed with others.
                filled = if version.etag.is_some() { filled } else { 0 };
                let rest = start + filled as u64..start + part.length() as u64;
                let wanted = version.etag.as_deref().map_or(Wanted::Any, Wanted::Only);
                self.begin(object, rest, wanted, &mut patience).await?
            };
            if answer.total != version.total || answer.etag != version.etag {
                return Err(Trouble::Changed);
            }
            if let Err(trouble) = answer.receive(&mut part, &mut filled).await {
                patience.after(trouble).await?;
            }
        }
        Ok(part)
    }

    /// Asks for a range until an answer begins.
    async fn begin(
        &self,
        object: &Object,
        range: Range<u64>,
        wanted: Wanted<'_>,
        patience: &mut Patience,
    ) -> Result<Answer, Trouble> {
        loop {
            let key = self.keys.key().await?;
            match self.ask(object, &range, wanted, &key).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => self.rest(trouble, &key, patience).await?,
            }
        }
    }

    /// Returns when it is worth asking again: with another key at once, else after a pause.
    ///
    /// # Errors
    /// `trouble`, if it is not.
    async fn rest(&self, trouble: Trouble, key: &Key, patience: &mut Patience) -> Result<(), Trouble> {
        match trouble.verdict_on_the_key() {
            Some(verdict) if self.keys.renewed(key, verdict).await? => Ok(()),
            _ => patience.after(trouble).await,
        }
    }

    async fn ask(&self, object: &Object, range: &Range<u64>, wanted: Wanted<'_>, key: &Key) -> Result<Answer, Trouble> {
        let unusable = |error: &dyn std::fmt::Display| Trouble::Unready(self.unusable(error));
        let request = Request::get(address::url(&self.endpoint, self.addressing, object));
        let mut request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        request = match wanted {
            Wanted::Any => request,
            Wanted::Only(etag) => request.header(IF_MATCH, quoted(etag)),
            Wanted::Other(etag) => request.header(IF_NONE_MATCH, quoted(etag)),
        };
        let request = request.body(Bytes::new()).map_err(|error| unusable(&error))?;
        Answer::of(self.send(request, object, key).await?, range.start).await
    }

    /// Signs a request and takes its answer, whatever that is.
    async fn send(&self, request: Request<Bytes>, object: &Object, key: &Key) -> Result<Response, Trouble> {
        let unusable = |error: &dyn std::fmt::Display| Trouble::Unready(self.unusable(error));
        let (mut head, body) = request.into_parts();
        self.dialect.sign(&mut head, &body, object, key).await.map_err(|error| unusable(&error))?;
        let request = reqwest::Request::try_from(Request::from_parts(head, body)).map_err(|error| unusable(&error))?;
        self.client()?.execute(request).await.map_err(|error| Trouble::Broken(told(&error)))
    }

    fn client(&self) -> Result<&Client, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = transport::store(&self.endpoint).map_err(|error| self.unusable(&error))?;
        Ok(self.client.get_or_init(|| client))
    }

    fn unusable(&self, error: &dyn std::fmt::Display) -> Failure {
        Failure::new(FailureReason::StoreUnavailable, format!("{} cannot be used: {error}", self.endpoint))
    }
}

/// Which version of an object is asked for.
#[derive(Debug, Clone, Copy)]
enum Wanted<'a> {
    Any,
    Only(&'a str),
    /// Any but this one.
    Other(&'a str),
}

/// What all parts of an object must be of.
struct Version {
    etag: Option<String>,
    total: u64,
}

/// Events leave out the quotes that a header needs.
fn quoted(etag: &str) -> String {
    if etag.ends_with('"') { etag.to_owned() } else { format!("\"{etag}\"") }
}
