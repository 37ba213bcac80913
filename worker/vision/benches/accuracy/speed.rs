//! Time on one core, whatever else the machine does.

use crate::figures::quantile;

/// The kernel counts a thread's time in steps of some milliseconds; so often each work is done to see less.
const TIMES: u32 = 8;

/// Milliseconds that `work` takes of a core, the mean of some times.
pub(crate) fn millis(mut work: impl FnMut()) -> f64 {
    let begun = millis_on_core();
    (0..TIMES).for_each(|_| work());
    (millis_on_core() - begun) / f64::from(TIMES)
}

/// Prints a row and returns the median.
pub(crate) fn print(what: &str, millis: &[f64]) -> f64 {
    let [median, p95] = [0.5, 0.95].map(|share| quantile(millis, share));
    println!("  {what:<32} {median:5.1} ms median, {p95:5.1} ms p95, on one core");
    median
}

/// Milliseconds that this thread has had of a core: other load on the machine is not the recogniser's doing.
fn millis_on_core() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e6
}
