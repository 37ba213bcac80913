//! An object that was read: in memory, or, if it is large, in a file that has no name and goes with its handle.
//!
//! A photo of 200 MB would be 200 MB of memory while a decoder works through it from front to back, and needs
//! a part of it at a time. Its file lies where temporary files do: on a node's disk, where the pages that the kernel
//! keeps of it are the first to go.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use tracing::debug;

use super::budget::Admission;

/// Objects of more bytes go to a file, if there is a place for one; this many fit into one part on their way.
pub(super) const LARGE: u64 = 16 << 20;

/// What an object holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// All of it.
    Memory(Bytes),
    /// A large one.
    File(Spilled),
}

/// A large object.
#[derive(Debug, Clone)]
pub struct Spilled(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: Arc<File>,
    bytes: u64,
    _admission: Admission,
}

/// Reads from the first byte on, independently of others that read the same.
#[derive(Debug)]
pub struct Reader<'a> {
    spilled: &'a Spilled,
    next: u64,
}

impl Content {
    /// Bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(spilled) => spilled.0.bytes,
        }
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// The file cannot be read, or has become shorter.
    pub fn whole(&self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::File(Spilled(inner)) => {
                let mut bytes = vec![0; inner.bytes as usize];
                inner.file.read_exact_at(&mut bytes, 0)?;
                Ok(bytes.into())
            }
        }
    }
}

impl Spilled {
    /// The first `bytes` of a file, whose place in the budget is given back with the last copy.
    pub(super) fn new(file: Arc<File>, bytes: u64, admission: Admission) -> Self {
        Self(Arc::new(Inner { file, bytes, _admission: admission }))
    }

    /// From front to back.
    pub fn reader(&self) -> Reader<'_> {
        Reader { spilled: self, next: 0 }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Inner { file, bytes, .. } = &*self.spilled.0;
        let most = into.len().min((bytes - self.next) as usize);
        let read = file.read_at(&mut into[..most], self.next)?;
        self.next += read as u64;
        Ok(read)
    }
}

/// A file for a large object; none where temporary files have no place, so that it goes to memory.
pub(super) async fn file() -> Option<Arc<File>> {
    let made = tokio::task::spawn_blocking(tempfile::tempfile).await.ok()?;
    made.inspect_err(|error| debug!("no file for a large object: {error}")).ok().map(Arc::new)
}

/// The part of an object that is on its way: where its bytes go.
#[derive(Debug)]
pub(super) enum Part {
    /// Cut from the memory of the whole object.
    Memory(bytes::BytesMut),
    /// This many bytes of a file, from an offset on.
    File { file: Arc<File>, start: u64, length: usize },
}

impl Part {
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Memory(memory) => memory.len(),
            Self::File { length, .. } => *length,
        }
    }

    /// Puts a chunk `at` so many bytes from the part's first. The chunk ends within the part.
    pub(super) async fn put(&mut self, at: usize, chunk: Bytes) -> io::Result<()> {
        match self {
            Self::Memory(memory) => {
                memory[at..at + chunk.len()].copy_from_slice(&chunk);
                Ok(())
            }
            Self::File { file, start, .. } => {
                let (file, offset) = (Arc::clone(file), *start + at as u64);
                // A disk may take its time; what else this thread does must not wait for it.
                let put = tokio::task::spawn_blocking(move || file.write_all_at(&chunk, offset));
                put.await.map_err(io::Error::other)?
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use super::super::budget::Budget;
    use super::*;

    #[tokio::test]
    async fn a_file_is_read_to_the_length_that_was_admitted_and_no_further() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789 and what was appended since").unwrap();
        let spilled = Spilled::new(Arc::new(file), 10, Budget::new(1 << 20).admit(10).await);
        let (mut front, mut whole) = ([0; 4], Vec::new());
        let mut first = spilled.reader();
        first.read_exact(&mut front).unwrap();
        spilled.reader().read_to_end(&mut whole).unwrap();
        assert_eq!((&front, &*whole), (b"0123", &b"0123456789"[..]));
        let content = Content::File(spilled);
        assert_eq!((content.length(), &content.whole().unwrap()[..]), (10, &b"0123456789"[..]));
    }

    #[tokio::test]
    async fn a_file_that_became_shorter_is_an_error_not_zeros() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123").unwrap();
        let spilled = Spilled::new(Arc::new(file), 10, Budget::new(1 << 20).admit(10).await);
        assert_eq!(Content::File(spilled).whole().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn chunks_go_where_they_belong() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let mut parts = [(4, 4), (0, 4)].map(|(start, length)| Part::File { file: Arc::clone(&file), start, length });
        parts[0].put(0, Bytes::from_static(b"45")).await.unwrap();
        parts[1].put(0, Bytes::from_static(b"0123")).await.unwrap();
        parts[0].put(2, Bytes::from_static(b"67")).await.unwrap();
        let mut found = [0; 8];
        file.read_exact_at(&mut found, 0).unwrap();
        assert_eq!(&found, b"01234567");
    }
}
