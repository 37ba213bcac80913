//! Hears dispatchers over gRPC: one stream each, dialled again when it breaks.
//!
//! Decides nothing and forgets a dispatcher only when it is told to: how old a report may be is
//! for others to say.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::Stream;
use imagejob_protocol::wire::reports_client::ReportsClient;
use imagejob_protocol::wire::{Control, Report};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tonic::codegen::http::Uri;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Status};

use crate::connection::{ConnectError, Connection, connect};
use crate::plan::Token;
use crate::seams::{Clock, Pace, Reading, Sensor, Targets};
use crate::track::Track;

/// Pause before the first new attempt; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// 64 KiB suffice for a thousand partitions; a report of 16,000 partitions fits too.
const LARGEST_REPORT: usize = 4 << 20;

/// Hears the dispatchers of one job over gRPC. Needs a tokio runtime; streams end when it is
/// dropped.
#[derive(Debug)]
pub struct GrpcSensor<K> {
    heard: Arc<Heard<K>>,
    streams: Mutex<Streams>,
}

/// What the streams have brought so far.
#[derive(Debug)]
struct Heard<K> {
    clock: K,
    /// Boxed because a map with one entry has room for eleven.
    tracks: Mutex<BTreeMap<String, Box<Track>>>,
    news: Notify,
}

/// The streams by address.
#[derive(Debug)]
struct Streams {
    by_address: BTreeMap<String, Listening>,
    control: watch::Sender<Control>,
}

/// A task that keeps a stream; ends with the value.
#[derive(Debug)]
struct Listening {
    token: Token,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<K: Clock + 'static> GrpcSensor<K> {
    /// A sensor that listens to nobody yet.
    pub fn new(clock: K) -> Self {
        let heard = Heard { clock, tracks: Mutex::default(), news: Notify::new() };
        let streams = Streams { by_address: BTreeMap::new(), control: watch::Sender::new(Control::default()) };
        Self { heard: Arc::new(heard), streams: Mutex::new(streams) }
    }
}

impl<K: Clock + 'static> Sensor for GrpcSensor<K> {
    fn listen(&self, targets: &Targets) {
        let mut streams = lock(&self.streams);
        let control = control(targets);
        streams.control.send_if_modified(|current| std::mem::replace(current, control) != control);
        let wanted = |address: &String, token: &Token| targets.addresses.contains(address) && *token == targets.token;
        streams.by_address.retain(|address, listening| wanted(address, &listening.token));
        lock(&self.heard.tracks).retain(|address, _| targets.addresses.contains(address));
        for address in &targets.addresses {
            if !streams.by_address.contains_key(address) {
                let stream = keep_listening(
                    address.clone(),
                    targets.token.clone(),
                    streams.control.subscribe(),
                    self.heard.clone(),
                );
                let listening = Listening { token: targets.token.clone(), task: tokio::spawn(stream) };
                streams.by_address.insert(address.clone(), listening);
            }
        }
    }

    fn readings(&self) -> Vec<Reading> {
        lock(&self.heard.tracks).values().filter_map(|track| track.reading()).collect()
    }

    fn changed(&self) -> impl Future<Output = ()> + Send {
        self.heard.news.notified()
    }
}

impl<K: Clock> Heard<K> {
    fn absorb(&self, address: &str, report: Report) {
        let received = self.clock.now();
        // A report that is on its way while its address is removed stays until the next `listen`.
        lock(&self.tracks).entry(address.to_owned()).or_default().absorb(received, report);
        self.news.notify_one();
    }
}

/// What dispatchers are told.
fn control(targets: &Targets) -> Control {
    let (suspended, records_per_second) = match targets.pace {
        Pace::Free => (false, None),
        Pace::Limited(limit) => (false, Some(limit.get())),
        Pace::Suspended => (true, None),
    };
    Control { peers_expected: targets.peers_expected, suspended, records_per_second }
}

/// The data behind a lock stays whole even where a holder panicked: each change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Dials an address again and again, and takes in what it reports.
async fn keep_listening<K: Clock>(
    address: String,
    token: Token,
    control: watch::Receiver<Control>,
    heard: Arc<Heard<K>>,
) {
    let mut failures = 0;
    loop {
        match listen_once(&address, &token, control.clone(), &heard).await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                tracing::debug!(%address, failures, %error, "no report stream");
            }
        }
        tokio::time::sleep(pause(&address, failures)).await;
    }
}

/// Why a stream could not be had.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error("{0} is not host:port")]
    Address(String),
    #[error("the token has characters that a header does not admit")]
    Token,
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the stream broke: {0}")]
    Stream(#[from] Box<Status>),
}

/// One stream from its beginning to its end; an error only if it never brought a report.
async fn listen_once<K: Clock>(
    address: &str,
    token: &Token,
    control: watch::Receiver<Control>,
    heard: &Heard<K>,
) -> Result<(), ListenError> {
    let origin: Uri = format!("http://{address}").parse().map_err(|_| ListenError::Address(address.to_owned()))?;
    let Connection { requests, driving } = connect(address).await?;
    let service = tower::service_fn(move |request| requests.clone().send_request(request));
    let mut client = ReportsClient::with_origin(service, origin).max_decoding_message_size(LARGEST_REPORT);
    let mut request = Request::new(newest(control));
    let bearer: MetadataValue<Ascii> = format!("Bearer {}", token.expose()).parse().map_err(|_| ListenError::Token)?;
    request.metadata_mut().insert("authorization", bearer);
    let mut any = false;
    let hearing = async {
        let mut reports = client.watch(request).await?.into_inner();
        while let Some(report) = reports.message().await? {
            any = true;
            heard.absorb(address, report);
        }
        Ok(())
    };
    tokio::select! {
        heard = hearing => match heard {
            Err(status) if !any => Err(Box::<Status>::new(status).into()),
            _ => Ok(()),
        },
        // The stream tells when the connection is over.
        never = async { drop(driving.await); pending::<Infallible>().await } => match never {},
    }
}

/// The control message now, and again whenever it changes.
fn newest(control: watch::Receiver<Control>) -> impl Stream<Item = Control> {
    futures::stream::unfold((control, true), |(mut control, first)| async move {
        if !first && control.changed().await.is_err() {
            return None;
        }
        let message = *control.borrow_and_update();
        Some((message, (control, false)))
    })
}

/// The pause before the next attempt: 50 ms doubled per failure up to 2 s, of which a part between
/// a half and the whole, different per address and attempt, so that not all dial at once.
fn pause(address: &str, failures: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE);
    let mut hasher = DefaultHasher::new();
    (address, failures).hash(&mut hasher);
    let share = 0.5 + (hasher.finish() % 1_000) as f64 / 2_000.0;
    longest.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_two_seconds_and_differ() {
        for failures in 0..40 {
            let longest = (50u64 << failures.min(10)).min(2_000);
            let pause = pause("10.0.0.7:9090", failures).as_millis() as u64;
            assert!(pause >= longest / 2 && pause <= longest, "{failures}: {pause} ms");
        }
        assert_ne!(pause("10.0.0.7:9090", 9), pause("10.0.0.8:9090", 9));
        assert_ne!(pause("10.0.0.7:9090", 9), pause("10.0.0.7:9090", 10));
    }
}
