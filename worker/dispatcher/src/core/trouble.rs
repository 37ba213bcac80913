//! What the brokers' silence and refusals become in the report.

use imagejob_protocol::reasons::ProblemReason;
use tracing::{debug, warn};

use super::Core;
use crate::broker::BrokerError;
use crate::signals::ConsumerError;

/// What is known about brokers that do not answer as they should.
#[derive(Debug)]
pub(super) struct Trouble {
    servers: String,
    /// Why a connection failed lately. A question that waited for it only knows that it did.
    cause: Option<String>,
}

impl Trouble {
    pub(super) fn new(servers: &str) -> Self {
        Self { servers: servers.to_owned(), cause: None }
    }

    /// One sentence: the cause, or else the symptom.
    fn sentence(&self, symptom: &str) -> String {
        let told = self.cause.as_deref().unwrap_or(symptom);
        if told.contains(&self.servers) { told.to_owned() } else { format!("{}: {told}", self.servers) }
    }
}

/// librdkafka's sentence without its thread, and without what changes each time it is told:
/// `[thrd:...]: <sentence> (after 3ms in state ...)`.
fn lasting(told: &str) -> String {
    let sentence = told.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")).map_or(told, |(_, rest)| rest);
    sentence.split(" (after ").next().unwrap_or(sentence).to_owned()
}

impl Core {
    pub(super) fn on_consumer_error(&mut self, error: ConsumerError) {
        match error {
            ConsumerError::Unreachable(message) => self.silent(&message),
            ConsumerError::Broken(message) => self.questions.trouble.cause = Some(lasting(&message)),
            ConsumerError::NotAuthorized(message) => self.refused(&message),
            ConsumerError::Other(message) => debug!(message, "consumer"),
            ConsumerError::Fatal(message) => self.recreate(message),
        }
    }

    /// A question has no answer.
    pub(super) fn trouble(&mut self, error: &BrokerError) {
        match error {
            BrokerError::Refused(_) => self.refused(&error.to_string()),
            BrokerError::Silent(_) | BrokerError::Partition { .. } => self.silent(&error.to_string()),
        }
    }

    fn refused(&mut self, symptom: &str) {
        // Whoever is known but may not do something has a connection: no cause of that kind belongs here.
        let unknown = symptom.to_lowercase().contains("authentication");
        let told = if unknown {
            self.questions.trouble.sentence(symptom)
        } else {
            format!("{}: {symptom}", self.access.servers())
        };
        let message = format!("{told}; correct the Secret of spec.source.kafka.auth or what its user may do");
        if self.desk.problems.set(ProblemReason::NotAuthorized, message.clone()) {
            warn!(message, "the broker refuses");
        }
        self.desk.problems.clear(ProblemReason::BrokerUnreachable);
    }

    /// Whoever is turned away gets no answers either; that is no second problem.
    fn silent(&mut self, symptom: &str) {
        if self.desk.problems.has(ProblemReason::NotAuthorized) {
            return;
        }
        let message = self.questions.trouble.sentence(symptom);
        if self.desk.problems.set(ProblemReason::BrokerUnreachable, message.clone()) {
            warn!(message, "the broker does not answer");
        }
    }

    /// A question has an answer. That the group is open to us is known once it has given us something.
    pub(super) fn fine(&mut self) {
        self.questions.trouble.cause = None;
        self.desk.problems.clear(ProblemReason::BrokerUnreachable);
        if self.belonging.group.is_none() || !self.desk.held().is_empty() {
            self.desk.problems.clear(ProblemReason::NotAuthorized);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_does_not_change_each_time_it_is_told() {
        let told = "[thrd:sasl_plaintext://kafka:9092/bootstrap]: sasl_plaintext://kafka:9092/bootstrap: SASL \
                    authentication error: no (after 5ms in state AUTH_REQ, 3 identical error(s) suppressed)";
        assert_eq!(lasting(told), "sasl_plaintext://kafka:9092/bootstrap: SASL authentication error: no");
        assert_eq!(lasting("1/1 brokers are down"), "1/1 brokers are down");
    }

    #[test]
    fn the_cause_is_told_rather_than_the_symptom_and_with_the_address_once() {
        let mut trouble = Trouble::new("kafka:9092");
        assert_eq!(trouble.sentence("no answer"), "kafka:9092: no answer");
        trouble.cause = Some("ssl://kafka:9092/bootstrap: SSL handshake failed".into());
        assert_eq!(trouble.sentence("no answer"), "ssl://kafka:9092/bootstrap: SSL handshake failed");
    }
}
