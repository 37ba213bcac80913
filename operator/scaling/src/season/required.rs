//! The smallest constant rate at which nobody waits longer than planned.

/// Records a second that had to be done while `records` arrived, one entry per bin of `bin` seconds, so
/// that nobody waited longer than `wait` seconds; the mean at least, so that nothing piles up from one
/// stretch to the next.
///
/// Whatever arrives in a span must be done by `wait` after its end. So the rate is the greatest of
/// `records in the span / (length of the span + wait)` over all spans, the delay bound of network
/// calculus: 100,000 in 20 s and a wait of 2 s require 4,545/s, though five minutes of it are 333/s on
/// average. The square of the bins is taken every five minutes: 600 bins are 180,000 sums.
pub(super) fn required(records: &[u32], bin: f64, wait: f64) -> f64 {
    let total: f64 = records.iter().map(|records| f64::from(*records)).sum();
    let mut most = total / (records.len() as f64 * bin).max(bin);
    for first in 0..records.len() {
        let mut sum = 0.0;
        for (bins, records) in records[first..].iter().enumerate() {
            sum += f64::from(*records);
            most = most.max(sum / ((bins + 1) as f64 * bin + wait));
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_require_more_than_their_mean_and_an_even_flow_its_mean() {
        let burst: Vec<u32> = (0..300).map(|second| if (100..120).contains(&second) { 5_000 } else { 0 }).collect();
        assert!((required(&burst, 1.0, 2.0) - 100_000.0 / 22.0).abs() < 1e-9);
        // With a minute to spare the same burst requires 100,000 / 80.
        assert!((required(&burst, 1.0, 60.0) - 1_250.0).abs() < 1e-9);
        assert!((required(&[40; 300], 1.0, 60.0) - 40.0).abs() < 1e-9);
        assert!(required(&[], 1.0, 60.0).abs() < 1e-9);
    }
}
