//! Which poster of a set does the photo show, where a message names none, or perhaps the wrong one?
//!
//! The set is a text in the store with the place of a reference a line, so that it can change without a new job.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::wire::FailureClass;
use imagejob_vision::poster::{Candidate, Gallery, Reference, Verdict, wanted};
use imagejob_vision::registration::View;
use imagejob_vision::{Caps, decode};
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use tracing::warn;

use super::Found;
use super::poster_match::{REFERENCE_SIDE, SEED, entry, thousandths};
use crate::clock;
use crate::decode::{Cores, Photo};
use crate::outcome::Failure;
use crate::references::References;
use crate::storage::Store;

/// References of a set at most; ready they are 0.25 GB.
const MOST: usize = 1_000;

/// The list is looked at again after this time.
const LIST_FRESH: Duration = Duration::from_mins(1);

/// Its pictures after this: a thousand answers of the store, for each worker.
const PICTURE_FRESH: Duration = Duration::from_mins(10);

/// References that are read at the same time.
const READ_AT_ONCE: usize = 8;

/// Of those that are left out, so many are named.
const NAMED: usize = 10;

/// A step with its set.
pub(super) struct PosterSearch {
    set: String,
    top: usize,
    lists: References<Vec<String>>,
    pictures: References<Reference>,
    shelf: Mutex<Option<(Instant, Arc<Shelf>)>>,
}

/// The references of a set as they are now.
struct Shelf {
    uris: Vec<String>,
    references: Vec<Arc<Reference>>,
    gallery: Gallery,
    left_out: Vec<LeftOut>,
}

/// A line of the list that no photo is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LeftOut {
    uri: String,
    reason: FailureReason,
}

impl PosterSearch {
    pub(super) fn new(set: &str, top: u32, store: &Arc<Store>) -> Self {
        Self {
            set: set.to_owned(),
            top: top as usize,
            lists: References::keeping(1, LIST_FRESH, Arc::clone(store)),
            pictures: References::keeping(MOST, PICTURE_FRESH, Arc::clone(store)),
            shelf: Mutex::default(),
        }
    }

    /// Reads the references, so that the first photo does not wait for them. A set that cannot be had stops nobody.
    pub(super) async fn ready(&self, cores: &Cores) {
        if let Err(Failure { reason, message }) = self.shelf(cores).await {
            warn!(%reason, "{message}");
        }
    }

    /// What `posterMatch` says of the best one, and `candidates: [{reference, verdict, score}]`; `leftOut:
    /// [{reference, reason}]` if there are such.
    pub(super) async fn run(&self, photo: &Arc<Photo>, cores: &Cores) -> Result<Found, Failure> {
        let shelf = self.shelf(cores).await?;
        let (photo, asked, top) = (Arc::clone(photo), Arc::clone(&shelf), self.top);
        let found = cores.run(move || asked.gallery.search(&View::of(&photo), top, SEED)).await?;
        // A gallery is never empty, so there is a best one.
        let usable = found.first().is_some_and(|best| best.comparison.verdict == Verdict::Match);
        Ok(Found { entry: told(&found, &shelf), usable })
    }

    /// One photo asks the store, others wait for it.
    async fn shelf(&self, cores: &Cores) -> Result<Arc<Shelf>, Failure> {
        let mut kept = self.shelf.lock().await;
        if let Some((_, shelf)) = kept.as_ref().filter(|(read, _)| read.elapsed() < LIST_FRESH) {
            return Ok(Arc::clone(shelf));
        }
        let shelf = self.read(kept.as_ref().map(|(_, shelf)| shelf), cores).await?;
        *kept = Some((clock::now(), Arc::clone(&shelf)));
        Ok(shelf)
    }

    /// The set as it is in the store, `before` if it still is the same.
    async fn read(&self, before: Option<&Arc<Shelf>>, cores: &Cores) -> Result<Arc<Shelf>, Failure> {
        let listed = self.lists.get(&self.set, &self.set, cores, listed).await?;
        let read = stream::iter(listed.iter().cloned()).map(|uri| async move {
            let found = self.pictures.get(&uri, &uri, cores, prepare).await;
            (uri, found)
        });
        let read: Vec<(String, Result<Arc<Reference>, Failure>)> = read.buffered(READ_AT_ONCE).collect().await;
        let (mut uris, mut references, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for (uri, found) in read {
            match found {
                Ok(reference) => {
                    uris.push(uri);
                    references.push(reference);
                }
                // Nobody's photo has to wait until somebody corrects a line of the list.
                Err(failure) if is_its_own(failure.reason) => {
                    warn!(reason = %failure.reason, "{} is left out of {}: {}", uri, self.set, failure.message);
                    left_out.push(LeftOut { uri, reason: failure.reason });
                }
                Err(failure) => return Err(failure),
            }
        }
        if references.is_empty() {
            let first =
                left_out.first().map_or(String::new(), |first| format!(", {} because of {}", first.uri, first.reason));
            let message = format!("no reference of {} can be used{first}; correct the list", self.set);
            return Err(Failure::new(FailureReason::ReferenceUnusable, message));
        }
        let same = |shelf: &&Arc<Shelf>| {
            let pairs = shelf.references.iter().zip(&references);
            shelf.uris == uris && shelf.left_out == left_out && pairs.into_iter().all(|(a, b)| Arc::ptr_eq(a, b))
        };
        if let Some(shelf) = before.filter(same) {
            return Ok(Arc::clone(shelf));
        }
        cores
            .run(move || {
                let gallery = Gallery::of(references.clone());
                Arc::new(Shelf { uris, references, gallery, left_out })
            })
            .await
    }
}

/// What is wrong with one reference, as opposed to the store: others can be used meanwhile.
fn is_its_own(reason: FailureReason) -> bool {
    reason == FailureReason::ObjectMissing || reason.class() == FailureClass::Permanent
}

/// One place a line; empty lines and what begins with `#` are passed over.
fn listed(bytes: &Bytes) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8 text; write one reference a line".to_owned())?;
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut uris: Vec<String> = Vec::new();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if !uris.iter().any(|uri| uri == line) {
            uris.push(line.to_owned());
        }
        if uris.len() > MOST {
            return Err(format!("it lists more than {MOST} references; make several jobs of it"));
        }
    }
    if uris.is_empty() { Err("it lists nothing; write one reference a line".to_owned()) } else { Ok(uris) }
}

fn prepare(bytes: &Bytes) -> Result<Reference, String> {
    let poster = decode::photo(bytes, &Caps::default(), wanted(REFERENCE_SIDE)).map_err(|error| error.to_string())?;
    Reference::prepare_lean(&poster).map_err(|error| error.to_string())
}

fn told(found: &[Candidate], shelf: &Shelf) -> Map<String, Value> {
    let mut told = found.first().map(|best| entry(&best.comparison, &shelf.uris[best.index])).unwrap_or_default();
    let candidate = |candidate: &Candidate| {
        let Candidate { index, comparison } = candidate;
        json!({
            "reference": shelf.uris[*index],
            "verdict": comparison.verdict.as_str(),
            "score": thousandths(comparison.score),
        })
    };
    told.insert("candidates".to_owned(), found.iter().map(candidate).collect());
    // The photo may show one of those that are left out: then nobody can say that it shows none.
    let best = found.first().map(|best| best.comparison.verdict);
    if !shelf.left_out.is_empty() {
        if best == Some(Verdict::Mismatch) {
            told.insert("verdict".to_owned(), Verdict::Unsure.as_str().into());
            told.insert("causes".to_owned(), json!(["LeftOut"]));
        }
        let named = shelf.left_out.iter().take(NAMED);
        let named: Vec<Value> = named.map(|one| json!({"reference": one.uri, "reason": one.reason.as_str()})).collect();
        told.insert("leftOut".to_owned(), named.into());
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_a_place_a_line() {
        let many: String = (0..=MOST).map(|i| format!("oss://posters/{i}.jpg\n")).collect();
        for (text, expected) in [
            ("oss://a/1.jpg\noss://a/2.jpg", Ok(vec!["oss://a/1.jpg", "oss://a/2.jpg"])),
            ("\u{feff}# of May\r\n\r\n  oss://a/1.jpg \r\noss://a/1.jpg\r\n", Ok(vec!["oss://a/1.jpg"])),
            ("# none yet\n", Err("it lists nothing; write one reference a line")),
            (&many, Err("it lists more than 1000 references; make several jobs of it")),
        ] {
            let found = listed(&Bytes::from(text.to_owned()));
            let expected = expected.map(|uris| uris.into_iter().map(str::to_owned).collect());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        assert!(listed(&Bytes::from_static(&[0xFF])).is_err_and(|why| why.contains("UTF-8")));
    }
}
