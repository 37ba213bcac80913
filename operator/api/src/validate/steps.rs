//! What is done to each photo.

mod classify;

use std::path::PathBuf;
use std::time::Duration;

use super::outputs::{self, Resize, Watermark};
use super::problem::Problems;
use super::variables;
use crate::job::ImageJobSpec;
use crate::step::{self, FailureAction, LifecycleCall, Payload};

pub use classify::{Classify, ModelInput};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Name of its entry in the result.
    pub name: String,
    /// Whether later steps run after a verdict that says the photo is unusable.
    pub on_fail: FailureAction,
    /// What it does.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sharpness, brightness, size.
    Quality,
    /// Is it the poster that the message names?
    PosterMatch {
        /// `oss://bucket/key` with `{variables}`.
        reference: String,
    },
    /// Which poster of a set is it?
    PosterSearch {
        /// `oss://bucket/key` of the list.
        set: String,
        /// Candidates in the result.
        top: u32,
    },
    /// Which answer regions of the page that the message names are written in?
    Homework {
        /// The blank page's picture, `oss://bucket/key` with `{variables}`.
        template: String,
        /// Its regions, likewise.
        regions: String,
    },
    /// What does the photo show, by a model of the user's?
    Classify(Classify),
    /// A smaller picture, written to the store.
    Resize(Resize),
    /// A picture with a mark on it, written to the store.
    Watermark(Watermark),
    /// Code of the user's own, called over HTTP on the worker's machine.
    Handler(Handler),
}

/// Code of the user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handler {
    /// Program and arguments that each worker starts; empty = something listens already.
    pub command: Vec<String>,
    /// Port on 127.0.0.1; without it and a socket the worker picks one, which needs a command.
    pub port: Option<u16>,
    /// Unix socket.
    pub socket: Option<PathBuf>,
    /// Path of the POST.
    pub path: String,
    /// Limit of one call.
    pub timeout: Duration,
    /// Body of a call.
    pub payload: Payload,
    /// Path of a GET that says whether it is well.
    pub health_path: Option<String>,
    /// Calls that are not about a photo.
    pub lifecycle: Vec<LifecycleCall>,
}

pub(super) fn steps(job: &ImageJobSpec, problems: &mut Problems) -> Vec<Step> {
    let specs = &job.steps;
    if !(1..=8).contains(&specs.len()) {
        problems.add("spec.steps", format!("{} steps are not 1 to 8", specs.len()));
    }
    for (i, step) in specs.iter().enumerate() {
        let name = &step.name;
        if !is_step_name(name) {
            let form = "use a letter, then letters and digits, up to 63";
            problems.add(&format!("spec.steps[{i}].name"), format!("{name:?} is not a step name; {form}"));
        }
        if specs[..i].iter().any(|other| other.name == *name) {
            problems.add(&format!("spec.steps[{i}].name"), format!("{name:?} is there already; keep one"));
        }
    }
    outputs::apart(specs, problems);
    let steps = specs.iter().enumerate();
    steps.filter_map(|(i, step)| self::step(&format!("spec.steps[{i}]"), step, job, problems)).collect()
}

/// What a step may be, as its field is called.
const KINDS: &str = "quality posterMatch homework classify resize watermark handler";

fn step(path: &str, spec: &step::Step, job: &ImageJobSpec, problems: &mut Problems) -> Option<Step> {
    let mut actions = Vec::with_capacity(1);
    if spec.quality.is_some() {
        actions.push(Action::Quality);
    }
    if let Some(poster) = &spec.poster_match {
        actions.extend(poster_match(&format!("{path}.posterMatch"), poster, job, problems));
    }
    if let Some(page) = &spec.homework {
        variables::reference(&format!("{path}.homework.template"), &page.template, job, problems);
        variables::reference(&format!("{path}.homework.regions"), &page.regions, job, problems);
        actions.push(Action::Homework { template: page.template.clone(), regions: page.regions.clone() });
    }
    if let Some(model) = &spec.classify {
        let action = classify::classify(&format!("{path}.classify"), model, job, problems);
        actions.extend(action.map(Action::Classify));
    }
    if let Some(resize) = &spec.resize {
        actions.push(Action::Resize(outputs::resize(&format!("{path}.resize"), resize, job, problems)));
    }
    if let Some(watermark) = &spec.watermark {
        actions.push(Action::Watermark(outputs::watermark(&format!("{path}.watermark"), watermark, job, problems)));
    }
    if let Some(handler) = &spec.handler {
        actions.push(self::handler(&format!("{path}.handler"), handler, problems));
    }
    if actions.len() > 1 {
        problems.add(path, format!("has several kinds; keep one of {KINDS}"));
    }
    let Some(action) = actions.pop() else {
        if spec.poster_match.is_none() && spec.classify.is_none() {
            problems.add(path, format!("has no kind; add one of {KINDS}"));
        }
        return None;
    };
    Some(Step { name: spec.name.clone(), on_fail: spec.on_fail, action })
}

/// Candidates in the result, if nobody says how many.
const TOP: u32 = 3;

fn poster_match(path: &str, spec: &step::PosterMatch, job: &ImageJobSpec, problems: &mut Problems) -> Option<Action> {
    if let Some(top) = spec.top {
        problems.in_range(&format!("{path}.top"), top, 1..=10);
        if spec.reference_set.is_none() {
            problems.add(&format!("{path}.top"), "belongs to referenceSet; omit it");
        }
    }
    match (&spec.reference, &spec.reference_set) {
        (Some(reference), None) => {
            variables::reference(&format!("{path}.reference"), reference, job, problems);
            Some(Action::PosterMatch { reference: reference.clone() })
        }
        (None, Some(set)) => {
            variables::constant(&format!("{path}.referenceSet"), set, "oss://posters/set.txt", job, problems);
            Some(Action::PosterSearch { set: set.clone(), top: spec.top.unwrap_or(TOP) })
        }
        (Some(_), Some(_)) => {
            problems.add(&format!("{path}.referenceSet"), "is there beside reference; omit one of them");
            None
        }
        (None, None) => {
            problems.add(path, "has no references; add one of reference referenceSet");
            None
        }
    }
}

fn handler(path: &str, spec: &step::Handler, problems: &mut Problems) -> Action {
    if spec.command.first().is_some_and(String::is_empty) {
        problems.add(&format!("{path}.command[0]"), "is empty; name the program");
    }
    match spec.port {
        Some(0) => problems.add(&format!("{path}.port"), "0 is not from 1 to 65535"),
        None if spec.command.is_empty() && spec.socket.is_none() => {
            let sentence = "is required without a command and a socket; name the port that is listened on";
            problems.add(&format!("{path}.port"), sentence);
        }
        _ => {}
    }
    if let Some(socket) = &spec.socket {
        let path = format!("{path}.socket");
        if spec.port.is_some() {
            problems.add(&path, "is there beside port; omit one of them");
        }
        if !socket.starts_with('/') || socket.len() > 107 {
            let form = "begin it with / and keep to 107 bytes, as sockets must";
            problems.add(&path, format!("{socket:?} is not the path of a socket; {form}"));
        }
    }
    http_path(&format!("{path}.path"), &spec.path, problems);
    if let Some(health) = &spec.health_path {
        http_path(&format!("{path}.healthPath"), health, problems);
    }
    for (i, call) in spec.lifecycle.iter().enumerate().filter(|(i, call)| spec.lifecycle[..*i].contains(call)) {
        problems.add(&format!("{path}.lifecycle[{i}]"), format!("{call:?} is there already; keep one"));
    }
    problems.in_range(&format!("{path}.timeoutSeconds"), spec.timeout_seconds, 1..=86_400);
    Action::Handler(Handler {
        command: spec.command.clone(),
        port: spec.port,
        socket: spec.socket.as_ref().map(PathBuf::from),
        path: spec.path.clone(),
        timeout: Duration::from_secs(u64::from(spec.timeout_seconds)),
        payload: spec.payload,
        health_path: spec.health_path.clone(),
        lifecycle: spec.lifecycle.clone(),
    })
}

fn http_path(path: &str, written: &str, problems: &mut Problems) {
    if !written.starts_with('/') || written.contains([' ', '#']) {
        problems.add(path, format!("{written:?} is not a path; write it like /invoke"));
    }
}

/// Names become keys of results and parts of expressions: a letter, then letters and digits.
fn is_step_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
}
