//! PNGs of every colour type and depth, interlaced or not. Their checksums are not looked at here.
#![no_main]

use imagejob_fuzz::{caps, photo};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| photo::look_at(&photo::beginning(b"\x89PNG\r\n\x1A\n", bytes), &caps::SMALL));
