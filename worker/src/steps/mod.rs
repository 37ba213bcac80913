//! The steps of a job, loaded once and run on each photo in order.

mod classify;
mod handler;
mod homework;
mod output;
mod poster_match;
mod poster_search;
mod quality;
mod resize;
mod watermark;

use std::sync::Arc;

use bytes::Bytes;
use imagejob_protocol::events::Object;
use imagejob_protocol::settings::{self, Action, OnFail};
use imagejob_vision::poster;
use imagejob_vision::registration::WANTED_SIDE;
use serde_json::{Map, Value};

use crate::decode::{Cores, Photo, Wanted};
use crate::outcome::Failure;
use crate::outputs::Outputs;
use crate::references::References;
use crate::storage::Store;
use crate::variables::Variables;
use classify::Classify;
use handler::Handler;
use homework::Homework;
use output::Output;
use poster_match::PosterMatch;
use poster_search::PosterSearch;
use resize::Resize;
use watermark::Watermark;

/// What a step is told of an item besides its photo.
#[derive(Debug, Clone)]
pub struct Item {
    /// Id of the item; the same whenever it is tried.
    pub id: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The photo's place in the store.
    pub object: Object,
    /// What patterns in steps may name.
    pub variables: Variables,
    /// Value of the record that names the photo.
    pub record: Bytes,
    /// The photo as it is stored, once it was read.
    pub bytes: Option<Bytes>,
}

impl Item {
    /// The first attempt at an object that nothing else is said about.
    pub fn new(id: impl Into<String>, object: Object) -> Self {
        Self { id: id.into(), attempt: 1, object, variables: Variables::default(), record: Bytes::new(), bytes: None }
    }
}

/// A step that is ready to run.
pub struct Step {
    name: String,
    on_fail: OnFail,
    kind: Kind,
}

enum Kind {
    Quality,
    PosterMatch(PosterMatch),
    PosterSearch(PosterSearch),
    Homework(Homework),
    Classify(Classify),
    Resize(Resize),
    Watermark(Watermark),
    Handler(Handler),
}

/// What a step found.
struct Found {
    entry: Map<String, Value>,
    /// The photo is good enough for later steps.
    usable: bool,
}

impl Step {
    /// Makes a step ready: starts its program, if it has one. References are read from `store` when a photo needs
    /// them, a model when one does or somebody asks to be [`Step::ready`]; pictures go to `outputs`.
    ///
    /// # Errors
    /// A program that does not start or does not listen.
    pub async fn load(settings: &settings::Step, store: &Arc<Store>, outputs: &Arc<Outputs>) -> anyhow::Result<Self> {
        let kind = match &settings.action {
            Action::Quality {} => Kind::Quality,
            Action::PosterMatch { reference } => Kind::PosterMatch(PosterMatch {
                pattern: reference.clone(),
                references: References::new(Arc::clone(store)),
            }),
            Action::PosterSearch { set, top } => Kind::PosterSearch(PosterSearch::new(set, *top, store)),
            Action::Homework { template, regions } => Kind::Homework(Homework {
                template: template.clone(),
                regions: regions.clone(),
                pages: References::new(Arc::clone(store)),
                places: References::new(Arc::clone(store)),
            }),
            Action::Classify(classify) => Kind::Classify(Classify::new(classify, store)),
            Action::Resize(settings) => Kind::Resize(Resize {
                output: Output::new(&settings.output, outputs)?,
                bounds: settings.bounds,
                fit: resize::fit(settings.fit),
            }),
            Action::Watermark(settings) => Kind::Watermark(Watermark::new(settings, store, outputs)?),
            Action::Handler(settings) => Kind::Handler(Handler::start(settings).await?),
        };
        Ok(Self { name: settings.name.clone(), on_fail: settings.on_fail, kind })
    }

    /// Reads what no photo is needed for: its model or its set of posters, if it has one. Never fails: what is wrong with it is said again
    /// of each photo.
    pub async fn ready(&self, cores: &Cores) {
        match &self.kind {
            Kind::Classify(classify) => classify.ready(cores).await,
            Kind::PosterSearch(search) => search.ready(cores).await,
            _ => {}
        }
    }

    /// Whether it wants the photo's bytes, though it may not look at pixels.
    pub fn wants_bytes(&self) -> bool {
        match &self.kind {
            Kind::Quality | Kind::PosterMatch(_) | Kind::PosterSearch(_) | Kind::Homework(_) | Kind::Classify(_) => {
                false
            }
            Kind::Resize(_) | Kind::Watermark(_) => true,
            Kind::Handler(handler) => handler.wants_bytes(),
        }
    }

    /// Whether it makes a picture of the photo, which must be an image then.
    pub fn makes_pictures(&self) -> bool {
        matches!(self.kind, Kind::Resize(_) | Kind::Watermark(_))
    }

    /// Ends what it began, after its last photo.
    pub async fn stop(&self) {
        if let Kind::Handler(handler) = &self.kind {
            handler.stop().await;
        }
    }

    /// What it wants to see of a photo; none if it does not look at pixels.
    pub fn wanted(&self) -> Option<Wanted> {
        let grey = |longer| Some(Wanted { longer, ..Wanted::default() });
        match &self.kind {
            Kind::Quality => grey(quality::WANTED_SIDE),
            Kind::PosterMatch(_) | Kind::PosterSearch(_) => Some(poster::wanted(WANTED_SIDE)),
            Kind::Homework(_) => grey(WANTED_SIDE),
            Kind::Classify(classify) => Some(classify.wanted()),
            Kind::Resize(_) | Kind::Watermark(_) | Kind::Handler(_) => None,
        }
    }
}

/// Runs `steps` in order. The entries of those that ran, by name; later ones are left out after one
/// that finds the photo unusable and says `onFail: Stop`.
///
/// # Errors
/// The first step that fails, as opposed to finding something.
pub async fn run(
    steps: &[Step],
    item: &Item,
    photo: Option<&Arc<Photo>>,
    cores: &Cores,
) -> Result<Map<String, Value>, Failure> {
    let mut entries = Map::new();
    for step in steps {
        let found = match (&step.kind, photo) {
            (Kind::Quality, Some(photo)) => quality::run(photo, cores).await?,
            (Kind::PosterMatch(step), Some(photo)) => step.run(item, photo, cores).await?,
            (Kind::PosterSearch(step), Some(photo)) => step.run(photo, cores).await?,
            (Kind::Homework(step), Some(photo)) => step.run(item, photo, cores).await?,
            (Kind::Classify(step), Some(photo)) => step.run(photo, cores).await?,
            (
                Kind::Quality | Kind::PosterMatch(_) | Kind::PosterSearch(_) | Kind::Homework(_) | Kind::Classify(_),
                None,
            ) => {
                continue;
            }
            (Kind::Resize(step), _) => step.run(item, cores).await?,
            (Kind::Watermark(step), _) => step.run(item, cores).await?,
            (Kind::Handler(handler), _) => handler.call(item).await?,
        };
        entries.insert(step.name.clone(), Value::Object(found.entry));
        if !found.usable && step.on_fail == OnFail::Stop {
            break;
        }
    }
    Ok(entries)
}
