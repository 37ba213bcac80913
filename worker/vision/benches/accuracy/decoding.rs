//! Decoding photos of 12 megapixels at an eighth of their size: by the decoder of our own, and by libjpeg-turbo.

use fast_image_resize as fir;
use imagejob_vision::decode::{self, Wanted};
use imagejob_vision::{Caps, Colour};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, ScalingFactor, Subsamp};

use crate::figures::quantile;
use crate::gates::Gate::AtLeast;
use crate::gates::Gates;
use crate::speed::millis;

/// As phones take them.
const SIDES: (u32, u32) = (4_000, 3_000);

/// Grey levels that neighbours differ by at most, for there is grain in what a phone takes, and none in what is enlarged.
const GRAIN: i16 = 8;

pub(crate) fn run(gates: &mut Gates, seed: u64, photographs: &[Vec<u8>]) {
    println!(
        "\ndecoding: {} photographs of 12 megapixels at 1/8, ms of one core, against libjpeg-turbo",
        photographs.len()
    );
    let large: Vec<Vec<u8>> = (seed..).zip(photographs).map(|(seed, jpeg)| enlarged(jpeg, seed)).collect();
    for (quality, sampling) in [
        (70, Subsamp::Sub2x2),
        (85, Subsamp::Sub2x2),
        (95, Subsamp::Sub2x2),
        (85, Subsamp::Sub2x1),
        (85, Subsamp::None),
        (85, Subsamp::Gray),
    ] {
        let coded: Vec<Vec<u8>> = large.iter().map(|pixels| encoded(pixels, quality, sampling)).collect();
        let bytes: Vec<f64> = coded.iter().map(|jpeg| jpeg.len() as f64 / 1e6).collect();
        for (what, colour, format) in [("grey", false, PixelFormat::GRAY), ("colour", true, PixelFormat::RGB)] {
            let wanted = Wanted { longer: 1, colour, ..Wanted::default() };
            let took = |jpeg: &Vec<u8>| {
                let ours = millis(|| assert!(decode::streamed(&jpeg[..], &Caps::default(), wanted).unwrap().is_some()));
                (ours, millis(|| theirs(jpeg, format)))
            };
            let (ours, theirs): (Vec<f64>, Vec<f64>) = coded.iter().map(took).unzip();
            let faster: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs / ours).collect();
            let [bytes, ours, theirs, faster] = [&bytes, &ours, &theirs, &faster].map(|of| quantile(of, 0.5));
            println!(
                "  quality {quality}, {sampling:?}, {bytes:.1} MB in {what}: {ours:.1} ms, libjpeg-turbo {theirs:.1} ms"
            );
            gates.check(&format!("times as fast, quality {quality}, {sampling:?}, {what}"), faster, AtLeast(1.15));
        }
    }
}

/// Pixels of a photograph at the size that phones have, with grain.
fn enlarged(jpeg: &[u8], seed: u64) -> Vec<u8> {
    let wanted = Wanted { longer: u32::MAX, colour: true, ..Wanted::default() };
    let small: Colour = decode::photo(jpeg, &Caps::default(), wanted).unwrap().colour.unwrap();
    let pixels = small.pixels().concat();
    let source = fir::images::ImageRef::new(small.width(), small.height(), &pixels, fir::PixelType::U8x3).unwrap();
    let mut target = fir::images::Image::new(SIDES.0, SIDES.1, fir::PixelType::U8x3);
    fir::Resizer::new().resize(&source, &mut target, None).unwrap();
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut grain = || rng.random_range(-GRAIN / 2..=GRAIN / 2);
    target.into_vec().into_iter().map(|level| (i16::from(level) + grain()).clamp(0, 255) as u8).collect()
}

fn encoded(pixels: &[u8], quality: i32, sampling: Subsamp) -> Vec<u8> {
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(quality).unwrap();
    compressor.set_subsamp(sampling).unwrap();
    let (width, height) = (SIDES.0 as usize, SIDES.1 as usize);
    let image = Image { pixels, width, pitch: 3 * width, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).unwrap()
}

fn theirs(jpeg: &[u8], format: PixelFormat) {
    let mut decoder = Decompressor::new().unwrap();
    decoder.set_scaling_factor(ScalingFactor::ONE_EIGHTH).unwrap();
    let header = decoder.read_header(jpeg).unwrap().scaled(ScalingFactor::ONE_EIGHTH);
    let pitch = header.width * format.size();
    let mut pixels = vec![0; pitch * header.height];
    let image = Image { pixels: pixels.as_mut_slice(), width: header.width, pitch, height: header.height, format };
    decoder.decompress(jpeg, image).unwrap();
}
