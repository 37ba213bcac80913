//! What a store answers: to a GET of a range the bytes that follow, and of what; to a PUT that it is done; or its
//! refusal.

use std::ops::Range;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, LOCATION};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::{Response, StatusCode};

use super::Written;
use super::content::Part;
use super::trouble::{Refusal, Trouble};
use crate::clock;

/// A refusal is longer than this only if it is none of a store.
const MAX_REFUSAL_BYTES: usize = 16 << 10;

/// Bytes of an object that are on their way.
#[derive(Debug)]
pub(super) struct Answer {
    body: Response,
    /// Which of the object's bytes.
    pub(super) range: Range<u64>,
    /// Bytes of the object.
    pub(super) total: u64,
    /// Names this version of the object.
    pub(super) etag: Option<String>,
}

impl Answer {
    /// Takes the answer to a request for the bytes from `start` on.
    pub(super) async fn of(response: Response, start: u64) -> Result<Self, Trouble> {
        let headers = response.headers();
        let ranged = match response.status() {
            StatusCode::PARTIAL_CONTENT => text(headers, &CONTENT_RANGE).and_then(content_range),
            // The store, or this one, has no ranges: here comes all of it.
            StatusCode::OK => text(headers, &CONTENT_LENGTH).and_then(|all| all.parse().ok()).map(|all| (0..all, all)),
            StatusCode::PRECONDITION_FAILED => return Err(Trouble::Changed),
            _ => return Err(Trouble::Refused(refusal(response).await)),
        };
        let etag = text(headers, &ETAG).map(str::to_owned);
        match ranged {
            Some((range, total)) if range.start == start && range.end <= total => {
                Ok(Self { body: response, range, total, etag })
            }
            _ => Err(Trouble::Broken(format!("it does not say which bytes from byte {start} on it sends"))),
        }
    }

    /// Puts the bytes into `part` behind the `filled` ones, and counts them there.
    ///
    /// # Errors
    /// They break off, or are too many; there is no room for them.
    pub(super) async fn receive(mut self, part: &mut Part, filled: &mut usize) -> Result<(), Trouble> {
        let broken = |error: reqwest::Error| Trouble::Broken(told(&error));
        while let Some(chunk) = self.body.chunk().await.map_err(broken)? {
            let length = chunk.len();
            if length > part.length() - *filled {
                return Err(Trouble::Broken("it sends more than it said".to_owned()));
            }
            part.put(*filled, chunk).await.map_err(Trouble::NoRoom)?;
            *filled += length;
        }
        if *filled == part.length() { Ok(()) } else { Err(Trouble::Broken("it broke off".to_owned())) }
    }
}

/// Takes the answer to a PUT.
pub(super) async fn written(response: Response) -> Result<Written, Trouble> {
    if !response.status().is_success() {
        return Err(Trouble::Refused(refusal(response).await));
    }
    // As events have it: without quotes.
    let etag = text(response.headers(), &ETAG).map(|etag| etag.trim_matches('"').to_owned());
    Ok(Written { etag })
}

/// An error of a connection with its causes.
pub(super) fn told(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        let sentence = error.to_string();
        if !text.contains(&sentence) {
            text = if text.is_empty() { sentence } else { format!("{text}: {sentence}") };
        }
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

async fn refusal(mut response: Response) -> Refusal {
    let headers = response.headers();
    let date = text(headers, &DATE).and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    let mut refusal = Refusal {
        status: response.status().as_u16(),
        location: text(headers, &LOCATION).map(str::to_owned),
        ahead: date.map(|date: Timestamp| clock::timestamp().duration_since(date)),
        ..Refusal::default()
    };
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_REFUSAL_BYTES {
            break;
        }
    }
    let body = String::from_utf8_lossy(&body);
    refusal.code = element(&body, "Code");
    refusal.message = element(&body, "Message");
    let trace = element(&body, "EC").map(|ec| format!("EC {ec}"));
    refusal.trace = trace.or_else(|| element(&body, "RequestId").map(|id| format!("request {id}")));
    refusal
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// `bytes 0-4/9`: the range, half open, and the whole.
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?, total.parse().ok()?))
}

/// The text of the first element of a name, of a flat and short XML document; control characters have no
/// place in a sentence.
fn element(xml: &str, name: &str) -> Option<String> {
    let rest = xml.split_once(&format!("<{name}>"))?.1;
    let text: String = rest.split_once("</")?.0.chars().filter(|c| !c.is_control()).take(300).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_half_open() {
        assert_eq!(content_range("bytes 0-4/9"), Some((0..5, 9)));
        for nonsense in ["bytes */9", "bytes 0-4/*", "0-4/9", "bytes 0-18446744073709551615/9", ""] {
            assert_eq!(content_range(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn elements_are_read_from_any_text() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>not\nthere</Message><EC/></Error>";
        assert_eq!(element(xml, "Code").as_deref(), Some("NoSuchKey"));
        assert_eq!(element(xml, "Message").as_deref(), Some("notthere"));
        for (text, name) in [(xml, "EC"), (xml, "HostId"), ("<Code>", "Code"), ("<Code></Code>", "Code"), ("", "Code")]
        {
            assert_eq!(element(text, name), None, "{text} {name}");
        }
    }
}
