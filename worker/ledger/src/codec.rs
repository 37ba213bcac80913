//! The ledger as text: what stands in the metadata of a committed offset.
//!
//! ```text
//! IJ1.<base>.<topic id>.<B|R><marks>.<attempts>.<CRC-32>
//! IJ1.1000..RAQOoArwF..f0325c75
//! ```
//!
//! * `IJ1`: magic and version. Another version is not read.
//! * `base`: the committed offset, decimal. A tool that copies offsets to another topic or cluster
//!   changes the offset and keeps this text, which then says so.
//! * topic id: 16 bytes, or empty where the broker does not tell it.
//! * marks: `B` a bitmap (bit i of byte i/8, low bits first, is offset base + i), or `R` run-lengths:
//!   unfinished, finished, unfinished, finished ... as LEB128. The shorter of the two; `R` on a tie.
//! * attempts: distance from the previous such offset (the first from `base`), failures, losses,
//!   as LEB128.
//! * CRC-32 (IEEE) of everything before it, eight hexadecimal digits.
//!
//! Binary fields are base64url without padding: Kafka stores metadata as a string, and brokers
//! limit it to 4,096 characters by default (`offset.metadata.max.bytes`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::varint;
use crate::window::{Attempts, Window};

/// Most characters that [`encode`] returns. Leaves a quarter of the broker's 4,096 unused.
pub const MAX_ENCODED_LEN: usize = 3_072;

const MAGIC: &str = "IJ";
const VERSION: &str = "1";

/// Everything but marks and attempts, at its longest: `IJ1.` 4, base 19, dot, topic id 22, dot, kind
/// 1, dot, dot, CRC-32 8.
const ENVELOPE_LEN: usize = 4 + 19 + 1 + 22 + 1 + 1 + 1 + 1 + 8;

/// Bytes of marks that always fit: 3,014 characters of base64 carry 2,260 bytes.
pub(crate) const MARKS_BUDGET: u64 = ((MAX_ENCODED_LEN - ENVELOPE_LEN) * 6 / 8) as u64;

/// A topic's identity, which differs from that of a deleted topic of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TopicId(pub [u8; 16]);

/// A window and the topic it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Finished offsets and attempts.
    pub window: Window,
    /// The topic, where the writer knew it.
    pub topic: Option<TopicId>,
}

/// The finished marks do not fit into [`MAX_ENCODED_LEN`] characters. Not reached while only offsets
/// that [`Window::admits`] allowed are finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the finished offsets beyond {base} do not fit into {MAX_ENCODED_LEN} characters; commit again when it has moved"
)]
pub struct WindowFull {
    /// The lowest unfinished offset, which holds the window open.
    pub base: i64,
}

/// Why a text is not a ledger that this version reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Written by something else.
    #[error("the metadata was not written by a dispatcher")]
    Foreign,
    /// Written by another version.
    #[error("the ledger has another version")]
    Version,
    /// The checksum does not match: cut off or changed.
    #[error("the ledger is cut off or changed: its checksum does not match")]
    Checksum,
    /// The checksum matches and the content makes no sense.
    #[error("the ledger makes no sense")]
    Malformed,
}

/// Writes a window as text of at most [`MAX_ENCODED_LEN`] ASCII characters.
///
/// All finished marks are written. Where the attempts do not fit as well, the smallest counts are
/// left out: the record is then tried once more than it should be.
///
/// # Errors
///
/// [`WindowFull`] when the marks alone are too long.
pub fn encode(window: &Window, topic: Option<TopicId>) -> Result<String, WindowFull> {
    let topic = topic.map(|id| URL_SAFE_NO_PAD.encode(id.0)).unwrap_or_default();
    let (kind, marks) = encode_marks(window);
    let mut text = format!("{MAGIC}{VERSION}.{}.{topic}.{kind}", window.base());
    URL_SAFE_NO_PAD.encode_string(marks, &mut text);
    text.push('.');
    let room = MAX_ENCODED_LEN.checked_sub(text.len() + ".00000000".len()).ok_or(WindowFull { base: window.base() })?;
    URL_SAFE_NO_PAD.encode_string(encode_attempts(window, room * 6 / 8), &mut text);
    text.push('.');
    let checksum = checksum(&text);
    text.push_str(&checksum);
    Ok(text)
}

/// Reads what [`encode`] wrote. Whether it belongs to this partition is for
/// [`restore`](crate::restore) to judge.
///
/// # Errors
///
/// A [`Damage`] for everything else; nothing is then known to be finished.
pub fn decode(text: &str) -> Result<Ledger, Damage> {
    let (version, _) = text.strip_prefix(MAGIC).and_then(|rest| rest.split_once('.')).ok_or(Damage::Foreign)?;
    if version != VERSION {
        return Err(Damage::Version);
    }
    let checksum_at = text.len().checked_sub(8).filter(|&at| text.is_char_boundary(at));
    let (body, checksum) = checksum_at.map(|at| text.split_at(at)).ok_or(Damage::Checksum)?;
    if checksum != self::checksum(body) {
        return Err(Damage::Checksum);
    }
    decode_body(body).ok_or(Damage::Malformed)
}

fn decode_body(body: &str) -> Option<Ledger> {
    let mut fields = body.split('.').skip(1);
    let base = fields.next()?;
    let topic = fields.next()?;
    let marks = fields.next()?;
    let attempts = fields.next()?;
    if fields.next() != Some("") || fields.next().is_some() {
        return None;
    }
    let mut window = Window::new(decode_base(base)?);
    let topic = match topic {
        "" => None,
        id => Some(TopicId(URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?)),
    };
    match marks.split_at_checked(1)? {
        ("B", bitmap) => decode_bitmap(&URL_SAFE_NO_PAD.decode(bitmap).ok()?, &mut window)?,
        ("R", runs) => decode_runs(&URL_SAFE_NO_PAD.decode(runs).ok()?, &mut window)?,
        _ => return None,
    }
    decode_attempts(&URL_SAFE_NO_PAD.decode(attempts).ok()?, &mut window)?;
    Some(Ledger { window, topic })
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

/// Digits only: `parse` alone would also take `+7` and `007`.
fn decode_base(text: &str) -> Option<i64> {
    let base: i64 = text.parse().ok()?;
    (base >= 0 && base.to_string() == text).then_some(base)
}

fn encode_marks(window: &Window) -> (char, Vec<u8>) {
    let runs = encode_runs(window);
    let bitmap_len = (window.top() - window.base()).unsigned_abs().div_ceil(8);
    if bitmap_len < runs.len() as u64 { ('B', encode_bitmap(window)) } else { ('R', runs) }
}

fn encode_runs(window: &Window) -> Vec<u8> {
    let mut out = Vec::new();
    let mut end = window.base();
    for run in window.runs() {
        varint::push(&mut out, (run.start - end).unsigned_abs());
        varint::push(&mut out, (run.end - run.start).unsigned_abs());
        end = run.end;
    }
    out
}

fn decode_runs(mut bytes: &[u8], window: &mut Window) -> Option<()> {
    let mut end = window.base();
    while !bytes.is_empty() {
        let hole = varint::take(&mut bytes)?;
        let length = varint::take(&mut bytes)?;
        if hole == 0 || length == 0 {
            return None;
        }
        let start = end.checked_add_unsigned(hole)?;
        end = start.checked_add_unsigned(length)?;
        window.mark_gap(start..end);
    }
    Some(())
}

fn encode_bitmap(window: &Window) -> Vec<u8> {
    let base = window.base();
    let bits = (window.top() - base).unsigned_abs() as usize;
    let mut out = vec![0_u8; bits.div_ceil(8)];
    for offset in window.runs().flatten() {
        let bit = (offset - base).unsigned_abs() as usize;
        out[bit / 8] |= 1 << (bit % 8);
    }
    out
}

fn decode_bitmap(bytes: &[u8], window: &mut Window) -> Option<()> {
    let base = window.base();
    let base_is_unfinished = bytes.first()? & 1 == 0;
    let no_padding = *bytes.last()? != 0;
    if !base_is_unfinished || !no_padding {
        return None;
    }
    for bit in (0..bytes.len() * 8).filter(|bit| bytes[bit / 8] & 1 << (bit % 8) != 0) {
        let offset = base.checked_add_unsigned(bit as u64)?;
        window.mark_gap(offset..offset.checked_add(1)?);
    }
    Some(())
}

/// The attempts in at most `room` bytes, the largest counts first where not all fit.
fn encode_attempts(window: &Window, room: usize) -> Vec<u8> {
    let mut entries: Vec<_> = window.all_attempts().collect();
    let all = write_attempts(window.base(), &entries);
    if all.len() <= room {
        return all;
    }
    entries.sort_by_key(|&(offset, Attempts { failures, losses })| (std::cmp::Reverse((losses, failures)), offset));
    let largest = |count: usize| {
        let mut kept = entries[..count].to_vec();
        kept.sort_unstable_by_key(|&(offset, _)| offset);
        write_attempts(window.base(), &kept)
    };
    // Each entry more makes it longer, so the number that fits can be bisected.
    let (mut fits, mut too_many) = (0, entries.len());
    while fits + 1 < too_many {
        let middle = usize::midpoint(fits, too_many);
        if largest(middle).len() <= room { fits = middle } else { too_many = middle }
    }
    largest(fits)
}

fn write_attempts(base: i64, entries: &[(i64, Attempts)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut previous = base;
    for &(offset, Attempts { failures, losses }) in entries {
        varint::push(&mut out, (offset - previous).unsigned_abs());
        varint::push(&mut out, u64::from(failures));
        varint::push(&mut out, u64::from(losses));
        previous = offset;
    }
    out
}

fn decode_attempts(mut bytes: &[u8], window: &mut Window) -> Option<()> {
    let mut offset = window.base();
    let mut first = true;
    while !bytes.is_empty() {
        let distance = varint::take(&mut bytes)?;
        let failures = u32::try_from(varint::take(&mut bytes)?).ok()?;
        let losses = u32::try_from(varint::take(&mut bytes)?).ok()?;
        offset = offset.checked_add_unsigned(distance)?;
        let repeats = distance == 0 && !first;
        let attempts = Attempts { failures, losses };
        if repeats || attempts == Attempts::default() || window.is_finished(offset) {
            return None;
        }
        window.set_attempts(offset, attempts);
        first = false;
    }
    Some(())
}
