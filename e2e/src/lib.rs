//! A harness for stories: it starts what a user starts (a broker, dispatchers, workers), sends
//! records, reads topics back and keeps the books. It knows the programs by their public faces
//! alone: command lines, settings files, topics, the report stream.
//!
//! * [`admin`]: what whoever runs the brokers does to topics.
//! * [`broker`]: a real Apache Kafka, or librdkafka's mock where there is no Java.
//! * [`topics`]: produce, read back, follow, committed offsets.
//! * [`peer`]: a scripted worker.
//! * [`programs`]: processes that die with the test, and that stories kill.
//! * [`fleet`]: the dispatchers and workers of one job.
//! * [`dev`]: `imagejob dev`, and the decisions that it wrote down.
//! * [`handler`]: a user's handler that takes a known time.
//! * [`workshop`]: handlers that take as long as each record says, and keep a diary.
//! * [`kube`]: a cluster through `kubectl`, and the world of one story in it.
//! * [`s3`]: a store that speaks S3 and checks signatures.
//! * [`proxy`]: a link between two programs that is cut, goes silent or becomes slow.
//! * [`reports`]: what a dispatcher tells the operator.
//! * [`story`]: a fleet at work while something befalls it.
//! * [`group`]: what the broker wrote down about a consumer group.
//! * [`table`]: figures next to what was promised.
//! * [`account`]: pure; what became of each source offset.
//! * [`wait`]: the clock, and waiting for a condition.

pub mod account;
pub mod admin;
pub mod broker;
pub mod dev;
pub mod fleet;
pub mod group;
pub mod handler;
pub mod kube;
pub mod peer;
pub mod programs;
pub mod proxy;
pub mod reports;
pub mod s3;
pub mod story;
pub mod table;
pub mod topics;
pub mod wait;
pub mod workshop;
