//! What does the photo show, by a model of the user's: an ONNX graph that gives one number for each label.

mod input;
mod model;
mod source;

use std::cmp::Reverse;
use std::sync::Arc;

use imagejob_protocol::reasons::FailureReason;
use imagejob_protocol::settings::Classify as Settings;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;
use tracing::warn;

use super::Found;
use crate::decode::{Cores, Photo, Wanted};
use crate::outcome::Failure;
use crate::storage::Store;
use model::Model;

/// A step with its model.
pub(super) struct Classify {
    settings: Arc<Settings>,
    store: Arc<Store>,
    /// What became of the bytes that `sha256` names; they never become anything else.
    model: OnceCell<Result<Arc<Model>, Failure>>,
}

impl Classify {
    pub(super) fn new(settings: &Settings, store: &Arc<Store>) -> Self {
        Self { settings: Arc::new(settings.clone()), store: Arc::clone(store), model: OnceCell::new() }
    }

    /// Reads the model, so that the first photo does not wait for it. One that cannot be had stops nobody: a photo
    /// that comes to this step fails with the reason, others go on, and another attempt looks for the model again.
    pub(super) async fn ready(&self, cores: &Cores) {
        if let Err(Failure { reason, message }) = self.model(cores).await {
            warn!(%reason, "{message}");
        }
    }

    /// No side shorter than the model's, so that nothing is enlarged.
    pub(super) fn wanted(&self) -> Wanted {
        let input = &self.settings.input;
        Wanted { shorter: input.width.max(input.height), colour: true, ..Wanted::default() }
    }

    /// `{verdict, score, labels: [{label, score}]}`, the likeliest first.
    pub(super) async fn run(&self, photo: &Arc<Photo>, cores: &Cores) -> Result<Found, Failure> {
        let model = self.model(cores).await?;
        let photo = Arc::clone(photo);
        let answer = cores.run(move || {
            let unseen = || Failure::new(FailureReason::StepPanicked, "the photo was decoded without colours");
            let colour = photo.colour.as_ref().ok_or_else(unseen)?;
            model.run(colour)
        });
        Ok(found(&self.settings, &shares(&answer.await??)))
    }

    async fn model(&self, cores: &Cores) -> Result<Arc<Model>, Failure> {
        let load = async || {
            let bytes = source::read(&self.settings, &self.store).await?;
            let settings = Arc::clone(&self.settings);
            match cores.run(move || Model::load(bytes, &settings)).await? {
                // No fault of these bytes.
                Err(failure) if failure.reason == FailureReason::RuntimeMissing => Err(failure),
                tried => Ok(tried.map(Arc::new)),
            }
        };
        self.model.get_or_try_init(load).await?.clone()
    }
}

fn found(settings: &Settings, shares: &[f32]) -> Found {
    // Thousandths, so that equal entries are equal text.
    let mut ranked: Vec<(u32, &str)> =
        shares.iter().zip(&settings.labels).map(|(share, label)| ((share * 1e3).round() as u32, &**label)).collect();
    ranked.sort_by_key(|&(share, _)| Reverse(share)); // stable: of equals the first label
    let score = |share: u32| f64::from(share) / 1e3;
    let (best, label) = ranked.first().copied().unwrap_or_default();
    let sure = best >= settings.min_percent * 10;
    let listed = ranked.iter().take(settings.top as usize);
    let labels: Vec<Value> = listed.map(|&(share, label)| json!({"label": label, "score": score(share)})).collect();
    let entry = Map::from_iter([
        ("verdict".to_owned(), Value::from(if sure { label } else { "Unsure" })),
        ("score".to_owned(), score(best).into()),
        ("labels".to_owned(), labels.into()),
    ]);
    Found { entry, usable: sure }
}

/// What a model says as shares of 1. Some end in a softmax and some leave it to others: numbers that are shares
/// already, to a hundredth, stay.
fn shares(answer: &[f32]) -> Vec<f32> {
    let sum: f32 = answer.iter().sum();
    if answer.iter().all(|&number| number >= 0.0) && (sum - 1.0).abs() < 0.01 {
        return answer.to_vec();
    }
    let largest = answer.iter().copied().fold(f32::MIN, f32::max);
    let powers: Vec<f32> = answer.iter().map(|number| (number - largest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod tests {
    use imagejob_protocol::settings::{ChannelOrder, ModelFit, ModelInput, ModelRuntime, TensorLayout};

    use super::*;

    fn settings(min_percent: u32, top: u32) -> Settings {
        let input = ModelInput {
            width: 1,
            height: 1,
            layout: TensorLayout::Nchw,
            channels: ChannelOrder::Rgb,
            fit: ModelFit::Stretch,
            mean_per_mille: [0; 3],
            deviation_per_mille: [1_000; 3],
            scale: 1,
        };
        let labels = ["cat", "dog", "cup"].map(str::to_owned).to_vec();
        Settings {
            model: String::new(),
            sha256: String::new(),
            labels,
            input,
            runtime: ModelRuntime::Rten,
            top,
            min_percent,
        }
    }

    #[test]
    fn the_likeliest_come_first_and_a_verdict_needs_its_share() {
        let Found { entry, usable } = found(&settings(60, 2), &[0.1, 0.7, 0.2]);
        let expected = json!({"verdict": "dog", "score": 0.7, "labels": [{"label": "dog", "score": 0.7}, {"label": "cup", "score": 0.2}]});
        assert_eq!((Value::Object(entry), usable), (expected, true));
        let Found { entry, usable } = found(&settings(75, 1), &[0.1, 0.7, 0.2]);
        let expected = json!({"verdict": "Unsure", "score": 0.7, "labels": [{"label": "dog", "score": 0.7}]});
        assert_eq!((Value::Object(entry), usable), (expected, false));
    }

    #[test]
    fn what_is_no_share_of_one_becomes_one() {
        for (answer, expected) in [
            ([0.2, 0.5, 0.3], [0.2, 0.5, 0.3]),
            // exp 0 : exp ln 2 : exp ln 5 = 1 : 2 : 5
            ([0.0, std::f32::consts::LN_2, 5.0_f32.ln()], [0.125, 0.25, 0.625]),
            ([900.0, 900.0, -900.0], [0.5, 0.5, 0.0]),
        ] {
            let found = shares(&answer);
            let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
            assert!(near, "{answer:?} became {found:?}, not {expected:?}");
        }
    }
}
