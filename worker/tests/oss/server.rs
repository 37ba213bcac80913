//! A store that speaks the dialect of OSS, as far as reading and writing objects goes: it computes signatures anew,
//! answers ranges and conditions, compares checksums, refuses in its XML, and misbehaves when a story says so. It
//! ends with its value.

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use md5::{Digest as _, Md5};
use tokio::runtime::Runtime;

use super::signature::Asked;

/// The region that signatures name.
pub const REGION: &str = "cn-hangzhou";
/// The key that the store knows.
pub const ACCESS_KEY_ID: &str = "LTAIofthestory";
/// What belongs to the key.
pub const SECRET: &str = "secret-of-the-story";

/// What the store does to the next request instead of what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refuses with a status and a word.
    Refuse(u16, &'static str),
    /// Sends so many bytes and hangs up.
    Cut(usize),
    /// Sends them one by one.
    Slow,
    /// Names another host.
    Redirect,
    /// Another version takes the object's place just before.
    Overwrite,
    /// Hangs up without an answer, after it has done what was asked.
    HangUp,
    /// A bit of what was sent is another when it arrives.
    Damage,
}

/// What a request asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub range: Option<String>,
    pub if_match: Option<String>,
    pub authorization: String,
}

/// What the store is.
#[derive(Default)]
pub struct World {
    objects: HashMap<(String, String), Stored>,
    versions: u64,
    /// What it does to the next requests, in order.
    pub faults: VecDeque<Fault>,
    /// What it was asked.
    pub seen: Vec<Seen>,
    /// The token that belongs to the key, if it is a temporary one.
    pub token: Option<String>,
    /// How far its clock is ahead.
    pub ahead: SignedDuration,
    /// The bucket that its host leads to, where that is the host of one.
    pub cname: Option<String>,
}

/// An object as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub bytes: Bytes,
    pub etag: String,
    /// What whoever wrote it said that it is.
    pub content_type: String,
}

impl World {
    /// Stores an object; its bucket is there from then on. The version's name, as events have it: without quotes.
    fn put(&mut self, bucket: &str, key: &str, bytes: Bytes) -> String {
        self.versions += 1;
        let etag = format!("{:032X}", self.versions);
        let stored = Stored { bytes, etag: etag.clone(), content_type: String::new() };
        self.objects.insert((bucket.to_owned(), key.to_owned()), stored);
        etag
    }

    /// An object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<&Stored> {
        self.objects.get(&(bucket.to_owned(), key.to_owned()))
    }

    /// Another version of the same length.
    fn overwrite(&mut self, bucket: &str, key: &str) {
        let place = (bucket.to_owned(), key.to_owned());
        if let Some(bytes) = self.objects.get(&place).map(|stored| stored.bytes.len()) {
            self.put(bucket, key, Bytes::from(vec![b'!'; bytes]));
        }
    }
}

/// A running store.
pub struct Oss {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    /// None once it ends.
    runtime: Option<Runtime>,
}

impl Oss {
    /// An empty store on a free port of this host.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(World::default()));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let routes = Router::new().fallback(answer).with_state(Arc::clone(&world));
        runtime.spawn(async { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await });
        Self { address, world, runtime: Some(runtime) }
    }

    /// Where it listens, as a job's `storage.endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it is, to look at and to change.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Stores an object, and names its version.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) -> String {
        self.world().put(bucket, key, bytes.into())
    }
}

impl Drop for Oss {
    fn drop(&mut self) {
        self.runtime.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// The files that a Secret with this key is mounted as.
pub fn write_secret(directory: &Path, access_key_id: &str, secret: &str) {
    std::fs::create_dir_all(directory).unwrap();
    std::fs::write(directory.join("accessKeyId"), access_key_id).unwrap();
    std::fs::write(directory.join("secretAccessKey"), format!("{secret}\n")).unwrap();
}

async fn answer(State(world): State<Arc<Mutex<World>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let sent = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let request = Request::from_parts(head, ());
    let mut world = world.lock().unwrap();
    let path = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8().unwrap();
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    world.seen.push(Seen {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        range: header("range"),
        if_match: header("if-match"),
        authorization: header("authorization").unwrap_or_default(),
    });
    let fault = world.faults.pop_front();
    let (bucket, key) = match &world.cname {
        Some(bucket) => (bucket.clone(), path[1..].to_owned()),
        None => path[1..].split_once('/').map(|(bucket, key)| (bucket.to_owned(), key.to_owned())).unwrap(),
    };
    let asked =
        Asked { method: request.method().as_str(), bucket: &bucket, key: &key, query: &[], headers: request.headers() };
    let response = match fault {
        Some(Fault::Refuse(status, code)) => Err((status, code, "0000-00000001")),
        Some(Fault::Redirect) => Ok(Response::builder()
            .status(StatusCode::TEMPORARY_REDIRECT)
            .header("location", "http://127.0.0.1:1/secret")
            .body(Body::empty())
            .unwrap()),
        _ if asked.method == "PUT" => admitted(&world, &asked).and_then(|()| put(&mut world, &asked, &sent, fault)),
        _ => admitted(&world, &asked).and_then(|()| {
            if fault == Some(Fault::Overwrite) {
                world.overwrite(&bucket, &key);
            }
            object(&world, &asked, fault)
        }),
    };
    let mut response = response.unwrap_or_else(|(status, code, ec)| refusal(status, code, ec));
    response.headers_mut().insert("date", date(now(&world)).parse().unwrap());
    drop(world);
    if fault == Some(Fault::HangUp) {
        // What ends this task ends its connection.
        std::panic::resume_unwind(Box::new("hangs up"));
    }
    response
}

type Refused = (u16, &'static str, &'static str);

/// Whether the request is signed with the key, now.
fn admitted(world: &World, asked: &Asked<'_>) -> Result<(), Refused> {
    let header = |name: &str| asked.headers.get(name).map_or("", |value| value.to_str().unwrap());
    let denied = (403, "AccessDenied", "0003-00000001");
    let wrong = (403, "SignatureDoesNotMatch", "0002-00000040");
    let authorization = header("authorization");
    let (id, given, computed, time) = if let Some(fields) = authorization.strip_prefix("OSS4-HMAC-SHA256 ") {
        let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name));
        let scope: Vec<_> = field("Credential=").ok_or(denied)?.split('/').collect();
        let [id, day, region, "oss", "aliyun_v4_request"] = scope[..] else { return Err(denied) };
        // The documents leave an empty list out.
        let further = field("AdditionalHeaders=");
        let time = header("x-oss-date");
        if region != REGION || !time.starts_with(day) || further == Some("") {
            return Err(wrong);
        }
        let further: Vec<_> = further.into_iter().flat_map(|list| list.split(';')).collect();
        let time = jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", time).and_then(|time| time.to_datetime());
        let time = time.and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC)).map_err(|_| denied)?;
        (id, field("Signature=").ok_or(denied)?, asked.v4(SECRET, region, &further), time.timestamp())
    } else {
        let (id, given) = authorization.strip_prefix("OSS ").and_then(|key| key.split_once(':')).ok_or(denied)?;
        let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(header("date")).map_err(|_| denied)?;
        (id, given, asked.v1(SECRET), time)
    };
    if id != ACCESS_KEY_ID {
        return Err((403, "InvalidAccessKeyId", "0002-00000902"));
    }
    if given != computed {
        return Err(wrong);
    }
    if now(world).duration_since(time).abs() > SignedDuration::from_mins(15) {
        return Err((403, "RequestTimeTooSkewed", "0002-00000504"));
    }
    let token = asked.headers.get("x-oss-security-token").map(|token| token.to_str().unwrap());
    if token == world.token.as_deref() { Ok(()) } else { Err((403, "InvalidSecurityToken", "0002-00000909")) }
}

fn object(world: &World, asked: &Asked<'_>, fault: Option<Fault>) -> Result<Response, Refused> {
    let header = |name: &str| asked.headers.get(name).map_or("", |value| value.to_str().unwrap());
    if !world.objects.keys().any(|(bucket, _)| bucket == asked.bucket) {
        return Err((404, "NoSuchBucket", "0015-00000101"));
    }
    let place = (asked.bucket.to_owned(), asked.key.to_owned());
    let Stored { bytes, etag, .. } = world.objects.get(&place).ok_or((404, "NoSuchKey", "0026-00000001"))?;
    let etag = format!("\"{etag}\"");
    if ![etag.as_str(), ""].contains(&header("if-match")) {
        return Err((412, "PreconditionFailed", "0026-00000011"));
    }
    if header("if-none-match") == etag {
        return Ok(Response::builder().status(304).header("etag", etag).body(Body::empty()).unwrap());
    }
    let (status, first, end) = match range(asked.headers) {
        Some((first, end)) if first < bytes.len() && end <= bytes.len() => (206, first, end),
        Some((first, end)) if header("x-oss-range-behavior") == "standard" => {
            if first >= bytes.len() || first >= end {
                return Err((416, "InvalidRange", "0026-00000021"));
            }
            (206, first, bytes.len())
        }
        // A range that is not within the object is as good as none, unless asked otherwise.
        _ => (200, 0, bytes.len()),
    };
    let response = Response::builder().status(status).header("etag", etag).header("content-length", end - first);
    let response = match status {
        206 => response.header("content-range", format!("bytes {first}-{}/{}", end - 1, bytes.len())),
        _ => response,
    };
    Ok(response.body(body(bytes.slice(first..end), fault)).unwrap())
}

/// Stores what was sent, if it is what was signed, and names the version.
fn put(world: &mut World, asked: &Asked<'_>, sent: &[u8], fault: Option<Fault>) -> Result<Response, Refused> {
    let header = |name: &str| asked.headers.get(name).map_or("", |value| value.to_str().unwrap());
    if !world.objects.keys().any(|(bucket, _)| bucket == asked.bucket) {
        return Err((404, "NoSuchBucket", "0015-00000101"));
    }
    let mut arrived = sent.to_vec();
    if let (Some(Fault::Damage), Some(byte)) = (fault, arrived.first_mut()) {
        *byte ^= 1;
    }
    // Those who send no checksum get no comparison; here everybody must.
    if header("content-md5") != BASE64_STANDARD.encode(Md5::digest(&arrived)) {
        return Err((400, "InvalidDigest", "0007-00000001"));
    }
    let etag = world.put(asked.bucket, asked.key, arrived.into());
    let place = (asked.bucket.to_owned(), asked.key.to_owned());
    header("content-type").clone_into(&mut world.objects.get_mut(&place).unwrap().content_type);
    Ok(Response::builder().status(200).header("etag", format!("\"{etag}\"")).body(Body::empty()).unwrap())
}

fn body(bytes: Bytes, fault: Option<Fault>) -> Body {
    match fault {
        Some(Fault::Cut(after)) => {
            let sent = futures::stream::iter([Ok(bytes.slice(..after)), Err(std::io::Error::other("cut"))]);
            Body::from_stream(sent.then(|part| async {
                // What was sent before is on its way before the connection ends.
                tokio::task::yield_now().await;
                part
            }))
        }
        Some(Fault::Slow) => Body::from_stream(futures::stream::iter(0..bytes.len()).then(move |at| {
            let byte = bytes.slice(at..=at);
            async {
                tokio::task::yield_now().await;
                Ok::<_, std::io::Error>(byte)
            }
        })),
        _ => Body::from(bytes),
    }
}

fn refusal(status: u16, code: &str, ec: &str) -> Response {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>\n  <Code>{code}</Code>\n  <Message>of {code}</Message>\n  \
         <RequestId>5C3D9175B6FC201293AD****</RequestId>\n  <HostId>oss</HostId>\n  <EC>{ec}</EC>\n</Error>\n"
    );
    Response::builder().status(status).header("content-type", "application/xml").body(Body::from(body)).unwrap()
}

/// `bytes=0-4`, half open; one without an end, or several, nobody asks for here.
fn range(headers: &HeaderMap) -> Option<(usize, usize)> {
    let (first, last) = headers.get("range")?.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse::<usize>().ok()? + 1))
}

#[allow(clippy::disallowed_methods)] // The store has a clock of its own.
fn now(world: &World) -> Timestamp {
    Timestamp::now() + world.ahead
}

fn date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
