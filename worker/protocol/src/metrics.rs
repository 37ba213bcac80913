//! Every metric name, with its unit in it (base units: seconds, bytes, records).
//!
//! Labels are few and bounded: `namespace` and `job` on all, `partition` on lag alone, `reason`
//! and `phase` from closed lists. Counters get `_total` from the exposition.

/// Records past the commit position, per topic and partition (gauge).
pub const LAG_RECORDS: &str = "imagejob_lag_records";
/// Records neither finished, on loan nor retrying (gauge).
pub const WAITING_RECORDS: &str = "imagejob_waiting_records";
/// Age of the oldest waiting record, seconds (gauge).
pub const OLDEST_WAIT_SECONDS: &str = "imagejob_oldest_wait_seconds";
/// Records on loan (gauge).
pub const IN_FLIGHT_RECORDS: &str = "imagejob_in_flight_records";
/// Streams of workers that a dispatcher holds (gauge).
pub const CONNECTED_WORKERS: &str = "imagejob_connected_workers";
/// Leases given (counter).
pub const LEASES: &str = "imagejob_leases";
/// Records finished, by `outcome`: Done, Skipped, `DeadLettered` (counter).
pub const FINISHED_RECORDS: &str = "imagejob_finished_records";
/// Failures by `reason` (counter).
pub const FAILURES: &str = "imagejob_failures";
/// Loans whose worker vanished (counter).
pub const LOSSES: &str = "imagejob_losses";
/// `Done` for what was finished already (counter).
pub const DUPLICATES: &str = "imagejob_duplicates";
/// Time from lease to `Done`, seconds (histogram).
pub const SERVICE_SECONDS: &str = "imagejob_service_seconds";
/// Time from the record's timestamp to its first lease, seconds (histogram).
pub const WAIT_SECONDS: &str = "imagejob_wait_seconds";
/// Time in a worker by `phase`: fetch, decode, steps, publish; seconds (histogram).
pub const PHASE_SECONDS: &str = "imagejob_worker_phase_seconds";
/// Slots of a worker (gauge).
pub const WORKER_SLOTS: &str = "imagejob_worker_slots";
/// Slots at work (gauge).
pub const WORKER_BUSY_SLOTS: &str = "imagejob_worker_busy_slots";
/// Bytes read from the store (counter).
pub const OBJECT_BYTES: &str = "imagejob_worker_object_bytes";
/// Events in records that leave no new object behind (counter).
pub const SKIPPED_EVENTS: &str = "imagejob_worker_skipped_events";
/// Process start until the steps were loaded, seconds (gauge).
pub const START_SECONDS: &str = "imagejob_worker_start_seconds";

/// All names, for the golden test and the documentation.
pub const ALL: &[&str] = &[
    LAG_RECORDS,
    WAITING_RECORDS,
    OLDEST_WAIT_SECONDS,
    IN_FLIGHT_RECORDS,
    CONNECTED_WORKERS,
    LEASES,
    FINISHED_RECORDS,
    FAILURES,
    LOSSES,
    DUPLICATES,
    SERVICE_SECONDS,
    WAIT_SECONDS,
    PHASE_SECONDS,
    WORKER_SLOTS,
    WORKER_BUSY_SLOTS,
    OBJECT_BYTES,
    SKIPPED_EVENTS,
    START_SECONDS,
];
