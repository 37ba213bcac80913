//! Compiles what has to be C: the allocator that counts, and coverage of C libraries.

fn main() {
    println!("cargo:rerun-if-changed=native/allocations.c");
    println!("cargo:rerun-if-changed=native/coverage.c");
    #[cfg(feature = "libfuzzer")]
    {
        cc::Build::new().file("native/allocations.c").file("native/coverage.c").compile("imagejob_fuzz_native");
        println!("cargo:rustc-link-arg-bins=-Wl,--wrap=__sanitizer_cov_trace_pc");
    }
}
