//! What a photo costs: bare decoding with libjpeg-turbo, and the whole path through a real worker
//! (lease, fetch, decode, quality, publish, done), both in processor time per photo.

use std::path::Path;
use std::time::Duration;

use imagejob_e2e::broker::Broker;
use imagejob_e2e::fleet::{BUCKET, Fleet, quality_step};
use imagejob_e2e::programs::cpu_seconds;
use imagejob_e2e::table::Table;
use imagejob_e2e::wait;
use imagejob_protocol::wire::Timings;
use serde_json::json;

/// Each photograph of the demo goes through this often.
const ROUNDS: usize = 200;
const LIMIT: Duration = Duration::from_mins(2);

pub(crate) fn measure(broker: &Broker, table: &mut Table) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/photos");
    let mut photos = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jpg") {
            photos.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), std::fs::read(&path)?));
        }
    }
    let megapixels = megapixels(&photos)?;
    let bare = bare_decode(&photos)?;
    let name = format!("decode alone, full size, of {} photos ({megapixels:.2} MP)", photos.len());
    table.row(name, format!("{:.2} ms", bare * 1e3), "");

    let Cost { wall, cpu, phases } = whole_path(broker, &photos)?;
    table.row("whole photo path, processor time of the worker", format!("{:.2} ms a photo", cpu * 1e3), "");
    table.ratio(format!("{:.2} x decode alone", cpu / bare));
    table.row("whole photo path, one worker, 8 slots, all cores", format!("{:.0} photos/s", 1.0 / wall), "");
    table.ratio(phases);
    Ok(())
}

/// Mean size.
fn megapixels(photos: &[(String, Vec<u8>)]) -> anyhow::Result<f64> {
    let mut pixels = 0;
    for (_, bytes) in photos {
        let header = turbojpeg::read_header(bytes)?;
        pixels += header.width * header.height;
    }
    Ok(pixels as f64 / 1e6 / photos.len() as f64)
}

/// Processor seconds per photo to RGB at full size.
fn bare_decode(photos: &[(String, Vec<u8>)]) -> anyhow::Result<f64> {
    let before = cpu_seconds(std::process::id())?;
    for _ in 0..ROUNDS {
        for (_, bytes) in photos {
            std::hint::black_box(turbojpeg::decompress(bytes, turbojpeg::PixelFormat::RGB)?);
        }
    }
    Ok((cpu_seconds(std::process::id())? - before) / (ROUNDS * photos.len()) as f64)
}

/// What a photo costs on its whole path.
struct Cost {
    /// Seconds between two photos.
    wall: f64,
    /// Processor seconds of the worker.
    cpu: f64,
    /// Where a photo's own time goes while all slots are busy.
    phases: String,
}

/// One worker with everything around it.
fn whole_path(broker: &Broker, photos: &[(String, Vec<u8>)]) -> anyhow::Result<Cost> {
    let mut fleet = Fleet::new(broker, "photos", 3, vec![quality_step()])?;
    let mut messages = Vec::new();
    for (name, bytes) in photos {
        std::fs::write(fleet.objects().join(name), bytes)?;
        messages.push(json!({ "bucket": BUCKET, "key": name }).to_string());
    }
    fleet.start_dispatchers(1)?;
    fleet.start_workers(1)?;
    fleet.wait_connected(1)?;
    let (start, before) = (wait::now(), fleet.worker(0).cpu_seconds()?);
    let count = ROUNDS * messages.len();
    fleet.topics.produce("photos", messages.iter().map(String::as_bytes).cycle().take(count))?;
    fleet.wait_committed(LIMIT)?;
    let (wall, cpu) = (start.elapsed(), fleet.worker(0).cpu_seconds()? - before);
    let recent = fleet.reports().into_iter().flatten().find_map(|report| report.work?.recent).unwrap_or_default();
    let Timings { fetch, decode, steps, publish, total } = recent.mean.unwrap_or_default();
    let [fetch, decode, steps, publish, total] = [fetch, decode, steps, publish, total].map(|us| f64::from(us) / 1e3);
    let phases = format!(
        "mean in the worker {total:.1} ms: fetch {fetch:.1} decode {decode:.1} steps {steps:.1} publish {publish:.1}"
    );
    let account = fleet.account()?;
    anyhow::ensure!(account.is_sound() && account.succeeded == count, "{account}");
    Ok(Cost { wall: wall.as_secs_f64() / count as f64, cpu: cpu / count as f64, phases })
}
