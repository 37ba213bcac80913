//! Pure image code: what a header promises, caps before any decoding, decoding at reduced scale,
//! and how usable a photo is. Bytes in, values out.
//!
//! Refuses to do I/O, to know about Kafka or async, and to allocate for an image before its
//! header has passed the [`Caps`].
//!
//! ```text
//! bytes ─► header::probe ─► Caps::check ─► decode::luma ─► quality::assess
//! ```

pub mod decode;
mod error;
pub mod header;
mod luma;
mod orientation;
pub mod quality;

pub use error::ImageError;
pub use header::{Caps, Format, Header};
pub use luma::Luma;
