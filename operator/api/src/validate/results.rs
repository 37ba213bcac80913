//! Topics of results and failures: none is read by the job itself, and none is used for two things.

use super::names;
use super::problem::Problems;
use crate::{ImageJobSpec, Route, Step};

/// Where results and failures go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Topic for results.
    pub topic: String,
    /// Where results go instead; the first that fits decides.
    pub routes: Vec<Route>,
    /// JSON pointers whose values are copied from the message into the result.
    pub copy: Vec<String>,
    /// Topic for one event per record that is given up.
    pub failure_topic: Option<String>,
    /// Topic for the records that are given up.
    pub dead_letter_topic: String,
}

impl Results {
    /// Topics with one record per outcome: results, and what is given up. Some may be there twice.
    pub fn outcome_topics(&self) -> impl Iterator<Item = &str> {
        let routed = self.routes.iter().map(|route| route.topic.as_str());
        [self.topic.as_str(), self.dead_letter_topic.as_str()].into_iter().chain(routed)
    }
}

pub(super) fn results(spec: &ImageJobSpec, problems: &mut Problems) -> Results {
    let sources = &spec.source.kafka.topics;
    let default = || format!("{}.dlq", sources.first().map_or("", String::as_str));
    let dead_letter_topic = spec.dead_letter.as_ref().map_or_else(default, |d| d.topic.clone());
    let results = Results {
        topic: spec.results.topic.clone(),
        routes: spec.results.routes.clone(),
        copy: spec.results.copy.clone(),
        failure_topic: spec.results.failure_topic.clone(),
        dead_letter_topic,
    };
    let mut taken: Vec<(&str, &str)> = Vec::new();
    let targets = [
        ("spec.results.topic", Some(&results.topic)),
        ("spec.results.failureTopic", results.failure_topic.as_ref()),
        ("spec.deadLetter.topic", Some(&results.dead_letter_topic)),
    ];
    for (path, topic) in targets.iter().filter_map(|(path, topic)| Some((*path, topic.as_ref()?.as_str()))) {
        names::topic(path, topic, problems);
        if sources.iter().any(|source| source == topic) {
            problems.add(path, format!("{topic:?} is a source topic too, and would feed itself; use another"));
        }
        if let Some((other, _)) = taken.iter().find(|(_, name)| *name == topic) {
            problems.add(path, format!("{topic:?} is {other} too; use another"));
        }
        taken.push((path, topic));
    }
    for (i, pointer) in results.copy.iter().enumerate() {
        names::json_pointer(&format!("spec.results.copy[{i}]"), pointer, problems);
    }
    for (i, route) in results.routes.iter().enumerate() {
        let path = format!("spec.results.routes[{i}].topic");
        names::topic(&path, &route.topic, problems);
        if sources.contains(&route.topic) {
            problems.add(&path, format!("{:?} is a source topic too, and would feed itself; use another", route.topic));
        }
        // Results that are sorted may well end in the topic that the others go to.
        if let Some((other, _)) = taken[1..].iter().find(|(_, name)| *name == route.topic) {
            problems.add(&path, format!("{:?} is {other} too; use another", route.topic));
        }
        when(&format!("spec.results.routes[{i}].when"), route, &spec.steps, problems);
    }
    results
}

/// A field of what a step of the job finds.
fn when(path: &str, route: &Route, steps: &[Step], problems: &mut Problems) {
    let parts: Vec<&str> = route.when.split('.').collect();
    if parts.len() < 2 || parts.contains(&"") {
        problems.add(path, format!("{:?} is no field of a step; write it like match.verdict", route.when));
    } else if !steps.is_empty() && !steps.iter().any(|step| step.name == parts[0]) {
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        problems.add(path, format!("{:?} is no step; steps are: {}", parts[0], names.join(", ")));
    }
}
