//! Figures from scores.

/// Chance that a positive scores higher than a negative, ties half: the area under the ROC curve.
pub(crate) fn auc(positives: &[f64], negatives: &[f64]) -> f64 {
    let mut sorted = negatives.to_vec();
    sorted.sort_by(f64::total_cmp);
    let beaten = |score: f64| {
        let below = sorted.partition_point(|&negative| negative < score);
        let not_above = sorted.partition_point(|&negative| negative <= score);
        (below + not_above) as f64 / 2.0
    };
    positives.iter().map(|&score| beaten(score)).sum::<f64>() / (positives.len() * negatives.len()) as f64
}

/// The share of positives above a score that at most `share` of the negatives reach.
pub(crate) fn hits_at(share: f64, positives: &[f64], negatives: &[f64]) -> f64 {
    let mut sorted = negatives.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let threshold = sorted[((negatives.len() as f64 * share) as usize).min(negatives.len() - 1)];
    positives.iter().filter(|&&score| score > threshold).count() as f64 / positives.len() as f64
}

/// The value at a share of the way through the sorted ones.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
