//! What a worker reads of the step `classify`.

use imagejob_api::validate::Classify;
use imagejob_api::{ChannelOrder, ModelFit, ModelRuntime, TensorLayout};
use imagejob_protocol::settings;

pub(super) fn settings(classify: &Classify) -> settings::Classify {
    let input = &classify.input;
    settings::Classify {
        model: classify.model.clone(),
        sha256: classify.sha256.clone(),
        labels: classify.labels.clone(),
        input: settings::ModelInput {
            width: input.width,
            height: input.height,
            layout: match input.layout {
                TensorLayout::Nchw => settings::TensorLayout::Nchw,
                TensorLayout::Nhwc => settings::TensorLayout::Nhwc,
            },
            channels: match input.channels {
                ChannelOrder::Rgb => settings::ChannelOrder::Rgb,
                ChannelOrder::Bgr => settings::ChannelOrder::Bgr,
            },
            fit: match input.fit {
                ModelFit::Stretch => settings::ModelFit::Stretch,
                ModelFit::Crop => settings::ModelFit::Crop,
            },
            mean_per_mille: input.mean_per_mille,
            deviation_per_mille: input.deviation_per_mille,
            scale: input.scale,
        },
        runtime: match classify.runtime {
            ModelRuntime::Rten => settings::ModelRuntime::Rten,
            ModelRuntime::OnnxRuntime => settings::ModelRuntime::OnnxRuntime,
        },
        top: classify.top,
        min_percent: classify.min_percent,
    }
}
