//! Pure image code: what a header promises, caps before any decoding, decoding at reduced scale,
//! how usable a photo is, whether it shows a certain poster, which regions of a page are written in, and smaller
//! or marked pictures for people. Bytes in, values or bytes out.
//!
//! Refuses to do I/O, to know about Kafka or async, and to allocate for an image before its
//! header has passed the [`Caps`].
//!
//! ```text
//! bytes ─► header::probe ─► Caps::check ─┬► decode::luma ─┬► quality::assess
//!                                        │                └► registration::View ─► poster::compare, homework::read
//!                                        └► decode::picture ─► mark::marked ─► picture::encode ─► bytes
//! ```

mod colour;
pub mod decode;
mod error;
mod features;
pub mod geometry;
pub mod header;
pub mod homework;
mod luma;
pub mod mark;
mod mask;
mod orientation;
pub mod picture;
pub mod poster;
pub mod quality;
mod random;
pub mod registration;
pub mod text;
mod tint;
mod warp;

pub use colour::{Colour, Fit};
pub use error::ImageError;
pub use header::{Caps, Format, Header};
pub use luma::Luma;
pub use picture::Picture;
pub use tint::Tint;
