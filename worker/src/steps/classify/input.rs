//! The numbers that a model is given for a photo.

use imagejob_protocol::settings::{ChannelOrder, ModelFit, ModelInput, TensorLayout};
use imagejob_vision::{self as vision, Colour};

/// How photos become numbers, worked out once for all of them.
pub(super) struct Input {
    settings: ModelInput,
    /// Of red, green, blue: a number for each of 256 levels, instead of a division for each of 150,000 numbers.
    tables: [[f32; 256]; 3],
    /// The colours in the model's order.
    order: [usize; 3],
}

impl Input {
    /// A level L of a colour, 0 to 255, becomes scale x (L / 255 - mean) / deviation.
    pub(super) fn new(settings: &ModelInput) -> Self {
        let tables = std::array::from_fn(|colour| {
            let (mean, deviation) =
                (settings.mean_per_mille[colour] as f32, settings.deviation_per_mille[colour] as f32);
            std::array::from_fn(|level| settings.scale as f32 * (level as f32 / 255.0 * 1e3 - mean) / deviation)
        });
        let order = match settings.channels {
            ChannelOrder::Rgb => [0, 1, 2],
            ChannelOrder::Bgr => [2, 1, 0],
        };
        Self { settings: settings.clone(), tables, order }
    }

    /// A batch of one photo in the model's size and order.
    pub(super) fn of(&self, photo: &Colour) -> Vec<f32> {
        let ModelInput { width, height, fit, layout, .. } = self.settings;
        let fit = match fit {
            ModelFit::Stretch => vision::Fit::Stretch,
            ModelFit::Crop => vision::Fit::Crop,
        };
        let picture = photo.fitted(width, height, fit);
        let pixels = picture.pixels();
        let number = |pixel: &[u8; 3], colour: usize| self.tables[colour][usize::from(pixel[colour])];
        match layout {
            TensorLayout::Nchw => {
                let planes = self.order.map(|colour| pixels.iter().map(move |pixel| number(pixel, colour)));
                let mut numbers = Vec::with_capacity(3 * pixels.len());
                for plane in planes {
                    numbers.extend(plane);
                }
                numbers
            }
            TensorLayout::Nhwc => {
                let colours: Vec<_> =
                    pixels.iter().map(|pixel| self.order.map(|colour| number(pixel, colour))).collect();
                colours.into_flattened()
            }
        }
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
        assert_eq!(Input::new(&input).of(&photo()), [-1.0, 1.0, 0.0, 0.0, -0.8, 0.0]);
        let pixels = ModelInput { layout: TensorLayout::Nhwc, ..input };
        assert_eq!(Input::new(&pixels).of(&photo()), [-1.0, 0.0, -0.8, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn plain_levels_with_blue_first() {
        let input = ModelInput { layout: TensorLayout::Nhwc, channels: ChannelOrder::Bgr, scale: 255, ..INPUT };
        assert_eq!(Input::new(&input).of(&photo()), [0.0, 0.0, 0.0, 51.0, 0.0, 255.0]);
        // The mean belongs to its colour, wherever that stands: 255 x (1 - 0.2) = 204 for red.
        let less = ModelInput { mean_per_mille: [200, 0, 0], ..input };
        assert_eq!(Input::new(&less).of(&photo()), [0.0, 0.0, -51.0, 51.0, 0.0, 204.0]);
    }
}
