//! Planted defects, each at a seam around the state machines: a simulation that finds none of them would find
//! no defect of ours either.

/// What the parts around the state machines get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// The worker says `Done` when the result is sent, not when the broker has it.
    DoneBeforeReceipt,
    /// The dispatcher finishes a record when its dead letter is sent, not when the broker has it.
    BuriedBeforeReceipt,
    /// A ledger is believed without being held against the log.
    LedgerOfAnotherLog,
    /// A record is lost between the broker and the reader, which looks like compaction.
    RecordsGoAstray,
    /// A commit that the broker refused counts as stored.
    RefusedCommitCounts,
    /// The next commit is sent before the last is answered, and may overtake it.
    CommitsOvertake,
    /// The dispatcher is told that a lowered credit is in force before it is.
    CreditAcknowledgedEarly,
    /// Work in progress is not extended.
    NobodyExtends,
    /// Workers do not say what they hold when they are asked.
    EmptyAnswers,
    /// The dispatcher's time of day is a minute ahead.
    ClockAhead,
    /// Dispatchers give records up although these are to be tried on and on.
    LastResortIgnored,
    /// Dispatchers do not hear of the rate limit.
    RateLimitNotHeard,
}

impl Bug {
    /// All of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::DoneBeforeReceipt,
        Self::BuriedBeforeReceipt,
        Self::LedgerOfAnotherLog,
        Self::RecordsGoAstray,
        Self::RefusedCommitCounts,
        Self::CommitsOvertake,
        Self::CreditAcknowledgedEarly,
        Self::NobodyExtends,
        Self::EmptyAnswers,
        Self::ClockAhead,
        Self::LastResortIgnored,
        Self::RateLimitNotHeard,
    ];
}
