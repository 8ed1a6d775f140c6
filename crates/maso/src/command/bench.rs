//! `maso bench`: what maso costs, beside the bare primitives, in one run.
