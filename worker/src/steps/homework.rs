//! Which answer regions of the page that the message names are written in?

use std::sync::Arc;

use bytes::Bytes;
use imagejob_vision::homework::{Mark, Reading, Region, Template, Verdict, read};
use imagejob_vision::registration::View;
use imagejob_vision::{Caps, decode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Found, Item};
use crate::decode::{Cores, Photo};
use crate::outcome::Failure;
use crate::references::References;

/// The search is random and always the same, so that a photo that is looked at twice has one verdict.
const SEED: u64 = 1;

/// A step with its pages.
pub(super) struct Homework {
    /// Patterns of the blank page's picture, and of its regions.
    pub(super) template: String,
    pub(super) regions: String,
    pub(super) pages: References<Page>,
    pub(super) places: References<Places>,
}

/// What is in a file of regions.
pub(super) struct Places {
    list: Arc<Vec<Place>>,
    /// Pages are made ready with it, so another one makes another page.
    sha256: String,
}

/// A blank page, and what its regions are called.
pub(super) struct Page {
    template: Template,
    places: Arc<Vec<Place>>,
}

/// One entry of the regions' JSON array; pixels of the template's picture.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    name: String,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl Homework {
    /// `{verdict, causes, fraction, regions, template, corners}`; corners in pixels of the upright photo.
    pub(super) async fn run(&self, item: &Item, photo: &Arc<Photo>, cores: &Cores) -> Result<Found, Failure> {
        let uri = item.variables.expand(&self.template)?;
        let regions = item.variables.expand(&self.regions)?;
        let parse = |bytes: &Bytes| {
            let list = serde_json::from_slice(bytes).map_err(|error| {
                format!("not a JSON array of {{\"name\", \"x\", \"y\", \"width\", \"height\"}}: {error}")
            })?;
            Ok(Places { list: Arc::new(list), sha256: format!("{:x}", Sha256::digest(bytes)) })
        };
        let Places { list, sha256 } = &*self.places.get(&regions, &regions, cores, parse).await?;
        let places = Arc::clone(list);
        let prepare = |bytes: &Bytes| {
            // At its full size, as regions are told in its pixels.
            let blank = decode::luma(bytes, &Caps::default(), u32::MAX).map_err(|error| error.to_string())?;
            let region = |place: &Place| Region { x: place.x, y: place.y, width: place.width, height: place.height };
            let regions: Vec<Region> = places.iter().map(region).collect();
            let template = Template::prepare(&blank.luma, &regions).map_err(|error| error.to_string())?;
            Ok(Page { template, places })
        };
        let page = self.pages.get(&format!("{uri} {sha256}"), &uri, cores, prepare).await?;
        let photo = Arc::clone(photo);
        let asked = Arc::clone(&page);
        let found = cores.run(move || read(&View::of(&photo), &asked.template, SEED)).await?;
        Ok(Found { entry: entry(&found, &page.places, &uri), usable: found.verdict != Verdict::Unsure })
    }
}

fn entry(found: &Reading, places: &[Place], uri: &str) -> Map<String, Value> {
    let tenths = |pixels: f64| (pixels * 10.0).round() / 10.0;
    let corners = found.corners.map(|corners| corners.map(|corner| [tenths(corner.x), tenths(corner.y)]));
    let causes: Vec<&str> = found.causes.iter().map(|cause| cause.as_str()).collect();
    let mark = |(place, mark): (&Place, &Mark)| json!({"name": place.name, "mark": mark.as_str()});
    let regions: Vec<Value> = places.iter().zip(&found.marks).map(mark).collect();
    Map::from_iter(
        [
            ("verdict", Value::from(found.verdict.as_str())),
            ("causes", causes.into()),
            ("fraction", found.fraction().map(|share| (share * 1e3).round() / 1e3).into()),
            ("regions", regions.into()),
            ("template", uri.into()),
            ("corners", json!(corners)),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}
