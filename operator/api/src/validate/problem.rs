//! What is wrong with a job or a policy, collected.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use crate::job::ImageJob;
use crate::object::NamespacedName;
use crate::policy::ScalePolicy;

/// One thing that is wrong: `spec.retry.maxAttempts: 0 is not from 1 to 100`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// The object that has to change.
    pub subject: Subject,
    /// Dotted path of the field in it.
    pub path: String,
    /// A stable word for conditions.
    pub reason: InvalidReason,
    /// What is wrong, and the way out.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Subject::ScalePolicy(name) = &self.subject {
            write!(f, "ScalePolicy {name}: ")?;
        }
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// The object that has to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The job.
    ImageJob(NamespacedName),
    /// The policy, by name.
    ScalePolicy(String),
}

/// A stable word for a problem, used as the reason of a `Stalled` condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidReason {
    /// A field of the job makes no sense.
    InvalidSpec,
    /// A field of the policy makes no sense.
    InvalidPolicy,
    /// The job refers to a policy that does not exist.
    PolicyNotFound,
    /// The job asks for more than its policy admits.
    WiderThanPolicy,
    /// There is no such time zone.
    UnknownTimeZone,
    /// The dates of a calendar are nowhere.
    CalendarMissing,
    /// The policy does not admit the job's namespace.
    NamespaceNotAllowed,
}

impl InvalidReason {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSpec => "InvalidSpec",
            Self::InvalidPolicy => "InvalidPolicy",
            Self::PolicyNotFound => "PolicyNotFound",
            Self::WiderThanPolicy => "WiderThanPolicy",
            Self::UnknownTimeZone => "UnknownTimeZone",
            Self::CalendarMissing => "CalendarMissing",
            Self::NamespaceNotAllowed => "NamespaceNotAllowed",
        }
    }
}

/// Collects problems of a job and its policy.
pub(super) struct Problems {
    job: NamespacedName,
    policy: Option<String>,
    found: Vec<Problem>,
}

impl Problems {
    pub(super) fn of(job: &ImageJob, policy: Option<&ScalePolicy>) -> Self {
        Self {
            job: NamespacedName::of(&job.metadata),
            policy: policy.map(|policy| policy.metadata.name.clone().unwrap_or_default()),
            found: Vec::new(),
        }
    }

    /// Problems of a policy that no job refers to.
    pub(super) fn of_policy(policy: &ScalePolicy) -> Self {
        let job = NamespacedName { namespace: String::new(), name: String::new() };
        Self { job, policy: Some(policy.metadata.name.clone().unwrap_or_default()), found: Vec::new() }
    }

    /// A field of the job makes no sense.
    pub(super) fn add(&mut self, path: &str, message: impl Into<String>) {
        self.add_as(InvalidReason::InvalidSpec, path, message);
    }

    /// The job is at fault, for a reason of its own.
    pub(super) fn add_as(&mut self, reason: InvalidReason, path: &str, message: impl Into<String>) {
        let subject = Subject::ImageJob(self.job.clone());
        self.found.push(Problem { subject, path: path.to_owned(), reason, message: message.into() });
    }

    /// The policy is at fault. Without one its defaults were checked, which are valid.
    pub(super) fn add_to_policy(&mut self, reason: InvalidReason, path: &str, message: impl Into<String>) {
        let subject = Subject::ScalePolicy(self.policy.clone().unwrap_or_default());
        self.found.push(Problem { subject, path: path.to_owned(), reason, message: message.into() });
    }

    /// The value if it lies in a range that begins at 1 or above; else a problem.
    pub(super) fn in_range(&mut self, path: &str, value: u32, range: RangeInclusive<u32>) -> Option<NonZeroU32> {
        if !range.contains(&value) {
            self.add(path, format!("{value} is not from {} to {}", range.start(), range.end()));
            return None;
        }
        NonZeroU32::new(value)
    }

    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    pub(super) fn into_vec(self) -> Vec<Problem> {
        self.found
    }
}
