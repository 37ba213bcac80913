//! The bits of a scan: bytes read ahead, without what is stuffed between them, up to the next marker (T.81, F.1.2.3).

use std::io::{BufRead, ErrorKind};

use super::huffman::{Codes, Symbols};

/// Bytes read ahead. They stay in the core's cache until they are used.
const AHEAD: usize = 64 << 10;

/// Bytes that no MCU exceeds: 6 blocks of 64 coefficients of at most 16 bits of code and 15 of value are 1,488. As
/// many are there before each, or the end of the segment is, so that nothing in between looks for it.
const MCU: usize = 2 << 10;

/// What starts the codes that are no data.
const MARKER: u8 = 0xFF;

/// The bits of one segment, from one marker to the next.
pub(super) struct Bits<R> {
    input: R,
    /// Data, `end` bytes of it, and what a window may look at behind it.
    bytes: Vec<u8>,
    end: usize,
    /// The last byte that was read began a marker, or stood for itself and is followed by a stuffed zero.
    undecided: bool,
    /// What ended the segment.
    marker: Option<u8>,
    /// The next byte that a window takes, and where it has to ask first.
    at: usize,
    ask: usize,
    /// What windows have taken and not used yet.
    held: u64,
    count: u32,
}

impl<R: BufRead> Bits<R> {
    /// The input is at the first byte after the scan's header.
    pub(super) fn new(input: R) -> Self {
        let bytes = vec![0; AHEAD + MCU];
        Self { input, bytes, end: 0, undecided: false, marker: None, at: 0, ask: 0, held: 0, count: 0 }
    }

    /// Bits for one MCU. Where the segment ends earlier, zeros or anything else may follow; [`Bits::advance`] tells.
    #[inline]
    pub(super) fn window(&mut self) -> Option<Window<'_>> {
        if self.at >= self.ask {
            self.read_ahead()?;
        }
        Some(Window { bytes: &self.bytes, at: self.at, held: self.held, count: self.count })
    }

    /// Goes on where a window stopped; `None` if that is behind the end of the segment.
    #[inline]
    pub(super) fn advance(&mut self, Place { at, held, count }: Place) -> Option<()> {
        (self.at, self.held, self.count) = (at, held, count);
        (at < self.ask || self.left() >= 0).then_some(())
    }

    /// Ends the segment and returns the marker that does; `None` if a byte of it is left.
    pub(super) fn close(&mut self) -> Option<u8> {
        self.read_ahead()?;
        let marker = self.marker.take().filter(|_| (0..8).contains(&self.left()))?;
        (self.end, self.at, self.ask, self.held, self.count) = (0, 0, 0, 0, 0);
        Some(marker)
    }

    /// Bits of the segment that are there and not used.
    fn left(&self) -> isize {
        (self.end as isize - self.at as isize) * 8 + self.count as isize
    }

    #[cold]
    fn read_ahead(&mut self) -> Option<()> {
        if self.marker.is_none() {
            self.bytes.copy_within(self.at..self.end, 0);
            (self.end, self.at) = (self.end - self.at, 0);
            while self.marker.is_none() && self.end < AHEAD {
                self.read()?;
            }
        }
        self.ask = if self.marker.is_some() { self.end } else { AHEAD - MCU };
        Some(())
    }

    /// One piece of the input; `None` if there is no more, which is an end without an end marker.
    fn read(&mut self) -> Option<()> {
        let piece = match self.input.fill_buf() {
            Ok([]) => return None,
            Ok(piece) => &piece[..piece.len().min(AHEAD - self.end)],
            Err(error) if error.kind() == ErrorKind::Interrupted => return Some(()),
            Err(_) => return None,
        };
        let mut read = 0;
        while let Some(&next) = piece.get(read) {
            if self.undecided {
                self.undecided = false;
                read += 1;
                match next {
                    0 => {
                        self.bytes[self.end] = MARKER;
                        self.end += 1;
                    }
                    MARKER => return None, // bytes that fill: allowed before a marker, and not written by anybody
                    marker => {
                        self.marker = Some(marker);
                        break;
                    }
                }
                continue;
            }
            let rest = &piece[read..];
            let length = memchr::memchr(MARKER, rest).unwrap_or(rest.len());
            self.bytes[self.end..][..length].copy_from_slice(&rest[..length]);
            self.end += length;
            self.undecided = length < rest.len();
            read += length + usize::from(self.undecided);
        }
        self.input.consume(read);
        Some(())
    }
}

/// The next bits of a segment, as many as an MCU can have.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The next bit is the highest. Bits below the first `count` are those that the next bytes have, or zero.
    held: u64,
    count: u32,
}

/// Where a window stopped.
pub(super) struct Place {
    at: usize,
    held: u64,
    count: u32,
}

impl Window<'_> {
    /// To be given to [`Bits::advance`].
    pub(super) fn place(self) -> Place {
        Place { at: self.at, held: self.held, count: self.count }
    }

    /// Takes whole bytes until 56 to 63 bits are held.
    #[inline]
    fn refill(&mut self) {
        // Never fails before an MCU's end, and zeros would do.
        let next =
            self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()).map_or(0, |&next| u64::from_be_bytes(next));
        self.held |= next >> self.count;
        self.at += ((63 - self.count) >> 3) as usize;
        self.count |= 0x38; // the multiple of 8 that is added makes it 56 to 63
    }

    #[inline]
    fn drop(&mut self, bits: u32) {
        self.held <<= bits;
        self.count -= bits;
    }

    /// The symbol of the next code, with at least 40 bits held behind it; `None` if no code begins like this.
    #[inline]
    pub(super) fn symbol(&mut self, symbols: &Symbols) -> Option<u8> {
        self.refill();
        let (length, symbol) = symbols.next(self.held)?;
        self.drop(length);
        Some(symbol)
    }

    /// The number that the next bits are, see [`number`].
    #[inline]
    pub(super) fn value(&mut self, bits: u32) -> i32 {
        let value = number(self.held, bits);
        self.drop(bits);
        value
    }

    /// Reads a block: how much its first coefficient differs from that of the block before. Goes over the others
    /// (T.81, F.2.2.2); `None` if they are not 63.
    #[inline]
    pub(super) fn block(&mut self, codes: &Codes) -> Option<i32> {
        // A copy, of which nobody else has the address: it stays in registers.
        let mut ahead = *self;
        ahead.refill();
        let mut start = codes.start(ahead.held);
        if !start.run.fits_behind(1) {
            start = codes.first(ahead.held)?;
        }
        let difference = start.difference(ahead.held);
        let mut index = 1 + start.run.coefficients();
        ahead.drop(start.run.bits());
        while index < 64 {
            ahead.refill();
            // 56 bits are two runs of at most 27.
            for _ in 0..2 {
                let mut run = codes.run(ahead.held);
                if index + run.coefficients() > 63 && !run.fits_behind(index) {
                    ahead.refill();
                    run = codes.other(ahead.held).filter(|run| run.fits_behind(index))?;
                    ahead.drop(run.bits());
                    index += run.coefficients();
                    break;
                }
                ahead.drop(run.bits());
                index += run.coefficients();
                if index > 63 {
                    break;
                }
            }
        }
        *self = ahead;
        Some(difference)
    }
}

/// The number that so many of the highest bits are, at most 15; those with a leading zero are negative (T.81, F.12 and
/// table F.1).
#[inline]
pub(super) fn number(held: u64, bits: u32) -> i32 {
    let value = ((held >> 1) >> (63 - bits)) as i32;
    let negative = !((held as i64) >> 63) as i32;
    value + (negative & (1 - (1 << bits)))
}
