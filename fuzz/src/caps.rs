//! What the decoders and parsers may hold, as multiples of what they are given.

use imagejob_vision::Caps;

/// 512 x 512 pixels, so that a run takes a millisecond and a header that lies about its size meets the caps.
/// 2 MiB are all pixels of a PNG of 16 bits with alpha, or of a lossless WebP.
pub const SMALL: Caps = Caps { max_pixels: 1 << 18, max_decoder_bytes: 2 << 20 };

/// A lossy WebP is counted with 16 MiB for a part of its data.
pub const WEBP: Caps = Caps { max_decoder_bytes: SMALL.max_decoder_bytes + (16 << 20), ..SMALL };

/// What decoding may hold besides pixels, bytes: tables, windows and buffers of libjpeg-turbo, zlib and WebP's
/// Huffman trees.
const TABLES: u64 = 1 << 20;

/// Bytes for each byte of a document that is read as JSON: `[{"":0},...]` becomes a B-tree's node of 632 bytes
/// for eight, in an array that doubles.
const JSON: usize = 128;

/// What is there whatever is read, bytes: sentences of errors, names of buckets.
const SENTENCES: usize = 64 << 10;

/// Bytes that [`imagejob_vision::decode::luma`] may hold with these caps, as [`Caps`] promises: the decoder's own,
/// and on top what it hands out, 4 a pixel.
pub fn of_decoding(caps: &Caps) -> usize {
    (caps.max_decoder_bytes + 4 * caps.max_pixels + TABLES) as usize
}

/// Bytes that [`imagejob_vision::decode::picture`] may hold with these caps: in the worst case the decoder's own, and
/// the picture in colours in two forms, each held to as much.
pub fn of_a_picture(caps: &Caps) -> usize {
    (3 * caps.max_decoder_bytes + TABLES + PROFILE) as usize
}

/// What a colour profile becomes: a grid of 33 x 33 x 33 colours of four numbers, and curves.
const PROFILE: u64 = 2 << 20;

/// Bytes that a parser may hold for a document of so many.
pub fn of_parsing(length: usize) -> usize {
    SENTENCES + JSON * length
}

/// Bytes that a step may hold for a handler's answer of so many: the answer in full, what HTTP reads ahead, and
/// what becomes of its JSON.
pub fn of_an_answer(length: usize) -> usize {
    of_parsing(length) + HTTP
}

/// Buffers of a connection, bytes: hyper's grow to 400 KiB.
const HTTP: usize = 512 << 10;
