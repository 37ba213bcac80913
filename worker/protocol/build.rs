//! Compiles the messages without a `protoc` on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = "proto/imagejob.proto";
    println!("cargo:rerun-if-changed={proto}");
    let files = protox::compile([proto], ["proto"])?;
    tonic_prost_build::configure()
        .codec_path("crate::codec::LeanCodec")
        .bytes(".imagejob.v1alpha1.Lease")
        .bytes(".imagejob.v1alpha1.Header")
        .compile_fds(files)?;
    Ok(())
}
