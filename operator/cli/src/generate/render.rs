//! Pixels of a photo from those of its source, as a [`Variation`] says.
//!
//! Pure: bytes in, bytes out; the noise is the caller's. Work per pixel is left to libraries where
//! they have it, and otherwise done at the source's resolution, which is the smaller one.

use anyhow::Context as _;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use rand::Rng;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::variation::{Blur, Crop, Levels, Pixels, Variation};

/// Bytes per pixel: red, green, blue.
const CHANNELS: usize = 3;

/// A picture, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    size: Pixels,
    rgb: Vec<u8>,
}

impl Picture {
    /// Decodes a whole JPEG.
    pub(crate) fn decode(jpeg: &[u8]) -> anyhow::Result<Self> {
        let image = turbojpeg::decompress(jpeg, PixelFormat::RGB)?;
        let size = Pixels { width: image.width as u32, height: image.height as u32 };
        Ok(Self { size, rgb: image.pixels })
    }

    /// Its pixels.
    pub(crate) fn size(&self) -> Pixels {
        self.size
    }

    /// Brightness as JPEG defines it: 0.299 red + 0.587 green + 0.114 blue.
    pub(crate) fn levels(&self) -> Levels {
        let mut counts = [0_usize; 256];
        for pixel in self.rgb.chunks_exact(CHANNELS) {
            let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(usize::from);
            counts[(77 * red + 150 * green + 29 * blue) >> 8] += 1;
        }
        let percentile = |percent: usize| {
            let mut left = self.rgb.len() / CHANNELS * percent / 100;
            let found = counts.iter().position(|&count| {
                let within = left < count;
                left = left.saturating_sub(count);
                within
            });
            found.unwrap_or(255) as u8
        };
        Levels { p30: percentile(30), p60: percentile(60), p95: percentile(95) }
    }

    fn row(&self, y: usize) -> &[u8] {
        let length = self.size.width as usize * CHANNELS;
        &self.rgb[y * length..][..length]
    }
}

/// A photo made.
pub(crate) struct Rendered {
    pub(crate) jpeg: Vec<u8>,
    /// Of the result.
    pub(crate) levels: Levels,
}

/// Makes the photo that `variation` describes from its source.
pub(crate) fn render(source: &Picture, variation: &Variation, rng: &mut impl Rng) -> anyhow::Result<Rendered> {
    let mut seen = cut(source, &variation.crop, variation.tilt_degrees)?;
    expose(&mut seen, variation.exposure_stops);
    let levels = seen.levels();
    let mut photo = match variation.blur {
        Some(blur) => blurred(&seen, variation.size, blur)?,
        None => resized(&seen, variation.size, FilterType::Lanczos3)?,
    };
    add_grain(&mut photo, variation.grain, rng);
    Ok(Rendered { jpeg: encode(&photo, variation.jpeg_quality)?, levels })
}

/// The crop at the source's resolution, upright.
fn cut(source: &Picture, crop: &Crop, tilt_degrees: f64) -> anyhow::Result<Picture> {
    let size = Pixels { width: crop.width.round().max(1.0) as u32, height: crop.height.round().max(1.0) as u32 };
    if tilt_degrees == 0.0 {
        let (left, top) = (crop.center_x - crop.width / 2.0, crop.center_y - crop.height / 2.0);
        // Rounding of the description may have stepped over the edge by a hundredth of a pixel.
        let width = crop.width.min(f64::from(source.size.width) - left.max(0.0));
        let height = crop.height.min(f64::from(source.size.height) - top.max(0.0));
        let options = ResizeOptions::new().crop(left.max(0.0), top.max(0.0), width, height);
        return scaled(source, size, &options.resize_alg(ResizeAlg::Interpolation(FilterType::Bilinear)));
    }
    let (sin, cos) = tilt_degrees.to_radians().sin_cos();
    let mut rgb = Vec::with_capacity(size.width as usize * size.height as usize * CHANNELS);
    for row in 0..size.height {
        // From the crop's centre to this row's first pixel, and on from there by (cos, sin).
        let (x, y) = (0.5 - crop.width / 2.0, f64::from(row) + 0.5 - crop.height / 2.0);
        let start = (crop.center_x + x * cos - y * sin, crop.center_y + x * sin + y * cos);
        sample_line(source, start, (cos, sin), size.width, &mut rgb);
    }
    Ok(Picture { size, rgb })
}

/// Appends `count` pixels along a line, interpolated between four neighbours. Coordinates in 16.16
/// fixed point: whole pixels above, weights in 256ths below.
fn sample_line(source: &Picture, start: (f64, f64), step: (f64, f64), count: u32, rgb: &mut Vec<u8>) {
    const ONE: f64 = 65_536.0;
    let fixed = |value: f64| (value * ONE) as i64;
    let last = |length: u32| (i64::from(length) - 1).max(0);
    let (last_x, last_y) = (last(source.size.width), last(source.size.height));
    // Pixel centres lie at halves.
    let (mut x, mut y) = (fixed(start.0 - 0.5), fixed(start.1 - 0.5));
    let (step_x, step_y) = (fixed(step.0), fixed(step.1));
    for _ in 0..count {
        let (column, line) = ((x >> 16).clamp(0, last_x), (y >> 16).clamp(0, last_y));
        let (right, left) = ((x & 0xFFFF) as u32 >> 8, 256 - ((x & 0xFFFF) as u32 >> 8));
        let (below, above) = ((y & 0xFFFF) as u32 >> 8, 256 - ((y & 0xFFFF) as u32 >> 8));
        let next = (column + 1).min(last_x) as usize * CHANNELS;
        let column = column as usize * CHANNELS;
        let (upper, lower) = (source.row(line as usize), source.row((line + 1).min(last_y) as usize));
        for channel in 0..CHANNELS {
            let mix = |row: &[u8]| u32::from(row[column + channel]) * left + u32::from(row[next + channel]) * right;
            rgb.push(((mix(upper) * above + mix(lower) * below) >> 16) as u8);
        }
        x += step_x;
        y += step_y;
    }
}

/// Multiplies the light by 2^stops: a level by 2^(stops / 2.2), white stays white.
fn expose(picture: &mut Picture, stops: f64) {
    let gain = (stops / 2.2).exp2();
    let table: [u8; 256] = std::array::from_fn(|level| (level as f64 * gain).round().min(255.0) as u8);
    for level in &mut picture.rgb {
        *level = table[usize::from(*level)];
    }
}

/// At `size`, blurred by a detour through fewer pixels, along both axes or one.
///
/// Shrinking and enlarging with a Gaussian of 0.5 pixels of the small picture each is one of
/// sqrt(0.5^2 + 0.5^2) = 0.71 of them: a sigma of 1 % of the longer side takes 71 pixels there.
/// Along one axis a pixel of the small picture is as long as the smear.
fn blurred(picture: &Picture, size: Pixels, blur: Blur) -> anyhow::Result<Picture> {
    let longer = f64::from(picture.size.longer_side());
    let shrunk = |length: u32, pixels: f64| (f64::from(length) * pixels / longer).round().max(1.0) as u32;
    let Pixels { width, height } = picture.size;
    let (small, filter) = match blur {
        Blur::Gaussian { sigma_percent } => {
            let pixels = 71.0 / sigma_percent;
            (Pixels { width: shrunk(width, pixels), height: shrunk(height, pixels) }, FilterType::Gaussian)
        }
        Blur::Horizontal { length_percent } => {
            (Pixels { width: shrunk(width, 100.0 / length_percent), height }, FilterType::Bilinear)
        }
        Blur::Vertical { length_percent } => {
            (Pixels { width, height: shrunk(height, 100.0 / length_percent) }, FilterType::Bilinear)
        }
    };
    resized(&resized(picture, small, filter)?, size, filter)
}

fn resized(picture: &Picture, size: Pixels, filter: FilterType) -> anyhow::Result<Picture> {
    scaled(picture, size, &ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)))
}

/// Typed, because the untyped call is compiled for all thirteen kinds of pixels: a minute more.
fn scaled(picture: &Picture, size: Pixels, options: &ResizeOptions) -> anyhow::Result<Picture> {
    let mut rgb = vec![0; size.width as usize * size.height as usize * CHANNELS];
    let source = TypedImageRef::<U8x3>::from_buffer(picture.size.width, picture.size.height, &picture.rgb)?;
    let mut target = TypedImage::<U8x3>::from_buffer(size.width, size.height, &mut rgb)?;
    Resizer::new().resize_typed(&source, &mut target, options)?;
    Ok(Picture { size, rgb })
}

/// Adds the same noise to all three channels of a pixel, as brightness; without it enlarged photos
/// are a fraction of the bytes of real ones.
fn add_grain(picture: &mut Picture, deviation: f64, rng: &mut impl Rng) {
    // More than four rows of 4,000 pixels and a prime, so that no pattern shows.
    const LENGTH: usize = 16_411;
    let noise: Vec<i16> = (0..LENGTH).map(|_| (gaussian(rng) * deviation).round() as i16).collect();
    for (pixel, noise) in picture.rgb.chunks_exact_mut(CHANNELS).zip(noise.iter().cycle()) {
        for level in pixel {
            *level = (i16::from(*level) + noise).clamp(0, 255) as u8;
        }
    }
}

/// About normal, mean 0 and deviation 1: the sum of four bytes has a mean of 4 x 127.5 = 510 and a
/// variance of 4 x (256^2 - 1) / 12 = 147.8^2. One draw for all four, as drawing is the cost.
fn gaussian(rng: &mut impl Rng) -> f64 {
    let sum: u32 = rng.next_u32().to_le_bytes().into_iter().map(u32::from).sum();
    (f64::from(sum) - 510.0) / 147.8
}

fn encode(picture: &Picture, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(i32::from(quality))?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    let width = picture.size.width as usize;
    let image = Image {
        pixels: picture.rgb.as_slice(),
        width,
        pitch: width * CHANNELS,
        height: picture.size.height as usize,
        format: PixelFormat::RGB,
    };
    compressor.compress_to_vec(image).context("JPEG encoding failed")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; CHANNELS]) -> Picture {
        let pixel = &pixel;
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect();
        Picture { size: Pixels { width, height }, rgb }
    }

    /// Black and white squares of 10 pixels.
    fn board() -> Picture {
        picture(200, 150, |x, y| if (x / 10 + y / 10) % 2 == 0 { [0; 3] } else { [255; 3] })
    }

    fn at(picture: &Picture, x: u32, y: u32) -> &[u8] {
        &picture.row(y as usize)[x as usize * CHANNELS..][..CHANNELS]
    }

    fn plain(size: Pixels) -> Variation {
        Variation {
            size,
            crop: Crop { center_x: 100.0, center_y: 75.0, width: 200.0, height: 150.0 },
            tilt_degrees: 0.0,
            exposure_stops: 0.0,
            blur: None,
            grain: 0.0,
            jpeg_quality: 95,
        }
    }

    #[test]
    fn levels_are_percentiles_of_brightness() {
        let ramp = picture(100, 1, |x, _| [x as u8; 3]);
        assert_eq!(ramp.levels(), Levels { p30: 30, p60: 60, p95: 95 });
        let red = picture(4, 4, |_, _| [255, 0, 0]);
        assert_eq!(red.levels().p30, 76);
    }

    #[test]
    fn a_photo_has_the_size_asked_for_and_shows_the_source() {
        let size = Pixels { width: 400, height: 300 };
        let rendered = render(&board(), &plain(size), &mut StdRng::seed_from_u64(1)).unwrap();
        let photo = Picture::decode(&rendered.jpeg).unwrap();
        assert_eq!(photo.size(), size);
        assert!(at(&photo, 10, 10)[0] < 30 && at(&photo, 30, 10)[0] > 225, "squares are 20 pixels now");
    }

    #[test]
    fn a_crop_is_cut_where_it_says() {
        let source = picture(100, 100, |x, y| [x as u8, y as u8, 0]);
        let crop = Crop { center_x: 60.0, center_y: 30.0, width: 40.0, height: 20.0 };
        let cut = cut(&source, &crop, 0.0).unwrap();
        assert_eq!(cut.size, Pixels { width: 40, height: 20 });
        assert_eq!((at(&cut, 0, 0), at(&cut, 39, 19)), (&[40, 20, 0][..], &[79, 39, 0][..]));
    }

    #[test]
    fn a_tilt_turns_around_the_centre_of_the_crop() {
        let source = picture(101, 101, |x, y| [x as u8, y as u8, 0]);
        let crop = Crop { center_x: 50.5, center_y: 50.5, width: 41.0, height: 41.0 };
        let turned = cut(&source, &crop, 90.0).unwrap();
        // What was at the top lies to the right, so the left edge shows the bottom.
        for (x, y, expected) in [(20, 20, [50, 50, 0]), (0, 20, [50, 30, 0]), (20, 0, [70, 50, 0])] {
            let near = at(&turned, x, y).iter().zip(expected).all(|(&a, b): (&u8, u8)| a.abs_diff(b) <= 1);
            assert!(near, "{x},{y}: {:?}", at(&turned, x, y));
        }
    }

    #[test]
    fn a_stop_is_twice_the_light() {
        // 2^(1 / 2.2) = 1.37.
        for (level, stops, expected) in [(100, 1.0, 137), (100, -1.0, 73), (200, 1.0, 255), (0, 3.0, 0), (9, 0.0, 9)] {
            let mut grey = picture(1, 1, |_, _| [level; 3]);
            expose(&mut grey, stops);
            assert_eq!(grey.rgb, [expected; 3], "{level} by {stops}");
        }
    }

    #[test]
    fn a_gaussian_blur_has_the_deviation_it_says() {
        // An edge blurred by a Gaussian is 16 % of the way up one deviation before it, 84 % after.
        let edge = picture(1_000, 8, |x, _| if x < 500 { [0; 3] } else { [200; 3] });
        for sigma_percent in [0.8, 1.5] {
            let blur = Blur::Gaussian { sigma_percent };
            let soft = blurred(&edge, edge.size, blur).unwrap();
            let crossing = |level: u8| (0..1_000).find(|&x| at(&soft, x, 4)[0] > level).unwrap();
            let deviation = f64::from(crossing(168) - crossing(32)) / 2.0;
            assert!((deviation / (sigma_percent * 10.0) - 1.0).abs() < 0.25, "{sigma_percent} %: {deviation} pixels");
        }
    }

    #[test]
    fn motion_blurs_along_one_axis_only() {
        let contrast = |picture: &Picture, x: u32, y: u32, right: u32, below: u32| {
            at(picture, x, y)[0].abs_diff(at(picture, x + right, y + below)[0])
        };
        let (upright, flat) = (
            picture(400, 400, |x, _| if x / 4 % 2 == 0 { [0; 3] } else { [255; 3] }),
            picture(400, 400, |_, y| if y / 4 % 2 == 0 { [0; 3] } else { [255; 3] }),
        );
        let smear = Blur::Horizontal { length_percent: 4.0 };
        let (across, along) =
            (blurred(&upright, upright.size, smear).unwrap(), blurred(&flat, flat.size, smear).unwrap());
        assert!(contrast(&across, 202, 200, 4, 0) < 40, "stripes across the motion vanish");
        assert!(contrast(&along, 200, 202, 0, 4) > 240, "stripes along it stay");
    }

    #[test]
    fn grain_has_its_deviation_and_no_colour() {
        let mut grey = picture(300, 300, |_, _| [128; 3]);
        add_grain(&mut grey, 3.0, &mut StdRng::seed_from_u64(1));
        assert!(grey.rgb.chunks_exact(CHANNELS).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
        let squares: f64 = grey.rgb.iter().map(|&level| (f64::from(level) - 128.0).powi(2)).sum();
        let deviation = (squares / grey.rgb.len() as f64).sqrt();
        assert!((deviation - 3.0).abs() < 0.15, "{deviation}");
    }
}
