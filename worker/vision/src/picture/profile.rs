//! Colours as sRGB has them, for a photo that says in an ICC profile what its colours mean. Phones write Display P3,
//! cameras Adobe RGB: shown as sRGB, which is what a picture without a profile is, the first looks dull and the
//! second greenish. A picture that others show must not depend on whether they read profiles.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::{Channels, Picture};

/// Profiles of cameras and phones have 500 bytes to 4 KB; tables of a printer a megabyte, of which photos have none.
const LONGEST: usize = 256 << 10;

impl Picture {
    /// The same colours in sRGB. A profile that cannot be read, or is none of red, green and blue, changes nothing:
    /// it says nothing about these pixels.
    #[must_use]
    pub(crate) fn in_srgb(self, profile: Option<&[u8]>) -> Self {
        let Some(profile) = profile.filter(|profile| profile.len() <= LONGEST) else { return self };
        let Ok(profile) = ColorProfile::new_from_slice(profile) else { return self };
        if profile.color_space != DataColorSpace::Rgb {
            return self;
        }
        let layout = match self.channels {
            Channels::Rgb => Layout::Rgb,
            Channels::Rgba => Layout::Rgba,
        };
        let (srgb, options) = (ColorProfile::new_srgb(), TransformOptions::default());
        let Ok(transform) = profile.create_transform_8bit(layout, &srgb, layout, options) else { return self };
        let mut pixels = vec![0; self.pixels.len()];
        match transform.transform(&self.pixels, &mut pixels) {
            Ok(()) => Self { pixels, ..self },
            Err(_) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn after(profile: Option<&[u8]>, pixel: [u8; 4]) -> Vec<u8> {
        let picture = Picture::new(2, 1, Channels::Rgba, pixel.repeat(2)).unwrap();
        picture.in_srgb(profile).pixels()[..4].to_vec()
    }

    fn near(found: &[u8], expected: [u8; 4]) -> bool {
        found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 1)
    }

    #[test]
    fn colours_of_wide_spaces_become_those_of_srgb() {
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let adobe = ColorProfile::new_adobe_rgb().encode().unwrap();
        // By the matrices and the transfer function of CSS Color 4, section 18.
        for (profile, pixel, expected) in [
            (&p3, [200, 100, 50, 7], [215, 93, 31, 7]),
            (&p3, [30, 200, 90, 255], [0, 204, 73, 255]),
            (&p3, [128, 128, 128, 255], [128, 128, 128, 255]),
            // The greenest of Display P3 is none of sRGB's: the nearest on its edge.
            (&p3, [0, 255, 0, 255], [0, 255, 0, 255]),
            (&adobe, [128, 128, 128, 255], [128, 128, 128, 255]),
        ] {
            let found = after(Some(profile), pixel);
            assert!(near(&found, expected), "{pixel:?} became {found:?}, not {expected:?}");
        }
    }

    #[test]
    fn what_is_no_profile_of_these_colours_changes_nothing() {
        let pixel = [200, 100, 50, 255];
        let grey = ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
        let p3 = ColorProfile::new_display_p3().encode().unwrap();
        let long = [p3.clone(), vec![0; LONGEST]].concat();
        for profile in [None, Some(&b""[..]), Some(b"nonsense"), Some(&grey[..]), Some(&p3[..100]), Some(&long[..])] {
            assert_eq!(after(profile, pixel), pixel, "{} bytes", profile.map_or(0, <[u8]>::len));
        }
    }
}
