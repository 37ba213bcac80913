//! Photos of each format as pictures are made of them: in colours, with whatever their profiles say colours mean.
#![no_main]

use imagejob_fuzz::photo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| photo::make_a_picture(bytes));
