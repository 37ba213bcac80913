//! `imagejob dlq replay`: letters back to where they came from, each once.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::Args;
use rdkafka::consumer::{Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use super::Selection;
use super::letter::Letter;
use super::progress::Progress;
use super::shelf::Shelf;
use crate::kafka::Job;

/// Letters of one transaction: each costs a tenth of a second at least.
const BATCH: usize = 500;
/// How long the broker may take over a transaction.
const LIMIT: Duration = Duration::from_mins(1);
/// Pause before a record is sent again for which the producer's queue had no room.
const QUEUE_FULL: Duration = Duration::from_millis(10);

/// Arguments of `imagejob dlq replay`.
#[derive(Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    job: Job,
    #[command(flatten)]
    selection: Selection,
    /// Only say how many there are
    #[arg(long)]
    dry_run: bool,
}

/// `imagejob dlq replay`.
pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<()> {
    let mut shelf = Shelf::open(&args.job)?;
    let mut strange = 0_u64;
    let mut total = 0_u64;
    if args.dry_run {
        shelf.read(&args.selection, false, |letter| {
            *(if letter.source.is_some() { &mut total } else { &mut strange }) += 1;
            Ok(())
        })?;
        println!("{total} dead letters would be replayed{}", left(strange));
        return Ok(());
    }
    let producer = sole_producer(&shelf)?;
    // Another replay may have sent letters until a moment ago; from here on it cannot.
    shelf.look_again()?;
    let mut sender = Sender::begin(&shelf, producer)?;
    shelf.read(&args.selection, false, |letter| {
        if letter.source.is_none() {
            strange += 1;
            return Ok(());
        }
        total += 1;
        sender.take(letter)
    })?;
    sender.flush()?;
    println!("{total} dead letters were replayed{}", left(strange));
    Ok(())
}

fn left(strange: u64) -> String {
    if strange == 0 {
        return String::new();
    }
    format!("; {strange} records that no dispatcher wrote stay where they are")
}

type Producer = ThreadedProducer<DefaultProducerContext>;

/// Whoever replays the same letters at the same time is shut out from here on.
fn sole_producer(shelf: &Shelf) -> anyhow::Result<Producer> {
    let producer: Producer = shelf
        .access
        .config("imagejob-dlq")
        .set("transactional.id", &shelf.group)
        .set("message.max.bytes", "104857600")
        .set("log_level", "2")
        .create()?;
    producer.init_transactions(LIMIT).context(
        "transactions are refused; the user of spec.source.kafka.auth needs Write and Describe on the transactional \
         id <consumer group>.replay",
    )?;
    Ok(producer)
}

/// Sends letters and the note of them in one transaction after the other.
struct Sender<'a> {
    shelf: &'a Shelf,
    producer: Producer,
    group: ConsumerGroupMetadata,
    progress: Progress,
    batch: Vec<Letter>,
}

impl<'a> Sender<'a> {
    fn begin(shelf: &'a Shelf, producer: Producer) -> anyhow::Result<Self> {
        let group = shelf.reader.group_metadata().context("the client has no group")?;
        Ok(Self { shelf, producer, group, progress: shelf.progress.clone(), batch: Vec::new() })
    }

    fn take(&mut self, letter: Letter) -> anyhow::Result<()> {
        self.batch.push(letter);
        if self.batch.len() < BATCH { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() {
            return Ok(());
        }
        for letter in &batch {
            ensure!(self.progress.note(letter.at), "the letter at {} was read twice", letter.at);
        }
        let offsets = self.progress.offsets()?;
        self.producer.begin_transaction()?;
        let sent = batch.iter().try_for_each(|letter| self.send(letter)).and_then(|()| {
            self.producer.send_offsets_to_transaction(&offsets, &self.group, LIMIT)?;
            Ok(self.producer.commit_transaction(LIMIT)?)
        });
        sent.map_err(|error| {
            // What this says is of no use beside the first error: unfinished transactions end by themselves.
            self.producer.abort_transaction(LIMIT).ok();
            error.context(format!(
                "{} letters were not replayed and stay in {}; the same command goes on with them",
                batch.len(),
                self.shelf.topic
            ))
        })
    }

    fn send(&self, letter: &Letter) -> anyhow::Result<()> {
        let Some(source) = &letter.source else { return Ok(()) };
        let mut record =
            BaseRecord::<[u8], [u8]>::to(&source.topic).partition(source.partition).headers(letter.original_headers());
        record.key = letter.key.as_deref();
        record.payload = letter.value.as_deref();
        while let Err((error, rejected)) = self.producer.send(record) {
            let full = matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            ensure!(full, "cannot send to {}: {error}", source.topic);
            std::thread::sleep(QUEUE_FULL);
            record = rejected;
        }
        Ok(())
    }
}
