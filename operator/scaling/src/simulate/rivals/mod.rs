//! Models of what people use today, after their documentation and source, in the same world. Tests
//! pin each to what is documented; where a rival was measured, the model fits the measurement.

mod hpa;
mod keda;
mod kpa;
mod standing;

pub use keda::{Cron, Keda};
pub use kpa::Kpa;
pub use standing::{Standing, best_standing};

#[cfg(test)]
mod tests {
    use super::super::{Scaler, View};

    /// A look at `waiting` records that nobody works on.
    pub(super) fn at(second: f64, applied: u32, waiting: f64) -> View {
        View {
            second,
            waiting,
            in_flight: 0.0,
            ended_lately: 0.0,
            ended_in_a_minute: 0.0,
            oldest: 0.0,
            service: 1.0,
            applied,
            ready: applied,
            start_up: None,
            arrived: 0.0,
            reported: true,
        }
    }

    /// Looks once a second for so long; what is asked for runs at the next look.
    pub(super) fn counts(
        scaler: &mut dyn Scaler,
        running: u32,
        seconds: f64,
        waiting: impl Fn(f64) -> f64,
    ) -> Vec<(f64, u32)> {
        let mut running = running;
        let second = |second: u32| {
            let second = f64::from(second);
            running = scaler.look(&at(second, running, waiting(second)));
            (second, running)
        };
        (0..seconds as u32).map(second).collect()
    }
}
