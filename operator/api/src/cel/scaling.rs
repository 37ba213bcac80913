//! Rules for how many workers run: bounds, profiles, calendars, times.

use kube::core::Rule;

use super::{LABEL, rule};

/// Bounds of a job.
pub(crate) fn scaling() -> Vec<Rule> {
    vec![
        rule(
            "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
            "minReplicas is above maxReplicas; lower it",
        )
        .field_path(".minReplicas"),
        rule(
            "!has(self.maxReplicas) || !has(self.profiles) \
             || self.profiles.all(p, !has(p.floor) || p.floor <= self.maxReplicas)",
            "the floor of a profile is above maxReplicas; lower it",
        )
        .field_path(".profiles"),
        rule(
            "!has(self.maxReplicas) || !has(self.override) || self.override.replicas <= self.maxReplicas",
            "override.replicas is above maxReplicas; lower it",
        )
        .field_path(".override.replicas"),
    ]
}

/// An RFC 3339 time.
pub(crate) fn instant() -> Vec<Rule> {
    let date = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
    let time = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?";
    let zone = "([Zz]|[+-][0-9:]{2,8})";
    vec![rule(
        format!("self.matches('^{date}[Tt ]{time}{zone}$')"),
        "write a time with a zone like 2026-11-11T00:20:00+08:00",
    )]
}

/// Bounds of a policy, and what its profiles do within them.
pub(crate) fn policy() -> Vec<Rule> {
    vec![
        rule("self.minReplicas <= self.maxReplicas", "minReplicas is above maxReplicas; lower it")
            .field_path(".minReplicas"),
        rule("self.minWaitSeconds <= self.waitSeconds", "waitSeconds is below minWaitSeconds; raise it")
            .field_path(".waitSeconds"),
        // A job's profile may do nothing of its own: it is merged with the policy's.
        rule(
            "!has(self.profiles) || self.profiles.all(p, has(p.floor) || has(p.rate) || has(p.volume) \
             || has(p.ceiling) || has(p.waitSeconds) || has(p.spare))",
            "a profile does nothing; add at least one of floor rate volume ceiling waitSeconds spare",
        )
        .field_path(".profiles"),
        rule(
            "!has(self.profiles) || self.profiles.all(p, !has(p.floor) || p.floor <= self.maxReplicas)",
            "the floor of a profile is above maxReplicas; lower it",
        )
        .field_path(".profiles"),
        rule(
            "!has(self.profiles) || self.profiles.all(p, !has(p.ceiling) \
             || (self.minReplicas <= p.ceiling && p.ceiling <= self.maxReplicas))",
            "the ceiling of a profile is not from minReplicas to maxReplicas; change it",
        )
        .field_path(".profiles"),
        rule(
            "!has(self.profiles) || self.profiles.all(p, !has(p.waitSeconds) || p.waitSeconds >= self.minWaitSeconds)",
            "the waitSeconds of a profile is below minWaitSeconds; raise it",
        )
        .field_path(".profiles"),
        rule(
            "!has(self.exceptions) || self.exceptions.all(e, has(self.calendars) \
             && self.calendars.exists(c, c.name == e.calendar))",
            "an exception names a calendar that is not in calendars; add it",
        )
        .field_path(".exceptions"),
        rule(
            format!(
                "!has(self.exceptions) || self.exceptions.all(e, (!has(e.skip) || e.skip.all(n, {known})) \
                 && (!has(e.use) || e.use.all(n, {known})))",
                known = "has(self.profiles) && self.profiles.exists(p, p.name == n)"
            ),
            "an exception names a profile that is not in profiles; add it",
        )
        .field_path(".exceptions"),
        rule(
            "!has(self.adjustments) || self.adjustments.all(a, has(self.profiles) && self.profiles.exists(p, \
             p.name == a.profile && (has(p.floor) || has(p.rate) || has(p.volume))))",
            "an adjustment names a profile that is not in profiles, or has no floor, rate or volume; name another",
        )
        .field_path(".adjustments"),
    ]
}

/// What a calendar does to profiles.
pub(crate) fn exception() -> Vec<Rule> {
    vec![rule("has(self.skip) || has(self.use)", "an exception does nothing; add skip or use")]
}

/// A profile by itself.
pub(crate) fn profile() -> Vec<Rule> {
    vec![
        rule(
            "!has(self.floor) || !has(self.ceiling) || self.floor <= self.ceiling",
            "floor is above ceiling; lower it",
        )
        .field_path(".floor"),
        rule(
            "[has(self.floor), has(self.rate), has(self.volume)].filter(given, given).size() <= 1",
            "a profile prepares for one thing; keep one of floor rate volume",
        ),
    ]
}

/// The name of a profile.
pub(crate) fn profile_name() -> Vec<Rule> {
    vec![rule(
        format!("self.matches('^{LABEL}$')"),
        "the name of a profile is made of a-z 0-9 -, with a letter or digit at each end",
    )]
}

/// Where a calendar has its dates from.
pub(crate) fn calendar() -> Vec<Rule> {
    vec![rule(
        "has(self.dates) != has(self.configMapRef)",
        "a calendar has either dates or configMapRef; add one, or omit one",
    )]
}

/// Labels by which namespaces are chosen.
pub(crate) fn match_labels() -> Vec<Rule> {
    vec![rule("size(self) > 0", "matchLabels names no label; add one, or omit allowedNamespaces")]
}

/// The name of a calendar.
pub(crate) fn calendar_name() -> Vec<Rule> {
    vec![rule(
        format!("self.matches('^{LABEL}$')"),
        "the name of a calendar is made of a-z 0-9 -, with a letter or digit at each end",
    )]
}

/// Dates and ranges of dates.
pub(crate) fn dates() -> Vec<Rule> {
    let date = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
    vec![rule(
        format!("self.all(d, d.matches('^{date}(/{date})?$'))"),
        "write dates like 2026-11-28, or 2026-10-01/2026-10-07",
    )]
}

/// Days of every year, and ranges of them.
pub(crate) fn days_of_the_year() -> Vec<Rule> {
    let day = "(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
    vec![rule(
        format!("self.all(d, d.matches('^{day}(/{day})?$'))"),
        "write days of the year like 11-11, or 07-01/08-31",
    )]
}

/// When a window starts.
pub(crate) fn start_time() -> Vec<Rule> {
    vec![rule(format!("self.matches('^{TIME}$')"), TIME_FORM)]
}

/// When a window ends.
pub(crate) fn end_time() -> Vec<Rule> {
    vec![rule(format!("self.matches('^({TIME}|24:00(:00)?)$')"), TIME_FORM)]
}

const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?";
const TIME_FORM: &str = "write a time of day like HH:MM or HH:MM:SS";
