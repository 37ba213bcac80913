//! What every fuzz target holds the code to: no panic, no more memory than its caps promise, no more than a second.

pub mod caps;
pub mod eighth;
pub mod photo;

/// Seconds of computing that nothing may take.
#[cfg(feature = "libfuzzer")]
const SECONDS: f64 = 1.0;

#[cfg(feature = "libfuzzer")]
mod native {
    unsafe extern "C" {
        pub(crate) safe fn imagejob_fuzz_begin();
        pub(crate) safe fn imagejob_fuzz_end() -> usize;
        pub(crate) safe fn imagejob_fuzz_seconds() -> f64;
    }
}

/// Runs `what` and holds it to a second, and to `cap` bytes of heap at any time beyond what was there before. Without
/// the allocator that counts, which comes with the feature `libfuzzer`, it only runs it.
///
/// # Panics
/// It held more, or took longer.
pub fn within<T>(cap: usize, what: impl FnOnce() -> T) -> T {
    #[cfg(feature = "libfuzzer")]
    {
        native::imagejob_fuzz_begin();
        let began = native::imagejob_fuzz_seconds();
        let result = what();
        let peak = native::imagejob_fuzz_end();
        let took = native::imagejob_fuzz_seconds() - began;
        assert!(peak <= cap, "{peak} bytes of heap were held at once, {cap} are allowed");
        assert!(took <= SECONDS, "it took {took:.2} s of computing, {SECONDS} are allowed");
        result
    }
    #[cfg(not(feature = "libfuzzer"))]
    {
        let _ = cap;
        what()
    }
}
