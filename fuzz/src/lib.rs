//! What every fuzz target holds the code to: no panic, and no more memory than its caps promise. That nothing takes
//! longer than a second is libFuzzer's to watch.

pub mod caps;
pub mod photo;

#[cfg(feature = "libfuzzer")]
mod native {
    unsafe extern "C" {
        pub(crate) safe fn imagejob_fuzz_begin();
        pub(crate) safe fn imagejob_fuzz_end() -> usize;
    }
}

/// Runs `what` and, where the allocator counts, holds it to `cap` bytes of heap at any time, beyond what was there
/// before.
///
/// # Panics
/// It held more.
pub fn within<T>(cap: usize, what: impl FnOnce() -> T) -> T {
    #[cfg(feature = "libfuzzer")]
    native::imagejob_fuzz_begin();
    let result = what();
    #[cfg(feature = "libfuzzer")]
    {
        let peak = native::imagejob_fuzz_end();
        assert!(peak <= cap, "{peak} bytes of heap were held at once, {cap} are allowed");
    }
    #[cfg(not(feature = "libfuzzer"))]
    let _ = cap;
    result
}
