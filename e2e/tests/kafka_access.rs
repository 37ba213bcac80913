//! Brokers that ask for names: a job works with the right one; with a wrong one, its report says so at once
//! and in one sentence, and nothing spins.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use imagejob_e2e::broker::{Kafka, Secured, VARIABLE};
use imagejob_e2e::fleet::{Fleet, quality_step};
use imagejob_e2e::wait;
use imagejob_protocol::reasons::ProblemReason;
use imagejob_protocol::settings::{KafkaAuth, KafkaTls, SaslMechanism};
use imagejob_protocol::wire::Problem;
use tempfile::TempDir;

/// Until a wrong password is reported.
const SOON: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_mins(1);
const PHOTO: &[u8] = include_bytes!("../../demo/photos/rocket.jpg");

/// A broker that knows alice, who may do everything, and bob, who may nothing.
fn secured() -> Option<Secured> {
    if std::env::var(VARIABLE).as_deref() == Ok("mock") {
        eprintln!("SKIPPED: librdkafka's mock asks nobody for a name");
        return None;
    }
    Some(Kafka::secured("127.0.0.1", "alice:secret bob:other").unwrap())
}

/// The files of a Secret.
struct Secret(TempDir);

impl Secret {
    fn user(name: &str, password: &str) -> Self {
        let secret = Self(tempfile::tempdir().unwrap());
        secret.write("username", name.as_bytes());
        secret.write("password", password.as_bytes());
        secret
    }

    fn write(&self, key: &str, value: &[u8]) {
        std::fs::write(self.0.path().join(key), value).unwrap();
    }

    fn auth(&self, mechanism: SaslMechanism) -> KafkaAuth {
        KafkaAuth { mechanism, directory: self.path() }
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

/// A fleet with ten records that name a photo; nothing runs yet.
fn fleet(secured: &Secured, name: &str) -> Fleet {
    let fleet = Fleet::new(&secured.broker, name, 2, vec![quality_step()]).unwrap();
    std::fs::write(fleet.objects().join("any.jpg"), PHOTO).unwrap();
    fleet.produce(10).unwrap();
    fleet
}

fn reach(fleet: &mut Fleet, servers: &str, auth: Option<&KafkaAuth>, tls: Option<&KafkaTls>) {
    for kafka in [&mut fleet.dispatching.kafka, &mut fleet.working.kafka] {
        servers.clone_into(&mut kafka.bootstrap_servers);
        (kafka.auth, kafka.tls) = (auth.cloned(), tls.cloned());
    }
}

fn trust(certificate: &Path) -> (Secret, Option<KafkaTls>) {
    let secret = Secret(tempfile::tempdir().unwrap());
    secret.write("ca.crt", &std::fs::read(certificate).unwrap());
    let directory = Some(secret.path());
    (secret, Some(KafkaTls { directory }))
}

fn problems(fleet: &Fleet) -> Vec<Problem> {
    fleet.reports().into_iter().flatten().flat_map(|report| report.problems).collect()
}

/// The one problem that is reported, soon after the dispatcher has started, and stays.
fn only_problem(fleet: &Fleet, reason: ProblemReason) -> String {
    let begun = wait::now();
    let reported = || problems(fleet).iter().any(|problem| problem.reason == reason.as_str());
    wait::until(SOON, || format!("no problem {reason}: {:?}", fleet.reports()), reported);
    let all = problems(fleet);
    println!("{:.1} s {reason}: {}", begun.elapsed().as_secs_f64(), all[0].message);
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].message.clone()
}

#[test]
fn results_come_with_each_mechanism_and_over_tls() {
    let Some(secured) = secured() else { return };
    let alice = Secret::user("alice", "secret\n");
    let (_ca, tls) = trust(&secured.certificate);
    let ways = [
        ("plain", &secured.sasl, SaslMechanism::Plain, None),
        ("scram-256", &secured.sasl, SaslMechanism::ScramSha256, None),
        ("scram-512-tls", &secured.tls, SaslMechanism::ScramSha512, tls),
    ];
    for (name, servers, mechanism, tls) in ways {
        let mut fleet = fleet(&secured, name);
        reach(&mut fleet, servers, Some(&alice.auth(mechanism)), tls.as_ref());
        fleet.start_dispatchers(1).unwrap();
        fleet.start_workers(1).unwrap();
        fleet.wait_committed(LIMIT).unwrap();
        assert_eq!(fleet.account().unwrap().succeeded, 10, "{name}");
    }
}

#[test]
fn a_wrong_password_is_reported_and_the_right_one_brings_results() {
    let Some(secured) = secured() else { return };
    let secret = Secret::user("alice", "wrong-secret");
    let mut fleet = fleet(&secured, "password");
    reach(&mut fleet, &secured.sasl, Some(&secret.auth(SaslMechanism::ScramSha512)), None);
    fleet.start_dispatchers(1).unwrap();
    fleet.start_workers(1).unwrap();
    let sentence = only_problem(&fleet, ProblemReason::NotAuthorized);
    assert!(sentence.contains("spec.source.kafka.auth"), "{sentence}");
    assert!(!sentence.contains("wrong-secret") && !sentence.contains('\n'), "{sentence}");

    // Neither program spins while it is turned away.
    let used =
        |fleet: &mut Fleet| [fleet.dispatcher(0).1.cpu_seconds(), fleet.worker(0).cpu_seconds()].map(Result::unwrap);
    let (begun, before) = (wait::now(), used(&mut fleet));
    wait::until(LIMIT, || "time passes".into(), || begun.elapsed() >= Duration::from_secs(3));
    let share = std::iter::zip(before, used(&mut fleet))
        .map(|(before, after)| (after - before) / begun.elapsed().as_secs_f64());
    for share in share {
        println!("turned away: {:.1} % of a core", share * 100.0);
        assert!(share < 0.2, "{share}");
    }
    assert_eq!(
        only_problem(&fleet, ProblemReason::NotAuthorized),
        sentence,
        "the sentence does not change all the time"
    );

    secret.write("password", b"secret");
    fleet.kill_dispatcher(0).unwrap();
    fleet.start_dispatcher(0).unwrap();
    fleet.kill_worker(0).unwrap();
    fleet.start_workers(1).unwrap();
    fleet.wait_committed(LIMIT).unwrap();
    assert_eq!(fleet.account().unwrap().succeeded, 10);
    wait::until(SOON, || format!("{:?}", fleet.reports()), || problems(&fleet).is_empty());
}

#[test]
fn a_name_that_may_do_nothing_is_reported() {
    let Some(secured) = secured() else { return };
    let bob = Secret::user("bob", "other");
    let mut fleet = fleet(&secured, "rights");
    reach(&mut fleet, &secured.sasl, Some(&bob.auth(SaslMechanism::Plain)), None);
    fleet.start_dispatchers(1).unwrap();
    let sentence = only_problem(&fleet, ProblemReason::NotAuthorized);
    assert!(sentence.to_lowercase().contains("authorization"), "{sentence}");
}

#[test]
fn encryption_that_does_not_match_has_a_sentence_of_its_own() {
    let Some(secured) = secured() else { return };
    let alice = Secret::user("alice", "secret");
    let auth = || alice.auth(SaslMechanism::Plain);
    let nobody = Some(KafkaTls { directory: None });
    // The listener; what is tried there; what the sentence speaks of.
    let table = [
        ("unknown-ca", &secured.tls, auth(), nobody.clone(), "certificate"),
        ("tls-to-plain", &secured.sasl, auth(), nobody, "SSL"),
    ];
    for (name, servers, auth, tls, words) in table {
        let mut fleet = fleet(&secured, name);
        reach(&mut fleet, servers, Some(&auth), tls.as_ref());
        fleet.start_dispatchers(1).unwrap();
        let problem = || problems(&fleet).into_iter().find(|problem| problem.message.contains(words));
        wait::until(SOON, || format!("{name}: {:?}", fleet.reports()), || problem().is_some());
        let problem = problem().unwrap();
        println!("{name}: {}: {}", problem.reason, problem.message);
        assert_eq!(problem.reason, ProblemReason::BrokerUnreachable.as_str());
    }
}
