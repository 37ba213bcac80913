//! JPEGs through libjpeg-turbo at every scale, with whatever their EXIF says about how the camera was held.
#![no_main]

use imagejob_fuzz::{caps, photo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| photo::look_at(&photo::beginning(b"\xFF\xD8", bytes), &caps::SMALL));
