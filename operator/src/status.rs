//! How a job is, for people and for tools: conditions, counts, the decision.
//!
//! Pure, and computed on failure as on success: a job that cannot be reconciled says why.
//!
//! | situation                                  | Ready | Reconciling | Stalled |
//! |--------------------------------------------|-------|-------------|---------|
//! | spec or policy makes no sense              | False | False       | True    |
//! | the cluster refuses the plan               | False | False       | True    |
//! | the cluster does not answer                | False | True        | False   |
//! | no dispatcher reports                      | False | True        | False   |
//! | a problem that may pass (topic missing)    | False | True        | False   |
//! | a problem that somebody must solve         | False | False       | True    |
//! | nothing of a role can start (no image)     | False | True        | False   |
//! | some of a role cannot start                | True  | True        | False   |
//! | the job is suspended                       | True  | False       | False   |
//! | workers are wanted, none is ready yet      | True  | True        | False   |
//! | else                                       | True  | False       | False   |

use imagejob_api::{
    ActiveProfileStatus, BoundaryChange, BoundaryStatus, CandidatesStatus, Condition, ConditionType, DecisionStatus,
    ImageJobStatus, LagStatus, Problem, ReplicaStatus, ScheduleStatus,
};
use imagejob_protocol::reasons::ProblemReason;
use imagejob_protocol::wire;
use imagejob_scaling::{Backlog, Decision, Edge, Lag, Reason};
use jiff::{SignedDuration, Timestamp};

use crate::observe::Sight;
use crate::plan::Plan;
use crate::seams::{ClusterError, Fault, Role};

/// A status that differs in rounded numbers only is written at most this often.
const NUMBERS_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// What a round of reconcile came to.
#[derive(Debug, Clone, Copy)]
pub enum Finding<'a> {
    /// Job or policy makes no sense; what runs was left as it is.
    Invalid(&'a [Problem]),
    /// A decision was taken.
    Decided {
        /// What was seen.
        sight: &'a Sight,
        /// What was decided.
        decision: &'a Decision,
        /// What should run.
        plan: &'a Plan,
        /// Why it could not be handed over, if it could not.
        failure: Option<&'a ClusterError>,
    },
}

/// The status after a round. What the finding does not touch is kept from `previous`.
pub fn status(
    now: Timestamp,
    generation: Option<i64>,
    finding: Finding<'_>,
    previous: Option<&ImageJobStatus>,
) -> ImageJobStatus {
    let mut status = previous.cloned().unwrap_or_default();
    status.observed_generation = generation;
    status.conditions = claims(finding).map(|claim| claim.into_condition(now, generation, previous)).into();
    if let Finding::Decided { sight, decision, plan, .. } = finding {
        let ready = sight.observation.workers.ready;
        status.workers = ReplicaStatus { wanted: decision.replicas, ready };
        status.dispatchers = ReplicaStatus { wanted: plan.dispatchers, ready: sight.dispatchers_reporting };
        status.lag = lag(&sight.observation.backlog);
        status.decision = Some(decided(decision));
        status.schedule = schedule(decision);
    }
    status
}

/// True if `next` should be written over `written`: at once if anything but numbers changed, else
/// once a minute.
pub fn worth_writing(written: Option<(&ImageJobStatus, Timestamp)>, next: &ImageJobStatus, now: Timestamp) -> bool {
    let Some((written, at)) = written else { return true };
    if written == next {
        return false;
    }
    essence(written) != essence(next) || now.duration_since(at) >= NUMBERS_EVERY
}

/// A status without what changes all the time: the sentences' numbers, the lag, how many of the
/// wanted workers are ready already.
fn essence(status: &ImageJobStatus) -> ImageJobStatus {
    let settled =
        |replicas: ReplicaStatus| ReplicaStatus { ready: u32::from(replicas.ready >= replicas.wanted), ..replicas };
    let mut essence = status.clone();
    essence.lag = None;
    essence.spent = None;
    essence.workers = settled(status.workers);
    essence.dispatchers = settled(status.dispatchers);
    for condition in &mut essence.conditions {
        condition.message.clear();
    }
    if let Some(decision) = &mut essence.decision {
        decision.message.clear();
        decision.candidates = CandidatesStatus::default();
    }
    essence
}

/// What a condition should say, before it is compared with what it said.
struct Claim {
    type_: ConditionType,
    holds: bool,
    reason: String,
    message: String,
}

impl Claim {
    fn new(type_: ConditionType, holds: bool, reason: &str, message: &str) -> Self {
        Self { type_, holds, reason: reason.to_owned(), message: message.to_owned() }
    }

    fn into_condition(self, now: Timestamp, generation: Option<i64>, previous: Option<&ImageJobStatus>) -> Condition {
        let status = if self.holds { "True" } else { "False" };
        let before = previous.and_then(|previous| previous.condition(self.type_));
        let unchanged = before.filter(|before| before.status == status);
        Condition {
            type_: self.type_.as_str().to_owned(),
            status: status.to_owned(),
            observed_generation: generation,
            last_transition_time: unchanged.map_or(now.into(), |before| before.last_transition_time.clone()),
            reason: self.reason,
            message: self.message,
        }
    }
}

fn claims(finding: Finding<'_>) -> [Claim; 5] {
    let [ready, reconciling, stalled] = health(finding).claims();
    let [active, limited] = scaling(finding);
    [ready, reconciling, stalled, active, limited]
}

/// How well a job is, with a reason and a sentence.
enum Health {
    /// All is well, or nearly: the reason may name something that people should know.
    Well { reason: String, message: String },
    /// Records are taken care of, something is still on its way.
    Arriving { reason: String, message: String },
    /// Not yet, or not for the moment; needs no help.
    Waiting { reason: String, message: String },
    /// Needs somebody.
    Stuck { reason: String, message: String },
}

impl Health {
    fn claims(self) -> [Claim; 3] {
        use ConditionType::{Ready, Reconciling, Stalled};
        let (ready, reconciling, stalled, reason, message) = match self {
            Self::Well { reason, message } => (true, false, false, reason, message),
            Self::Arriving { reason, message } => (true, true, false, reason, message),
            Self::Waiting { reason, message } => (false, true, false, reason, message),
            Self::Stuck { reason, message } => (false, false, true, reason, message),
        };
        let claim = |type_, holds: bool, otherwise: (&str, &str)| {
            let (reason, message) = if holds { (&*reason, &*message) } else { otherwise };
            Claim::new(type_, holds, reason, message)
        };
        [
            claim(Ready, ready, (&reason, &message)),
            claim(Reconciling, reconciling, ("Settled", "nothing is under way")),
            claim(Stalled, stalled, ("Moving", "nothing needs anybody's help")),
        ]
    }
}

fn health(finding: Finding<'_>) -> Health {
    let (sight, decision, failure) = match finding {
        Finding::Invalid(problems) => return invalid(problems),
        Finding::Decided { sight, decision, failure, .. } => (sight, decision, failure),
    };
    if let Some(failure) = failure {
        return failed(failure);
    }
    if let Some(problem) = worst(&sight.problems) {
        return ailing(problem);
    }
    if let Some(health) = not_starting(sight, decision) {
        return health;
    }
    if sight.dispatchers_reporting == 0 {
        let message = match &sight.observation.backlog {
            Backlog::Known(_) => String::new(),
            Backlog::Partial { gap, .. } | Backlog::Unknown(gap) => gap.to_string(),
        };
        return Health::Waiting { reason: "DispatchersStarting".to_owned(), message };
    }
    if decision.reason == Reason::Suspended {
        let message = "the job is suspended: one dispatcher keeps its place in the topic, nothing is lent to workers";
        return Health::Well { reason: "Suspended".to_owned(), message: message.to_owned() };
    }
    if decision.replicas > 0 && sight.observation.workers.ready == 0 {
        let message = format!("no worker is ready yet, {} wanted", decision.replicas);
        return Health::Arriving { reason: "WorkersStarting".to_owned(), message };
    }
    match sight.problems.first() {
        Some(notice) => Health::Well { reason: notice.reason.clone(), message: notice.message.clone() },
        None => Health::Well { reason: "Working".to_owned(), message: "records are being taken care of".to_owned() },
    }
}

/// Instances that cannot start. While others of their role work, that is something to know; when
/// none does, nothing is taken care of.
fn not_starting(sight: &Sight, decision: &Decision) -> Option<Health> {
    let missing = |fault: &&Fault| match fault.role {
        Role::Dispatcher => sight.dispatchers_reporting == 0,
        Role::Worker => decision.replicas > 0 && sight.observation.workers.ready == 0,
    };
    let say = |fault: &Fault| (fault.reason.clone(), fault.message.clone());
    if let Some((reason, message)) = sight.faults.iter().find(missing).map(say) {
        return Some(Health::Waiting { reason, message });
    }
    sight.faults.first().map(say).map(|(reason, message)| Health::Arriving { reason, message })
}

fn invalid(problems: &[Problem]) -> Health {
    let reason = problems.first().map_or("InvalidSpec", |problem| problem.reason.as_str());
    let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Health::Stuck { reason: reason.to_owned(), message: sentences.join("\n") }
}

fn failed(failure: &ClusterError) -> Health {
    let message = failure.to_string();
    match failure {
        ClusterError::Unavailable { .. } => Health::Waiting { reason: "ClusterUnavailable".to_owned(), message },
        ClusterError::Refused { .. } => Health::Stuck { reason: "ClusterRefused".to_owned(), message },
    }
}

/// The problem that keeps a job from being ready, if there is one; those that need somebody first.
fn worst(problems: &[wire::Problem]) -> Option<&wire::Problem> {
    let of = |severity| problems.iter().find(move |problem| severity_of(problem) == severity);
    of(Severity::NeedsSomebody).or_else(|| of(Severity::MayPass))
}

fn ailing(problem: &wire::Problem) -> Health {
    let (reason, message) = (problem.reason.clone(), problem.message.clone());
    match severity_of(problem) {
        Severity::NeedsSomebody => Health::Stuck { reason, message },
        Severity::MayPass | Severity::Notice => Health::Waiting { reason, message },
    }
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Severity {
    Notice,
    MayPass,
    NeedsSomebody,
}

/// Words that only a newer dispatcher knows are for people to read.
fn severity_of(problem: &wire::Problem) -> Severity {
    match ProblemReason::parse(&problem.reason) {
        Some(ProblemReason::NotAuthorized) => Severity::NeedsSomebody,
        Some(ProblemReason::BrokerUnreachable | ProblemReason::TopicMissing | ProblemReason::DeadLetterFailing) => {
            Severity::MayPass
        }
        Some(
            ProblemReason::DataExpired
            | ProblemReason::LedgerVoid
            | ProblemReason::WindowFull
            | ProblemReason::RecordsBlocked
            | ProblemReason::ConsumerRecreated,
        )
        | None => Severity::Notice,
    }
}

fn scaling(finding: Finding<'_>) -> [Claim; 2] {
    use ConditionType::{ScalingActive, ScalingLimited};
    let Finding::Decided { sight, decision, .. } = finding else {
        let message = "what runs is kept until job and policy make sense";
        return [
            Claim::new(ScalingActive, false, "Invalid", message),
            Claim::new(ScalingLimited, false, "Invalid", message),
        ];
    };
    let active = match &sight.observation.backlog {
        _ if decision.reason == Reason::Suspended => {
            Claim::new(ScalingActive, false, decision.reason.word(), &decision.to_string())
        }
        Backlog::Known(_) => Claim::new(ScalingActive, true, decision.reason.word(), &decision.to_string()),
        Backlog::Partial { gap, .. } => Claim::new(ScalingActive, false, "LagPartial", &gap.to_string()),
        Backlog::Unknown(gap) => Claim::new(ScalingActive, false, "LagUnknown", &gap.to_string()),
    };
    let limited = match &decision.limited_by {
        Some(limit) => Claim::new(ScalingLimited, true, limit.word(), &limit.to_string()),
        None => Claim::new(ScalingLimited, false, "WithinBounds", "no bound cuts the count"),
    };
    [active, limited]
}

fn lag(backlog: &Backlog) -> Option<LagStatus> {
    let (lag, partial): (&Lag, bool) = match backlog {
        Backlog::Known(lag) => (lag, false),
        Backlog::Partial { seen, .. } => (seen, true),
        Backlog::Unknown(_) => return None,
    };
    Some(LagStatus {
        waiting: two_digits(lag.waiting.saturating_add(lag.stuck)),
        in_flight: two_digits(lag.in_flight),
        retrying: two_digits(lag.retrying),
        oldest_seconds: two_digits(lag.oldest_wait.as_secs()),
        partial,
    })
}

/// 1,204 is 1,200 and 99 is 99, so that a status does not change with every record.
fn two_digits(n: u64) -> u64 {
    let unit = 10u64.pow(n.checked_ilog10().unwrap_or(0).saturating_sub(1));
    n / unit * unit
}

fn decided(decision: &Decision) -> DecisionStatus {
    let candidates = decision.candidates;
    DecisionStatus {
        replicas: decision.replicas,
        reason: decision.reason.word().to_owned(),
        message: decision.to_string(),
        candidates: CandidatesStatus {
            due: candidates.due,
            keep_up: candidates.keep_up,
            threshold: candidates.threshold,
            spare: candidates.spare,
            in_flight: candidates.in_flight,
            floor: candidates.floor,
            learned: candidates.learned,
            ceiling: candidates.ceiling,
            held: candidates.held,
            minimum: candidates.minimum,
            maximum: candidates.maximum,
        },
        limited_by: decision.limited_by.as_ref().map(|limit| limit.word().to_owned()),
    }
}

fn schedule(decision: &Decision) -> ScheduleStatus {
    let active = decision.active.iter().map(|profile| ActiveProfileStatus {
        name: profile.name.clone(),
        until: profile.until,
        floor: profile.floor,
        ceiling: profile.ceiling,
    });
    let next = decision.next.as_ref().map(|next| BoundaryStatus {
        at: next.at,
        profile: next.profile.clone(),
        change: match next.edge {
            Edge::Starts => BoundaryChange::Starts,
            Edge::Ends => BoundaryChange::Ends,
        },
        floor: next.floor,
    });
    ScheduleStatus { active: active.collect(), next }
}

#[cfg(test)]
mod tests {
    use super::two_digits;

    #[test]
    fn numbers_keep_two_digits() {
        for (n, rounded) in [(0, 0), (9, 9), (99, 99), (104, 100), (1_204, 1_200), (1_999_999, 1_900_000)] {
            assert_eq!(two_digits(n), rounded);
        }
    }
}
