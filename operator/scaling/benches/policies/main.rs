//! Prints how policies do against the rivals and against who knows everything, and whether the
//! gates of the scaler are met, or by how much one is missed.
//!
//! `cargo bench -p imagejob-scaling -- 11..21` takes other seeds, `-- 11..21 flash` one workload.

mod bursts;
mod flash;
mod homework;
mod shapes;
mod stage;
mod steady;
mod weekend;

use std::ops::Range;

/// What prints a workload's rows and gates for some seeds.
type Workload = fn(Range<u64>);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let range = args.iter().find_map(|arg| arg.split_once(".."));
    let range = range.and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    let seeds: Range<u64> = range.unwrap_or(1..4);
    let chosen = |name: &str| args.iter().all(|arg| arg.contains("..") || arg == name);
    println!("seeds {} to {}; waits in seconds", seeds.start, seeds.end - 1);
    let workloads: [(&str, Workload); 6] = [
        ("weekend", weekend::gates),
        ("homework", homework::gates),
        ("flash", flash::gates),
        ("shapes", shapes::gates),
        ("bursts", bursts::gates),
        ("steady", steady::gates),
    ];
    for (name, print) in workloads {
        if chosen(name) {
            println!("\n{name}");
            print(seeds.clone());
        }
    }
}
