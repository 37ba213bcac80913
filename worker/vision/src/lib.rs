//! Pure image code: what a header promises, caps before any decoding, decoding at reduced scale,
//! how usable a photo is, whether it shows a certain poster, and which regions of a page are written in. Bytes in,
//! values out.
//!
//! Refuses to do I/O, to know about Kafka or async, and to allocate for an image before its
//! header has passed the [`Caps`].
//!
//! ```text
//! bytes ─► header::probe ─► Caps::check ─► decode::luma ─► quality::assess
//!                                                     └──► registration::View ─► poster::compare, homework::read
//! ```

mod colour;
pub mod decode;
mod error;
mod features;
pub mod geometry;
pub mod header;
pub mod homework;
mod luma;
mod orientation;
pub mod poster;
pub mod quality;
mod random;
pub mod registration;
mod warp;

pub use colour::{Colour, Fit};
pub use error::ImageError;
pub use header::{Caps, Format, Header};
pub use luma::Luma;
