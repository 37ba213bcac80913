//! JPEG at an eighth of its size, without the work that an eighth does not need, from bytes as they come.
//!
//! At this scale a block of 8 x 8 pixels becomes one, its mean, and that is its first coefficient (ITU-T T.81, A.3.3:
//! `S00` is eight times the mean). The other 63 are only in the way: they are coded with lengths of their own, so that
//! the next block cannot be found without reading them. Here they are looked up by twelve bits, several at a time,
//! and nothing is kept but how many bits they take. Chroma of half the width *and* height has two pixels in each
//! direction to give for a block, so its coefficients are read; where only brightness is wanted, they are not either.
//!
//! **Not mine.** Only what cannot be misunderstood is decoded: one scan of baseline or extended sequential Huffman
//! coding with 8 bits a sample (T.81, F.2), grey, or YCbCr with whole or half chroma, each bit of it in its place up
//! to the end marker. Of everything else these functions say `None`, and libjpeg-turbo decides: about damage, habits
//! of cameras, other kinds of JPEG, and their names in results. What they do decode is the same to the last bit.
//!
//! Holds the head, 4 MiB at most and 64 KiB as a rule; 66 KiB of the scan; tables of 40 KiB; and what it returns. Of
//! 12 megapixels that are 188 kB of brightness or 563 kB of colours; of 268 megapixels, the most that the caps let
//! pass, 4.2 or 12.6 MB. None of it depends on how many bytes the file has. Time does, and on nothing else, as a pixel
//! takes two bits at least: see docs/decisions/0019.

mod bits;
mod colours;
mod head;
mod huffman;
mod quarters;
mod scan;

use std::io::BufRead;

pub(super) use head::collect as head;

/// Pixels row by row, each side an eighth, rounded up: one byte of brightness, or red, green and blue if `colour`.
/// `head` is what [`head()`] took from the same input.
pub(super) fn pixels(head: &[u8], input: impl BufRead, colour: bool) -> Option<Vec<u8>> {
    scan::pixels(&head::Frame::read(head)?, bits::Bits::new(input), colour)
}
