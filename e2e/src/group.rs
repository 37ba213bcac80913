//! What the broker wrote down about a consumer group, read from its own topic: how often the group was
//! put together anew.

use anyhow::Context as _;
use rdkafka::Message as _;

use crate::topics::Topics;

/// Where the group coordinator keeps groups and offsets.
const COORDINATOR: &str = "__consumer_offsets";
/// Keys of this version are about a group as a whole, the others about offsets.
const GROUP_KEY: i16 = 2;

/// The newest generation of a classic group: it grows by one with each rebalance.
pub fn generation(topics: &Topics, group: &str) -> anyhow::Result<i32> {
    let mut newest = None;
    topics.each(COORDINATOR, |record| {
        if record.key().and_then(group_of) == Some(group.as_bytes()) {
            newest = record.payload().and_then(generation_in).or(newest);
        }
        Ok(())
    })?;
    newest.with_context(|| format!("the coordinator has written nothing about a classic group {group}"))
}

/// The group of a key: version (2 bytes), length (2 bytes), name.
fn group_of(key: &[u8]) -> Option<&[u8]> {
    let (version, rest) = short(key)?;
    let (length, rest) = short(rest)?;
    (version == GROUP_KEY).then(|| rest.get(..usize::try_from(length).ok()?))?
}

/// The generation in a value: version (2 bytes), length (2 bytes) and name of the protocol type, generation.
fn generation_in(value: &[u8]) -> Option<i32> {
    let (_, rest) = short(value)?;
    let (length, rest) = short(rest)?;
    let rest = rest.get(usize::try_from(length).ok()?..)?;
    Some(i32::from_be_bytes(*rest.first_chunk()?))
}

fn short(bytes: &[u8]) -> Option<(i16, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((i16::from_be_bytes(*first), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_and_its_generation_are_read_from_their_bytes() {
        let key = b"\x00\x02\x00\x03a.b";
        assert_eq!(group_of(key), Some(b"a.b".as_slice()));
        assert_eq!(group_of(b"\x00\x01\x00\x03a.b"), None, "an offset");
        assert_eq!(group_of(b"\x00\x02\x00\x09a.b"), None, "cut off");
        let value = b"\x00\x03\x00\x08consumer\x00\x00\x00\x07more";
        assert_eq!(generation_in(value), Some(7));
        assert_eq!(generation_in(b"\x00\x03\x00\x08consumer\x00"), None, "cut off");
    }
}
