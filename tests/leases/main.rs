//! Leases: what stores grant, and what a leased generator makes of it.

mod file;
mod generator;
mod scratch;
mod shaky;
mod skip;
mod soon;
