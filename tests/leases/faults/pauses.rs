//! Processes that are killed, stopped and restarted, on a directory.

use std::time::Duration;

use casflake::lease::{FileStore, LeaseAdmin};
use casflake::{Scheme, Standard};

use super::holder::{Holder, Plan, draws};
use super::verdict::Verdict;
use crate::scratch::Scratch;
use crate::soon::soon;

const TTL: Duration = Duration::from_millis(600);

fn directory(workers: u64) -> (Scratch, Plan) {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path().join("store")).unwrap();
    let store = scratch.path().join("store");
    FileStore::open(&store).initialise(&Standard::LAYOUT, workers).unwrap();
    let plan = Plan::new(format!("file:{}", store.display()), TTL);
    (scratch, plan)
}

/// Kills holders at random, and starts others in their place at once: twice as many as there are workers.
#[test]
fn i1_processes_that_are_killed_and_restarted() {
    let (scratch, plan) = directory(4);
    let start = || Holder::start(&plan, scratch.path());
    let mut holders: Vec<Holder> = (0..8).map(|_| start()).collect();
    let mut ids = Vec::new();
    for round in 0..20_usize {
        // Some holder draws.
        let before: u64 = holders.iter().map(Holder::count).sum();
        soon("IDs", || (holders.iter().map(Holder::count).sum::<u64>() > before).then_some(()));
        let victim = holders.remove(round * 7 % holders.len());
        ids.push(victim.kill());
        holders.push(start());
    }
    ids.extend(holders.into_iter().map(Holder::kill));
    let verdict = Verdict::of(ids);
    println!("{verdict}");
    verdict.assert_good();
}

/// Stops a holder for longer than its lease lasts, lets another take the worker, and lets it go on.
#[test]
fn i8_a_process_that_is_stopped_while_another_takes_its_worker() {
    let (scratch, plan) = directory(1);
    let start = || Holder::start(&plan, scratch.path());
    let one = start();
    draws(&one);
    one.pause();
    let other = start();
    draws(&other);
    one.go_on();
    // It finds out that its worker is another's, and draws again when that is free.
    let mut ids = vec![other.finish()];
    draws(&one);
    ids.push(one.finish());
    let verdict = Verdict::of(ids);
    println!("{verdict}");
    verdict.assert_good();
}
