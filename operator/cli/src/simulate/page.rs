//! Runs as one page with plots: everything it needs is inside.

use serde::Serialize;

use super::report::Figures;
use super::runs::Run;
use super::setting::Setting;

const PAGE: &str = include_str!("page.html");

/// What the page's script draws.
#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    wait: f64,
    runs: Vec<Plot>,
}

#[derive(Serialize)]
struct Plot {
    #[serde(flatten)]
    figures: Figures,
    /// Second, waiting, wanted, ready, floor (null where there is none).
    samples: Vec<(f64, u64, u32, u32, Option<u32>)>,
    /// Second, sentence: the last change before each sample at most.
    notes: Vec<(u64, String)>,
}

/// The page.
pub(super) fn page(setting: &Setting, runs: &[Run]) -> anyhow::Result<String> {
    let data = Data {
        title: &setting.name,
        wait: runs.first().map_or(0.0, |run| run.wait),
        runs: runs.iter().map(plot).collect(),
    };
    // A sentence must not end the script that it is part of.
    let json = serde_json::to_string(&data)?.replace("</", "<\\/");
    Ok(PAGE.replace("/*DATA*/null", &json))
}

fn plot(run: &Run) -> Plot {
    let course = &run.course;
    let samples =
        course.samples.iter().map(|s| (s.second.round(), s.waiting.round() as u64, s.wanted, s.ready, s.floor));
    let mut notes: Vec<(u64, String)> = Vec::new();
    let mut changes = course.notes.iter().peekable();
    for sample in &course.samples {
        let mut last = None;
        while let Some(note) = changes.next_if(|note| note.second as f64 <= sample.second) {
            last = Some(note);
        }
        notes.extend(last.map(|note| (note.second, note.sentence.clone())));
    }
    Plot { figures: Figures::of(run), samples: samples.collect(), notes }
}
