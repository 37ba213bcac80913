//! A smaller picture, written to the store.

use std::convert::identity;

use imagejob_protocol::settings::{self, Bounds};
use imagejob_vision::picture::{Fit, Size};

use super::output::{Output, make};
use super::{Found, Item};
use crate::decode::Cores;
use crate::outcome::Failure;

/// A step with its output.
pub(super) struct Resize {
    pub(super) output: Output,
    pub(super) bounds: Bounds,
    pub(super) fit: Fit,
}

impl Resize {
    /// The entry of [`Output::write`].
    pub(super) async fn run(&self, item: &Item, cores: &Cores) -> Result<Found, Failure> {
        let place = self.output.place(item)?;
        let photo = item.bytes.clone().unwrap_or_default();
        let Bounds { max_width, max_height } = self.bounds;
        let fit = self.fit;
        let encoding = self.output.encoding();
        let size = move |photo: Size| photo.within(max_width, max_height, fit);
        let made = cores.run(move || make(&photo, size, identity, encoding)).await??;
        self.output.write(&place, made).await
    }
}

pub(super) const fn fit(fit: settings::Fit) -> Fit {
    match fit {
        settings::Fit::Contain => Fit::Contain,
        settings::Fit::Cover => Fit::Cover,
    }
}
