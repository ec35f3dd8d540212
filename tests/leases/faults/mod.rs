//! What happens to processes, clocks and stores; and whether the union of all IDs is distinct all the same.

mod forks;
mod holder;
mod pauses;
mod verdict;
