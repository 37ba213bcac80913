//! WebPs, lossy and lossless, with alpha and without, and those that say they are animated.
#![no_main]

use imagejob_fuzz::{caps, photo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| photo::look_at(&photo::beginning(b"RIFF", bytes), &caps::WEBP));
