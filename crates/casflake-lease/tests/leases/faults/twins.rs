//! Identical processes, which differ only in their process numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Trial;
use super::holder::{Drawn, Holder, Plan, draws_many};
use super::verdict::Verdict;
use crate::servers::StoreServer;

/// Starts as many holders as there are workers, with the same arguments, environment and host.
pub(crate) fn twins(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let workers = 6;
    server.initialise(workers);
    // No lease ends before the test does.
    let plan = Plan { ttl: Duration::from_secs(60), ..trial.plan(server) };
    let holders: Vec<Holder> = (0..workers).map(|_| Holder::start(&plan, trial.scratch.path())).collect();
    holders.iter().for_each(|holder| draws_many(holder, 1000));
    let drawn: Vec<Vec<Drawn>> = holders.into_iter().map(Holder::finish).collect();
    let mut owners = BTreeMap::new();
    for (process, ids) in drawn.iter().enumerate() {
        for Drawn { id, .. } in ids {
            let owner = *owners.entry(id.worker()).or_insert(process);
            assert_eq!(owner, process, "two processes have worker {}", id.worker());
        }
    }
    assert_eq!(owners.len() as u64, workers, "{owners:?}");
    Some(Verdict::of(drawn))
}
