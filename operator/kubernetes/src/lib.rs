//! The operator on Kubernetes: reconcile's seams over the API server, and the program around them.
//!
//! | file                      | what                                                                  |
//! |---------------------------|-----------------------------------------------------------------------|
//! | [`operator`]              | the program: watches, election, and the controller while it leads     |
//! | [`controller`]            | one driver per job                                                    |
//! | [`watches`], [`caches`]   | what the API server tells, kept as [`facts`] and [`faults`], by job   |
//! | [`cluster`]               | one job: what runs, and the writes that make a plan true              |
//! | [`render`]                | from a plan to objects                                                |
//! | [`lease`], [`election`]   | who leads: the rule, and the shell around it                          |
//! | [`signing_key`]           | the one Secret that is read, from which all tokens follow             |
//! | [`news`], [`events`]      | what is worth telling people, and how it gets to them                 |
//! | [`meters`], [`records`], [`http`] | what is counted and was decided, and where it is shown         |
//! | [`access`]                | every right that all of this needs                                    |
//!
//! Nothing here knows Kafka, and no Secret of a user or a job is ever read.

pub mod access;
pub mod caches;
pub mod cluster;
pub mod controller;
pub mod election;
pub mod events;
pub mod facts;
pub mod faults;
pub mod http;
pub mod lease;
pub mod lookups;
pub mod meters;
pub mod news;
pub mod operator;
mod policies;
pub mod records;
pub mod render;
pub mod signing_key;
mod trouble;
pub mod watches;
