//! What happens to processes, clocks and stores; and whether the union of all IDs is distinct all the same.

#[cfg(unix)]
mod forks;
mod holder;
mod pauses;
mod verdict;
