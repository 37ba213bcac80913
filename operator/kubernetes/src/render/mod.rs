//! From a plan to the objects that carry it out. Pure.
