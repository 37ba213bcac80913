//! One photo's way through a job: fetch, decode, steps. The same for a worker and for
//! `imagejob try`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use imagejob_protocol::events::{Image, ItemBody, Object, PhaseMillis};
use imagejob_protocol::settings::{self, WorkerSettings};
use imagejob_vision::{Caps, header};

use crate::clock;
use crate::decode::{Cores, Photo, Wanted, refused};
use crate::outcome::Failure;
use crate::outputs::Outputs;
use crate::steps::{self, Item, Step};
use crate::storage::{Content, Store};

/// A job's steps, loaded, and the store that the photos are read from.
pub struct Pipeline {
    store: Arc<Store>,
    steps: Vec<Step>,
    /// Some step wants the bytes, though it may not look at pixels.
    wants_bytes: bool,
    /// Some step makes a picture of the photo, at a scale of its own.
    makes_pictures: bool,
    /// Enough for the step that wants most; none if no step looks at pixels.
    wanted: Option<Wanted>,
    caps: Caps,
    cores: Cores,
}

/// Where a pipeline reads and writes.
pub struct Stores<'a> {
    /// Photos.
    pub photos: &'a settings::Storage,
    /// What they are compared or marked with.
    pub references: &'a settings::Storage,
    /// Pictures that steps make.
    pub outputs: Outputs,
}

/// Where the time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// Store to memory.
    pub fetch: Duration,
    /// Bytes to pixels.
    pub decode: Duration,
    /// All steps.
    pub steps: Duration,
}

/// A photo that went through all steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Processed {
    /// What to publish; `copied` is empty yet.
    pub body: ItemBody,
    /// Where the time went.
    pub phases: Phases,
}

impl Pipeline {
    /// Loads the steps: after this a photo can be processed, and after [`Pipeline::ready`] at once.
    ///
    /// # Errors
    /// A store or a step that cannot be prepared.
    pub async fn load(settings: &WorkerSettings) -> anyhow::Result<Self> {
        Self::of(&settings.storage, &settings.steps).await
    }

    /// The same from the two parts of the settings that matter.
    ///
    /// # Errors
    /// A store or a step that cannot be prepared.
    pub async fn of(storage: &settings::Storage, settings: &[settings::Step]) -> anyhow::Result<Self> {
        let stores = Stores { photos: storage, references: storage, outputs: Outputs::into(storage) };
        Self::between(stores, settings).await
    }

    /// With photos, references and outputs in stores of their own.
    ///
    /// # Errors
    /// A store or a step that cannot be prepared.
    pub async fn between(stores: Stores<'_>, settings: &[settings::Step]) -> anyhow::Result<Self> {
        let store = Arc::new(Store::open(stores.photos));
        // Photos are held while references are read: with room of their own the two never wait for each other.
        let references = Arc::new(Store::open(stores.references).for_references());
        let outputs = Arc::new(stores.outputs);
        let mut steps = Vec::with_capacity(settings.len());
        for step in settings {
            steps.push(Step::load(step, &references, &outputs).await?);
        }
        let wanted = steps.iter().filter_map(Step::wanted).reduce(Wanted::with);
        let wants_bytes = steps.iter().any(Step::wants_bytes);
        let makes_pictures = steps.iter().any(Step::makes_pictures);
        Ok(Self { store, steps, wants_bytes, makes_pictures, wanted, caps: Caps::default(), cores: Cores::new() })
    }

    /// Reads models ahead of the first photo, or beside it.
    pub async fn ready(&self) {
        for step in &self.steps {
            step.ready(&self.cores).await;
        }
    }

    /// Looks at one photo.
    ///
    /// # Errors
    /// The first thing that fails, with its reason.
    pub async fn process(&self, mut item: Item) -> Result<Processed, Failure> {
        let mut phases = Phases::default();
        let mut photo = None;
        if self.wants_bytes || self.wanted.is_some() {
            let begun = clock::now();
            let content = self.read(&item.object).await?;
            phases.fetch = begun.elapsed();
            item.object.bytes = Some(content.length());
            if let (true, Content::Memory(bytes)) = (self.wants_bytes, &content) {
                item.bytes = Some(bytes.clone());
            }
            if let Some(wanted) = self.wanted {
                photo = Some(self.photo(&item.object, content, wanted, &mut phases).await?);
            }
        }
        let begun = clock::now();
        let header = match (&photo, &item.bytes) {
            (Some(photo), _) => Some(photo.header),
            (None, Some(bytes)) if self.makes_pictures => Some(header::probe(bytes).map_err(|error| refused(&error))?),
            _ => None,
        };
        let image = header.map(|header| Image {
            width: header.width,
            height: header.height,
            format: header.format.as_str().to_owned(),
        });
        item.variables = item.variables.with_object(&item.object);
        let steps = steps::run(&self.steps, &item, photo.as_ref(), &self.cores).await?;
        phases.steps = begun.elapsed();
        let body = ItemBody { object: item.object, image, steps, timings: phases.into(), copied: BTreeMap::default() };
        Ok(Processed { body, phases })
    }

    /// Ends what steps began, after the last photo.
    pub async fn stop(&self) {
        for step in &self.steps {
            step.stop().await;
        }
    }

    /// Steps that want the bytes have them all in memory; a decoder may do with a part at a time.
    async fn read(&self, object: &Object) -> Result<Content, Failure> {
        if self.wants_bytes {
            return Ok(Content::Memory(self.store.read(object).await?));
        }
        self.store.fetch(object).await
    }

    async fn photo(
        &self,
        object: &Object,
        content: Content,
        wanted: Wanted,
        phases: &mut Phases,
    ) -> Result<Arc<Photo>, Failure> {
        let begun = clock::now();
        let photo = self.cores.decode(object, content, self.caps, wanted).await?;
        phases.decode = begun.elapsed();
        Ok(Arc::new(photo))
    }
}

impl From<Phases> for PhaseMillis {
    fn from(phases: Phases) -> Self {
        let millis = |duration: Duration| duration.as_micros() as f64 / 1e3;
        Self { fetch_ms: millis(phases.fetch), decode_ms: millis(phases.decode), steps_ms: millis(phases.steps) }
    }
}

impl std::ops::Add for Phases {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { fetch: self.fetch + other.fetch, decode: self.decode + other.decode, steps: self.steps + other.steps }
    }
}
