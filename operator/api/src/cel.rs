//! What an API server checks when an object is written, beyond types, ranges and sizes: everything
//! that needs no clock, no broker, no zone data and no other object.
//!
//! Each rule has its sentence, which names the way out. The same is checked by
//! [`validate`](crate::validate()) for files that no API server sees; `tests/cel` holds the two to each
//! other. Text that a rule walks over has a largest size in the schema, which bounds what the rule may
//! cost.

use kube::core::Rule;

/// A DNS label: part of the names of pods.
const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

fn rule(expression: impl Into<String>, sentence: &str) -> Rule {
    Rule::new(expression).message(sentence)
}

/// The name of a job.
pub(crate) fn job_name() -> Rule {
    rule(
        format!("self.metadata.name.size() <= 40 && self.metadata.name.matches('^{LABEL}$')"),
        "the name of a job is part of its pods' names; use at most 40 of a-z 0-9 -",
    )
}

/// Fields of a job that depend on each other across its parts.
pub(crate) fn job() -> Vec<Rule> {
    let sources = "self.source.kafka.topics";
    let dead_letters = format!("(has(self.deadLetter) ? self.deadLetter.topic : {sources}[0] + '.dlq')");
    let feeds_itself = "is a source topic too, and would feed itself; use another";
    vec![
        rule(format!("!(self.results.topic in {sources})"), &format!("results.topic {feeds_itself}"))
            .field_path(".results.topic"),
        rule(
            format!("!has(self.results.failureTopic) || !(self.results.failureTopic in {sources})"),
            &format!("results.failureTopic {feeds_itself}"),
        )
        .field_path(".results.failureTopic"),
        rule(format!("!({dead_letters} in {sources})"), &format!("deadLetter.topic {feeds_itself}"))
            .field_path(".deadLetter.topic"),
        rule(
            "!has(self.results.failureTopic) || self.results.failureTopic != self.results.topic",
            "results.failureTopic is results.topic too; use another",
        )
        .field_path(".results.failureTopic"),
        rule(format!("{dead_letters} != self.results.topic"), "deadLetter.topic is results.topic too; use another")
            .field_path(".deadLetter.topic"),
        rule(
            format!("!has(self.results.failureTopic) || {dead_letters} != self.results.failureTopic"),
            "deadLetter.topic is results.failureTopic too; use another",
        )
        .field_path(".deadLetter.topic"),
    ]
}

/// The group is where offsets are kept and what result ids are made of: another group would start
/// from the beginning, with other ids.
pub(crate) fn kafka() -> Vec<Rule> {
    vec![
        rule(
            "has(self.consumerGroup) == has(oldSelf.consumerGroup) \
             && (!has(self.consumerGroup) || self.consumerGroup == oldSelf.consumerGroup)",
            "consumerGroup cannot change, as it keeps the offsets; create another job for another group",
        )
        .field_path(".consumerGroup"),
    ]
}

/// `host:port,...`.
pub(crate) fn bootstrap_servers() -> Vec<Rule> {
    let server = " *[^/ ,]+:[0-9]{1,5} *";
    vec![rule(format!("self.matches('^{server}(,{server})*$')"), "write host:port, several with commas")]
}

/// Topics that are read.
pub(crate) fn topics() -> Vec<Rule> {
    vec![rule(format!("self.all(t, {})", topic_expression("t")), TOPIC_FORM), unique("topic")]
}

/// A topic that is written.
pub(crate) fn topic() -> Vec<Rule> {
    vec![rule(topic_expression("self"), TOPIC_FORM)]
}

const TOPIC_FORM: &str = "a topic name is 1 to 249 of a-z A-Z 0-9 . _ -";

fn topic_expression(name: &str) -> String {
    format!("({name}.matches('^[a-zA-Z0-9._-]+$') && {name} != '.' && {name} != '..')")
}

fn unique(what: &str) -> Rule {
    rule("self.all(a, self.exists_one(b, a == b))", &format!("a {what} is listed twice; keep one"))
}

/// What belongs to one message format only.
pub(crate) fn source() -> Vec<Rule> {
    vec![
        rule(
            "!has(self.uriPointer) || self.format == 'Plain'",
            "uriPointer belongs to format Plain; set format: Plain or omit uriPointer",
        )
        .field_path(".uriPointer"),
    ]
}

/// A JSON pointer (RFC 6901).
pub(crate) fn json_pointer() -> Vec<Rule> {
    vec![rule(pointer_expression("self"), POINTER_FORM)]
}

/// Several of them.
pub(crate) fn json_pointers() -> Vec<Rule> {
    vec![rule(format!("self.all(p, {})", pointer_expression("p")), POINTER_FORM)]
}

const POINTER_FORM: &str = "write a JSON pointer like /photo/url";

fn pointer_expression(pointer: &str) -> String {
    format!("{pointer}.matches('^(/([^~/]|~[01])*)+$')")
}

/// What belongs to one kind of store only.
pub(crate) fn storage() -> Vec<Rule> {
    vec![
        rule(
            "self.type != 'FileSystem' || has(self.path)",
            "type FileSystem needs path; name the folder that holds the buckets",
        )
        .field_path(".path"),
        rule("self.type == 'FileSystem' || !has(self.path)", "path belongs to type FileSystem; omit it")
            .field_path(".path"),
        rule(
            "self.type == 'S3' || !(has(self.endpoint) || has(self.region) || has(self.addressing) \
             || has(self.secretRef))",
            "endpoint, region, addressing and secretRef belong to type S3; omit them",
        ),
        rule(
            "self.type != 'S3' || has(self.endpoint)",
            "type S3 needs endpoint; write it like https://s3.eu-central-1.amazonaws.com",
        )
        .field_path(".endpoint"),
        rule("self.type != 'S3' || has(self.region)", "type S3 needs region; stores that have none take us-east-1")
            .field_path(".region"),
        rule(
            "self.type != 'S3' || (has(self.addressing) && self.addressing == 'Path') \
             || self.buckets.all(b, !b.contains('.'))",
            "a bucket with a dot cannot be part of a host; use addressing: Path",
        )
        .field_path(".buckets"),
    ]
}

/// A folder on each node.
pub(crate) fn absolute_path() -> Vec<Rule> {
    vec![rule("self.startsWith('/')", "write an absolute path; begin it with /")]
}

/// Where a store answers.
pub(crate) fn endpoint() -> Vec<Rule> {
    vec![rule(r"self.matches('^https?://[a-zA-Z0-9.:\\[\\]-]+/*$')", "write https://host or http://host:port")]
}

/// A region, as it is part of signatures.
pub(crate) fn region() -> Vec<Rule> {
    vec![rule("self.matches('^[a-z0-9-]+$')", "write a region like eu-central-1")]
}

/// The closed list of buckets.
pub(crate) fn buckets() -> Vec<Rule> {
    vec![
        rule(
            "self.all(b, b.matches('^[a-zA-Z0-9_-][a-zA-Z0-9._-]*$'))",
            "a bucket name is made of a-z A-Z 0-9 . _ -, and does not begin with a dot",
        ),
        unique("bucket"),
    ]
}

/// A quantity of bytes above 0.
pub(crate) fn size() -> Vec<Rule> {
    vec![rule(
        "self.matches('^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$') && self.matches('[1-9]')",
        "write a size above 0 like 64Mi",
    )]
}

/// A Secret in the job's namespace.
pub(crate) fn secret_name() -> Vec<Rule> {
    vec![rule(
        format!("self.matches('^{LABEL}([.]{LABEL})*$')"),
        "the name of a Secret is made of a-z 0-9 - ., with a letter or digit at each end",
    )]
}

/// One kind of step.
pub(crate) fn step() -> Vec<Rule> {
    vec![rule(
        "[has(self.quality), has(self.posterMatch), has(self.homework), has(self.handler)].filter(kind, kind).size() == 1",
        "a step has exactly one kind; give it one of quality posterMatch homework handler",
    )]
}

/// Names of steps are keys of results.
pub(crate) fn step_name() -> Vec<Rule> {
    vec![rule("self.matches('^[a-zA-Z][a-zA-Z0-9]*$')", "a step name is a letter, then letters and digits, up to 63")]
}

/// Values by name, from the message.
pub(crate) fn variables() -> Vec<Rule> {
    vec![
        rule(
            "self.all(name, name.matches('^[a-zA-Z][a-zA-Z0-9]*$') && !(name in ['bucket', 'key', 'name', 'ext']))",
            "a variable's name is a letter, then letters and digits, and none of bucket key name ext",
        ),
        rule(format!("self.all(name, {})", pointer_expression("self[name]")), POINTER_FORM),
    ]
}

/// The place of a reference.
pub(crate) fn reference() -> Vec<Rule> {
    vec![rule("self.matches('^(oss|s3)://[^/{}]+/.+$')", "write a reference like oss://posters/{posterId}.jpg")]
}

/// What a handler needs to be reached.
pub(crate) fn handler() -> Vec<Rule> {
    vec![
        rule(
            "has(self.port) || (has(self.command) && self.command.size() > 0)",
            "a handler without a command needs port; name the port that is listened on",
        )
        .field_path(".port"),
        rule(
            "!has(self.command) || self.command.size() == 0 || self.command[0] != ''",
            "the first item of command is empty; name the program",
        )
        .field_path(".command"),
    ]
}

/// The path of a POST.
pub(crate) fn http_path() -> Vec<Rule> {
    vec![rule("self.matches('^/[^ #]*$')", "write a path like /invoke")]
}

/// When a record is tried again.
pub(crate) fn retry() -> Vec<Rule> {
    vec![
        rule(
            "self.maxBackoffSeconds >= self.initialBackoffSeconds",
            "maxBackoffSeconds is below initialBackoffSeconds; raise it",
        )
        .field_path(".maxBackoffSeconds"),
    ]
}

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
