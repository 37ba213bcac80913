//! From a plan to the objects that carry it out. Pure.
//!
//! The plan's hash is an annotation of the worker Deployment and of nothing else. That Deployment is
//! applied last: where it carries a hash, all the rest of that plan is in place. And where only the
//! number of workers differs, nothing else does, so that scaling is one write.
