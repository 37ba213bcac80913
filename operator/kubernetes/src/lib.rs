//! The operator on Kubernetes: reconcile's seams over the API server, and the program around them.

pub mod render;
