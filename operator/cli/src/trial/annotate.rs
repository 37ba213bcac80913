//! `--annotate`: a copy of each photo with what was found drawn onto it: in grey and upright, as the steps saw it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use imagejob_protocol::events::{ItemBody, Object};
use imagejob_protocol::settings::{Action, Format, Storage, WorkerSettings};
use imagejob_vision::geometry::Point;
use imagejob_vision::{Caps, decode, header};
use imagejob_worker::formats::{self, Message, Places};
use imagejob_worker::storage::Store;
use imagejob_worker::variables::Variables;

use super::annotation::{Annotation, Sheet};
use super::picture::Picture;

/// Longer side of a copy, pixels.
const SIDE: u32 = 640;
const QUALITY: i32 = 70;

/// Draws what was found.
pub(super) struct Annotator<'a> {
    folder: &'a Path,
    settings: &'a WorkerSettings,
    references: Store,
}

impl<'a> Annotator<'a> {
    /// Copies go to `folder`, which is made if it is not there.
    pub(super) fn new(folder: &'a Path, settings: &'a WorkerSettings) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(Self { folder, settings, references: Store::open(&settings.storage) })
    }

    /// Writes the copy of a photo, `<name>.jpg`, and says where it is.
    pub(super) async fn draw(
        &self,
        storage: &Storage,
        object: &Object,
        variables: &Variables,
        body: &ItemBody,
    ) -> anyhow::Result<PathBuf> {
        let bytes = Store::open(storage).read(object).await?;
        let photo = decode::luma(&bytes, &Caps::default(), SIDE)?;
        let seen = photo.luma.shrunk_to(SIDE);
        let scale = f64::from(seen.width().max(seen.height())) / f64::from(photo.header.longer_side());
        let variables = variables.clone().with_object(object);
        let mut sheets = BTreeMap::new();
        for step in &self.settings.steps {
            if let Action::Homework { template, regions } = &step.action {
                sheets.insert(step.name.as_str(), self.sheet(template, regions, &variables).await?);
            }
        }
        let Annotation { lines, outlines } = Annotation::of(&body.steps, |step| sheets.get(step));
        let mut picture = Picture::of(&seen);
        for outline in outlines {
            let thickness = if outline.whole { 4.0 } else { 2.0 };
            picture.outline(&outline.corners.map(|corner: Point| corner.scaled(scale)), thickness, outline.colour);
        }
        let mut top = 8.0;
        for (words, colour) in lines {
            top = picture.words(&words, 8.0, top, 3.0, colour) + 3.0;
        }
        let name = Path::new(&object.key).file_stem().context("the photo has no name")?;
        let path = self.folder.join(name).with_extension("jpg");
        std::fs::write(&path, picture.to_jpeg(QUALITY)?).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    async fn sheet(&self, template: &str, regions: &str, variables: &Variables) -> anyhow::Result<Sheet> {
        let header = header::probe(&self.read(template, variables).await?)?;
        let places = serde_json::from_slice(&self.read(regions, variables).await?)?;
        Ok(Sheet { places, width: f64::from(header.width), height: f64::from(header.height) })
    }

    async fn read(&self, pattern: &str, variables: &Variables) -> anyhow::Result<bytes::Bytes> {
        let uri = variables.expand(pattern)?;
        Ok(self.references.read(&object(&uri, self.settings)?).await?)
    }
}

/// The object of the job's store that an address names.
pub(super) fn object(address: &str, settings: &WorkerSettings) -> anyhow::Result<Object> {
    let plain = Format::Plain { uri_pointer: None };
    let places = Places { buckets: &settings.storage.buckets, hosts: &settings.hosts };
    let parsed = formats::parse(&plain, places, Message { headers: &[], value: address.as_bytes() })?;
    let named = parsed.photos.into_iter().next().with_context(|| format!("{address:?} names no object"))?;
    Ok(named.object)
}
