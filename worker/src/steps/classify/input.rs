//! The numbers that a model is given for a photo.

use imagejob_protocol::settings::{ChannelOrder, ModelFit, ModelInput, TensorLayout};
use imagejob_vision::{self as vision, Colour};

/// How many numbers that are: three colours a pixel.
pub(super) fn length(input: &ModelInput) -> usize {
    3 * input.width as usize * input.height as usize
}

/// A batch of one photo in the model's size and order, with each level L of a colour, 0 to 255, as
/// scale x (L / 255 - mean) / deviation.
pub(super) fn of(photo: &Colour, input: &ModelInput) -> Vec<f32> {
    let fit = match input.fit {
        ModelFit::Stretch => vision::Fit::Stretch,
        ModelFit::Crop => vision::Fit::Crop,
    };
    let picture = photo.fitted(input.width, input.height, fit);
    // 256 levels, instead of a division for each of 150,000 numbers.
    let tables: [Vec<f32>; 3] = std::array::from_fn(|colour| {
        let (mean, deviation) = (input.mean_per_mille[colour] as f32, input.deviation_per_mille[colour] as f32);
        let number = |level: u8| input.scale as f32 * (f32::from(level) / 255.0 * 1e3 - mean) / deviation;
        (0..=255).map(number).collect()
    });
    let number = |pixel: &[u8; 3], colour: usize| tables[colour][usize::from(pixel[colour])];
    let order = match input.channels {
        ChannelOrder::Rgb => [0, 1, 2],
        ChannelOrder::Bgr => [2, 1, 0],
    };
    let pixels = picture.pixels();
    match input.layout {
        TensorLayout::Nchw => {
            order.iter().flat_map(|&colour| pixels.iter().map(move |pixel| number(pixel, colour))).collect()
        }
        TensorLayout::Nhwc => pixels.iter().flat_map(|pixel| order.map(|colour| number(pixel, colour))).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const INPUT: ModelInput = ModelInput {
        width: 2,
        height: 1,
        layout: TensorLayout::Nchw,
        channels: ChannelOrder::Rgb,
        fit: ModelFit::Stretch,
        mean_per_mille: [0; 3],
        deviation_per_mille: [1_000; 3],
        scale: 1,
    };

    /// One row: black, then 255 0 51.
    fn photo() -> Colour {
        Colour::new(2, 1, vec![0, 0, 0, 255, 0, 51]).unwrap()
    }

    #[test]
    fn planes_or_pixels_less_the_mean_over_the_deviation() {
        let input = ModelInput { mean_per_mille: [500, 0, 200], deviation_per_mille: [500, 1_000, 250], ..INPUT };
        assert_eq!(of(&photo(), &input), [-1.0, 1.0, 0.0, 0.0, -0.8, 0.0]);
        let pixels = ModelInput { layout: TensorLayout::Nhwc, ..input };
        assert_eq!(of(&photo(), &pixels), [-1.0, 0.0, -0.8, 1.0, 0.0, 0.0]);
        assert_eq!(length(&input), 6);
    }

    #[test]
    fn plain_levels_with_blue_first() {
        let input = ModelInput { layout: TensorLayout::Nhwc, channels: ChannelOrder::Bgr, scale: 255, ..INPUT };
        assert_eq!(of(&photo(), &input), [0.0, 0.0, 0.0, 51.0, 0.0, 255.0]);
        // The mean belongs to its colour, wherever that stands: 255 x (1 - 0.2) = 204 for red.
        let less = ModelInput { mean_per_mille: [200, 0, 0], ..input };
        assert_eq!(of(&photo(), &less), [0.0, 0.0, -51.0, 51.0, 0.0, 204.0]);
    }
}
