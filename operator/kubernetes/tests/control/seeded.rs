//! Seeded runs: faults of the API server and deaths of operators drawn from a seed; safety all along,
//! then faults off and everything must come true and to rest.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::api::Faults;
use crate::world::{Process, World};

const JOBS: [&str; 3] = ["pages", "posters", "prints"];

fn faults(random: &mut StdRng) -> Faults {
    Faults {
        down: random.random_ratio(1, 6),
        replies_lost: random.random_ratio(1, 6),
        failing: random.random_ratio(1, 3).then(|| {
            let codes = [409, 429, 500, 503];
            (codes[random.random_range(0..codes.len())], random.random_range(1..10))
        }),
        write_delay: Duration::ZERO,
        watch_delay: Duration::from_millis(if random.random_ratio(1, 4) { random.random_range(0..4_000) } else { 0 }),
    }
}

async fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::new();
    let mut operators: Vec<Process> = Vec::new();
    let mut number = 0;
    for job in JOBS {
        world.apply_job(job);
    }
    for _ in 0..30 {
        while operators.len() < 2 {
            number += 1;
            operators.push(world.operator(&format!("operator-{number}")));
        }
        world.api.set_faults(faults(&mut random));
        let job = JOBS[random.random_range(0..JOBS.len())];
        world.waiting(job, random.random_range(0..6_000));
        match random.random_range(0..8) {
            0 => operators.swap_remove(random.random_range(0..2)).kill(),
            1 => world.api.break_watches(),
            _ => {}
        }
        sleep(Duration::from_millis(random.random_range(100..6_000))).await;
        for job in JOBS {
            assert!(world.workers(job).is_none_or(|workers| workers <= 40), "seed {seed}: more than the maximum");
        }
    }
    world.api.set_faults(Faults::default());
    for job in JOBS {
        world.until("ready, whatever the seed", |world| world.condition(job, "Ready").starts_with("True")).await;
        world.waiting(job, 0);
        world.until("back to zero, whatever the seed", |world| world.workers(job) == Some(0)).await;
    }
    // The window that is remembered ends, and numbers that were due are written within a minute.
    sleep(Duration::from_secs(200)).await;
    let before = world.writes();
    sleep(Duration::from_mins(2)).await;
    assert_eq!(world.writes(), before, "seed {seed}: written at rest");
}

#[tokio::test(start_paused = true)]
async fn seeded_runs_come_true_and_to_rest() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_SEEDS").unwrap_or(2),
    };
    for seed in seeds {
        println!("SIM_SEED={seed}");
        run(seed).await;
    }
}
