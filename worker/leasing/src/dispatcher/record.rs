//! Records and their names: compact inside, spelled out on the wire.

use bytes::Bytes;
use imagejob_protocol::wire;

/// A source partition. The topic is its index in the job's list, so that names are small and cheap
/// to compare; [`Topics`] translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Index in [`Topics`].
    pub topic: u8,
    /// Number within the topic.
    pub number: i32,
}

/// One record of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// Where.
    pub partition: Partition,
    /// Which there.
    pub offset: i64,
}

/// A record as it was read, kept until its outcome is durable: it may have to be lent again or
/// dead-lettered byte for byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where it was read.
    pub id: RecordId,
    /// The record's own timestamp, Unix milliseconds.
    pub timestamp_ms: i64,
    /// As its producer wrote it.
    pub key: Option<Bytes>,
    /// As its producer wrote it.
    pub value: Option<Bytes>,
    /// As its producer wrote them.
    pub headers: Vec<wire::Header>,
}

impl Record {
    /// Memory that it takes, bytes, with 128 for the structure itself.
    pub(crate) fn bytes(&self) -> usize {
        let header = |header: &wire::Header| 64 + header.name.len() + header.value.as_ref().map_or(0, Bytes::len);
        let key = self.key.as_ref().map_or(0, Bytes::len);
        let value = self.value.as_ref().map_or(0, Bytes::len);
        128 + key + value + self.headers.iter().map(header).sum::<usize>()
    }
}

/// The source topics of the job, in the order of its settings.
#[derive(Clone, Debug)]
pub struct Topics(Vec<String>);

impl Topics {
    /// Of these names, in this order.
    pub fn new(names: &[String]) -> Self {
        Self(names.to_vec())
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The name of a partition's topic.
    pub fn name(&self, partition: Partition) -> &str {
        &self.0[usize::from(partition.topic)]
    }

    /// `None` for a topic that is not the job's.
    pub fn find(&self, topic: &str, number: i32) -> Option<Partition> {
        let index = self.0.iter().position(|name| name == topic)?;
        Some(Partition { topic: index as u8, number })
    }

    /// The record at a position; `None` for a topic that is not the job's.
    pub fn record(&self, position: &wire::Position) -> Option<RecordId> {
        let partition = self.find(&position.topic, position.partition)?;
        Some(RecordId { partition, offset: position.offset })
    }

    /// A record's position on the wire.
    pub fn position(&self, id: RecordId) -> wire::Position {
        wire::Position { topic: self.name(id.partition).to_owned(), partition: id.partition.number, offset: id.offset }
    }
}
