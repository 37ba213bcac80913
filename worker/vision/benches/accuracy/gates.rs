//! What must hold, and whether it does.

/// How a figure is held against its gate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gate {
    AtLeast(f64),
    AtMost(f64),
}

/// All gates of a run.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    missed: usize,
}

impl Gates {
    /// Prints one, met or missed.
    pub(crate) fn check(&mut self, what: &str, figure: f64, gate: Gate) {
        let (met, sign, limit) = match gate {
            Gate::AtLeast(limit) => (figure >= limit, ">=", limit),
            Gate::AtMost(limit) => (figure <= limit, "<=", limit),
        };
        self.missed += usize::from(!met);
        println!("  {what:<56} {figure:9.3} {sign} {limit:<9} {}", if met { "met" } else { "MISSED" });
    }

    pub(crate) fn missed(&self) -> usize {
        self.missed
    }
}

/// A share as percent.
pub(crate) fn percent(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64 * 100.0
}
