//! JPEGs at an eighth of their size by the decoder of our own, beside libjpeg-turbo: where ours decodes, the other does
//! so without a warning, and to the same pixels.
#![no_main]

use imagejob_fuzz::{caps, eighth, photo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| eighth::compare(&photo::beginning(b"\xFF\xD8", bytes), &caps::SMALL));
