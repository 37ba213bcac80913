//! What an API server checks when an object is written, beyond types, ranges and sizes: everything
//! that needs no clock, no broker, no zone data and no other object.
//!
//! Each rule has its sentence, which names the way out. The same is checked by
//! [`validate`](crate::validate()) for files that no API server sees; `tests/cel` holds the two to each
//! other. Text that a rule walks over has a largest size in the schema, which bounds what the rule may
//! cost.

mod outputs;
mod scaling;

use kube::core::Rule;
pub(crate) use outputs::*;
pub(crate) use scaling::*;

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
        rule(
            format!("!has(self.results.routes) || !self.results.routes.exists(r, r.topic in {sources})"),
            &format!("a topic in results.routes {feeds_itself}"),
        )
        .field_path(".results.routes"),
        rule(
            format!(
                "!has(self.results.routes) || !self.results.routes.exists(r, r.topic == {dead_letters} \
                 || (has(self.results.failureTopic) && r.topic == self.results.failureTopic))"
            ),
            "a topic in results.routes is for failures too; use another",
        )
        .field_path(".results.routes"),
        rule(
            "!has(self.results.routes) \
             || self.results.routes.all(r, self.steps.exists(s, r.when.startsWith(s.name + '.')))",
            "results.routes looks at a step that spec.steps does not have; write <name of a step>.<field>",
        )
        .field_path(".results.routes"),
        rule(
            "!has(self.source.hosts) || self.source.hosts.all(host, self.source.hosts[host] in self.storage.buckets)",
            "a bucket in source.hosts is not in storage.buckets; add it there",
        )
        .field_path(".source.hosts"),
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

/// A field of what a step found.
pub(crate) fn finding() -> Vec<Rule> {
    vec![rule("self.matches('^[^.]+([.][^.]+)+$')", "write <name of a step>.<field>, as in match.verdict")]
}

const POINTER_FORM: &str = "write a JSON pointer like /photo/url";

fn pointer_expression(pointer: &str) -> String {
    format!("{pointer}.matches('^(/([^~/]|~[01])*)+$')")
}

/// Buckets by domain names.
pub(crate) fn hosts() -> Vec<Rule> {
    vec![rule(
        "self.all(host, host.size() <= 253 && host.matches('^[a-z0-9-]+([.][a-z0-9-]+)*$'))",
        "write a host name in small letters like img.example.com, without https:// and port",
    )]
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
            "self.type != 'FileSystem' || !(has(self.endpoint) || has(self.region) || has(self.addressing) \
             || has(self.signatureVersion) || has(self.secretRef) || has(self.identity))",
            "endpoint, region, addressing, signatureVersion, secretRef and identity belong to types Oss and S3; omit them",
        ),
        rule(
            "self.type != 'S3' || has(self.endpoint)",
            "type S3 needs endpoint; write it like https://s3.eu-central-1.amazonaws.com",
        )
        .field_path(".endpoint"),
        rule(
            "self.type != 'Oss' || has(self.endpoint)",
            "type Oss needs endpoint; write it like https://oss-cn-hangzhou-internal.aliyuncs.com",
        )
        .field_path(".endpoint"),
        rule("self.type != 'S3' || has(self.region)", "type S3 needs region; stores that have none take us-east-1")
            .field_path(".region"),
        rule(
            "self.type != 'Oss' || has(self.region) || (has(self.signatureVersion) && self.signatureVersion == 'V1')",
            "type Oss needs region, as signatures name it; write it like cn-hangzhou",
        )
        .field_path(".region"),
        rule("self.type != 'S3' || !has(self.signatureVersion)", "signatureVersion belongs to type Oss; omit it")
            .field_path(".signatureVersion"),
        rule(
            "!has(self.secretRef) || !has(self.identity)",
            "identity is for jobs without secretRef; omit one of the two",
        )
        .field_path(".identity"),
        rule(
            "self.type == 'FileSystem' || (has(self.addressing) && self.addressing != 'VirtualHost') \
             || self.buckets.all(b, !b.contains('.'))",
            "a bucket with a dot cannot be part of a host; use addressing: Path",
        )
        .field_path(".buckets"),
        rule(
            "!has(self.addressing) || self.addressing != 'CName' || self.buckets.size() == 1",
            "with addressing: CName the host leads to one bucket; name that alone",
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
        "[has(self.quality), has(self.posterMatch), has(self.homework), has(self.classify), has(self.resize), \
         has(self.watermark), has(self.handler)].filter(kind, kind).size() == 1",
        "a step has exactly one kind; give it one of quality posterMatch homework classify resize watermark handler",
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

/// One poster or a set of them.
pub(crate) fn poster_match() -> Vec<Rule> {
    vec![
        rule(
            "has(self.reference) != has(self.referenceSet)",
            "posterMatch compares with a reference or searches a referenceSet; give it one of them",
        ),
        rule("!has(self.top) || has(self.referenceSet)", "top belongs to referenceSet; omit it").field_path(".top"),
    ]
}

/// The place of a list of references, the same for all photos.
pub(crate) fn reference_set() -> Vec<Rule> {
    vec![rule("self.matches('^(oss|s3)://[^/{}]+/[^{}]+$')", "write a set like oss://posters/set.txt")]
}

/// The place of a model, the same for all photos.
pub(crate) fn model() -> Vec<Rule> {
    vec![rule(
        "self.matches('^((oss|s3)://[^/{}]+/|file:///)[^{}]+$')",
        "write a model like oss://models/kind.onnx or file:///models/kind.onnx",
    )]
}

/// A SHA-256 in hexadecimal digits.
pub(crate) fn sha256() -> Vec<Rule> {
    vec![rule("self.matches('^[0-9a-f]{64}$')", "write the 64 digits 0-9 a-f that sha256sum prints")]
}

/// What a handler needs to be reached.
pub(crate) fn handler() -> Vec<Rule> {
    vec![
        rule(
            "has(self.port) || has(self.socket) || (has(self.command) && self.command.size() > 0)",
            "a handler without a command needs port or socket; name what is listened on",
        )
        .field_path(".port"),
        rule("!has(self.port) || !has(self.socket)", "a handler listens on a port or on a socket; omit one of them")
            .field_path(".socket"),
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
