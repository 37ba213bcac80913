//! What a result says about places in its photo, as lines and words to draw. Pure.

use imagejob_vision::geometry::{Homography, Point, Quad, frame};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::picture::Colour;

const GREEN: Colour = [0, 130, 60];
const RED: Colour = [200, 30, 30];
const AMBER: Colour = [190, 110, 0];
const BLUE: Colour = [40, 80, 200];

/// The regions of a page and its template's size, pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sheet {
    pub(super) places: Vec<Place>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// An answer region, in pixels of the template.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Annotation {
    /// One line a step.
    pub(super) lines: Vec<(String, Colour)>,
    /// Corners in pixels of the upright photo, and whether they are those of the whole thing.
    pub(super) outlines: Vec<Outline>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outline {
    pub(super) corners: Quad,
    pub(super) colour: Colour,
    pub(super) whole: bool,
}

impl Annotation {
    /// Of the entries of a result, by step; `sheet` tells the page that a step looked for, if it did.
    pub(super) fn of<'a>(steps: &Map<String, Value>, sheet: impl Fn(&str) -> Option<&'a Sheet>) -> Self {
        let mut found = Self { lines: Vec::new(), outlines: Vec::new() };
        for (name, entry) in steps {
            let Some(verdict) = entry["verdict"].as_str() else { continue };
            let colour = colour(verdict);
            found.lines.push((sentence(name, verdict, entry), colour));
            let Some(corners) = quad(&entry["corners"]) else { continue };
            found.outlines.push(Outline { corners, colour, whole: true });
            let marks = entry["regions"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(sheet) = (!marks.is_empty()).then(|| sheet(name)).flatten() {
                found.outlines.extend(regions(sheet, marks, &corners));
            }
        }
        found
    }
}

/// `match: Mismatch Sibling 0.112`.
fn sentence(step: &str, verdict: &str, entry: &Value) -> String {
    let causes = entry["causes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // Of what was not found there is none to tell.
    let share =
        ["score", "fraction"].iter().find_map(|field| entry[field].as_f64()).filter(|_| !entry["corners"].is_null());
    let words = [format!("{step}:"), verdict.to_owned()].into_iter();
    let words = words.chain(causes.map(str::to_owned)).chain(share.map(|share| share.to_string()));
    words.collect::<Vec<_>>().join(" ")
}

fn colour(verdict: &str) -> Colour {
    match verdict {
        "Match" | "Complete" | "Good" | "Answered" => GREEN,
        "Unsure" | "Partial" => AMBER,
        "Empty" => BLUE,
        _ => RED,
    }
}

fn quad(corners: &Value) -> Option<Quad> {
    let corners: [[f64; 2]; 4] = Deserialize::deserialize(corners).ok()?;
    Some(corners.map(|[x, y]| Point { x, y }))
}

/// Where the template's regions lie in the photo of a page with these corners.
fn regions(sheet: &Sheet, marks: &[Value], corners: &Quad) -> Vec<Outline> {
    let flat = frame(sheet.width, sheet.height);
    let Some(map) = Homography::fit(flat.into_iter().zip(*corners).map(|(from, to)| (from, to, 1.0))) else {
        return Vec::new();
    };
    let outline = |(place, mark): (&Place, &Value)| {
        let Place { x, y, width, height } = *place;
        let seen = frame(width, height).map(|corner| map.apply(Point { x: corner.x + x, y: corner.y + y }));
        let [Some(a), Some(b), Some(c), Some(d)] = seen else { return None };
        Some(Outline { corners: [a, b, c, d], colour: colour(mark["mark"].as_str()?), whole: false })
    };
    sheet.places.iter().zip(marks).filter_map(outline).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn of(steps: &Value, sheet: Option<&Sheet>) -> Annotation {
        Annotation::of(steps.as_object().unwrap(), |_| sheet)
    }

    #[test]
    fn each_verdict_is_a_line_and_what_was_found_an_outline() {
        let corners = [[1.0, 2.0], [11.0, 2.0], [11.0, 9.0], [1.0, 9.0]];
        let steps = json!({
            "quality": {"verdict": "Good", "sharpness": 0.4},
            "match": {"verdict": "Mismatch", "causes": ["Sibling"], "score": 0.112, "corners": corners},
            "other": {"verdict": "Unsure", "causes": ["Dark", "Blurred"], "score": 0.0, "corners": null},
            "own": {"label": "cat"},
        });
        let Annotation { mut lines, outlines } = of(&steps, None);
        lines.sort();
        assert_eq!(
            lines,
            [
                ("match: Mismatch Sibling 0.112".to_owned(), RED),
                ("other: Unsure Dark Blurred".to_owned(), AMBER),
                ("quality: Good".to_owned(), GREEN),
            ]
        );
        let corners = corners.map(|[x, y]| Point { x, y });
        assert_eq!(outlines, [Outline { corners, colour: RED, whole: true }]);
    }

    #[test]
    fn regions_lie_where_the_page_was_found() {
        // A page of 10 x 20 pixels, seen twice as large and moved by 100, 50.
        let steps = json!({"page": {
            "verdict": "Partial", "causes": [], "fraction": 0.5,
            "regions": [{"name": "1", "mark": "Answered"}, {"name": "2", "mark": "Empty"}],
            "corners": [[100.0, 50.0], [120.0, 50.0], [120.0, 90.0], [100.0, 90.0]],
        }});
        let place = |y| Place { x: 1.0, y, width: 3.0, height: 2.0 };
        let sheet = Sheet { places: vec![place(4.0), place(8.0)], width: 10.0, height: 20.0 };
        let Annotation { lines, outlines } = of(&steps, Some(&sheet));
        assert_eq!(lines, [("page: Partial 0.5".to_owned(), AMBER)]);
        let seen: Vec<_> =
            outlines.iter().map(|o| (o.corners[0].x.round(), o.corners[2].y.round(), o.colour)).collect();
        assert_eq!(seen, [(100.0, 90.0, AMBER), (102.0, 62.0, GREEN), (102.0, 70.0, BLUE)]);
    }
}
