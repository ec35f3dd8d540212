//! casflake measured side by side with other generators of IDs: the contestants, the ways to run them, and the cases.
//!
//! All sides store each ID in a buffer while the clock runs. After it has stopped, the IDs are compared with each other
//! and with the wall clock.

pub mod alone;
pub mod cases;
pub mod chart;
pub mod floors;
pub mod limit;
pub mod open_loop;
pub mod ours;
pub mod peers;
pub mod plan;
pub mod report;
pub mod rounds;
pub mod source;
pub mod time;
pub mod together;
pub mod verdict;
