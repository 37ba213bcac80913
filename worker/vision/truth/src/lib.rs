//! Test images whose truth is known: posters drawn from photographs and made-up lettering, and
//! photographs of them as phones take them. Everything follows from seeds.
//!
//! For tests, figures and `imagejob generate`; nothing that runs in production depends on it. Does not know how
//! photographs are recognised, so that it cannot be kind to the recogniser.
//!
//! ```text
//! Poster::design ─► sibling? ─► draw ──╮
//! Page::design ─► filled ─► fold? ─────┴► camera::take ─► JPEG
//! ```

pub mod camera;
mod lettering;
pub mod page;
mod picture;
pub mod poster;

pub use page::Page;
pub use picture::{Picture, Rgb};
pub use poster::Poster;
