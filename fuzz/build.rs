//! Compiles what has to be C: the allocator that counts, the clock, and coverage of C libraries.

fn main() {
    println!("cargo:rerun-if-changed=native");
    #[cfg(feature = "libfuzzer")]
    {
        let sources = ["allocations", "clock", "coverage"].map(|name| format!("native/{name}.c"));
        cc::Build::new().files(sources).compile("imagejob_fuzz_native");
        println!("cargo:rustc-link-arg-bins=-Wl,--wrap=__sanitizer_cov_trace_pc");
    }
}
