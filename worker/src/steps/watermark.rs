//! A picture with a text or another picture on it, written to the store.

use std::sync::Arc;

use bytes::Bytes;
use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::{self, Bounds, Position};
use imagejob_vision::mark::{Along, Anchor, Mark, Style, marked};
use imagejob_vision::picture::{Fit, Size};
use imagejob_vision::text::Text;
use imagejob_vision::{Caps, Picture, decode};

use super::output::{Output, make};
use super::{Found, Item};
use crate::decode::Cores;
use crate::outcome::Failure;
use crate::outputs::Outputs;
use crate::references::References;
use crate::storage::Store;

/// Larger marks are kept at this size: one is at most 4 MB.
const MARK_SIDE: u32 = 1_000;

/// A step with its marks.
pub(super) struct Watermark {
    output: Output,
    bounds: Bounds,
    marks: Marks,
    style: Style,
}

enum Marks {
    /// With `{variables}`.
    Text(String),
    Pictures {
        /// `oss://bucket/key` with `{variables}`.
        pattern: String,
        ready: References<Picture>,
    },
}

/// The mark of one photo.
enum Chosen {
    Text(Text),
    Picture(Arc<Picture>),
}

impl Watermark {
    /// # Errors
    /// Those of [`Output::new`].
    pub(super) fn new(
        settings: &settings::Watermark,
        store: &Arc<Store>,
        outputs: &Arc<Outputs>,
    ) -> anyhow::Result<Self> {
        let marks = match &settings.mark {
            settings::Mark::Text(text) => Marks::Text(text.clone()),
            settings::Mark::Image(pattern) => {
                Marks::Pictures { pattern: pattern.clone(), ready: References::new(Arc::clone(store)) }
            }
        };
        let style = Style {
            anchor: anchor(settings.position),
            size_percent: settings.size_percent,
            margin_percent: settings.margin_percent,
            opacity_percent: settings.opacity_percent,
        };
        Ok(Self { output: Output::new(&settings.output, outputs)?, bounds: settings.bounds, marks, style })
    }

    /// The entry of [`Output::write`].
    pub(super) async fn run(&self, item: &Item, cores: &Cores) -> Result<Found, Failure> {
        let place = self.output.place(item)?;
        let chosen = self.choose(item, cores).await?;
        let photo = item.bytes.clone().unwrap_or_default();
        let Bounds { max_width, max_height } = self.bounds;
        let (style, encoding) = (self.style, self.output.encoding());
        let size = move |photo: Size| photo.within(max_width, max_height, Fit::Contain);
        let change = move |picture: Picture| {
            let mark = match &chosen {
                Chosen::Text(text) => Mark::Text(text),
                Chosen::Picture(picture) => Mark::Picture(picture),
            };
            marked(picture, mark, &style)
        };
        let made = cores.run(move || make(&photo, size, change, encoding)).await??;
        self.output.write(&place, made).await
    }

    async fn choose(&self, item: &Item, cores: &Cores) -> Result<Chosen, Failure> {
        match &self.marks {
            Marks::Text(pattern) => {
                let text = item.variables.expand(pattern)?;
                let unusable =
                    |error| Failure::new(FailureReason::TextUnusable, format!("the text of {pattern:?}: {error}"));
                Text::new(&text).map(Chosen::Text).map_err(unusable)
            }
            Marks::Pictures { pattern, ready } => {
                let uri = item.variables.expand(pattern)?;
                let prepare = |bytes: &Bytes| {
                    let size = |size: Size| size.within(Some(MARK_SIDE), Some(MARK_SIDE), Fit::Contain);
                    let decoded = decode::picture(bytes, &Caps::default(), size);
                    decoded.map(|(_, picture)| picture).map_err(|error| error.to_string())
                };
                Ok(Chosen::Picture(ready.get(&uri, &uri, cores, prepare).await?))
            }
        }
    }
}

const fn anchor(position: Position) -> Anchor {
    let (horizontal, vertical) = match position {
        Position::TopLeft => (Along::Start, Along::Start),
        Position::Top => (Along::Center, Along::Start),
        Position::TopRight => (Along::End, Along::Start),
        Position::Left => (Along::Start, Along::Center),
        Position::Center => (Along::Center, Along::Center),
        Position::Right => (Along::End, Along::Center),
        Position::BottomLeft => (Along::Start, Along::End),
        Position::Bottom => (Along::Center, Along::End),
        Position::BottomRight => (Along::End, Along::End),
    };
    Anchor { horizontal, vertical }
}
