//! Leases: what stores grant, and what a leased generator makes of it.

mod conformance;
mod faults;
mod file;
mod generator;
mod scratch;
mod servers;
mod shaky;
mod skip;
mod soon;
mod stores;
