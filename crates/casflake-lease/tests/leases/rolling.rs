//! A rolling deploy: processes of the previous version and of this one share a store.
//!
//! The variable `CASFLAKE_BEFORE` has the path of the command of the previous version, as `.ci/run` builds it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, thread};

use casflake::Snowflake;
use testkit::{Scratch, eventually};

use crate::faults::holder::{Holder, Plan, draws_many};
use crate::servers::{Directory, StoreServer};

const TTL: Duration = Duration::from_millis(1500);

/// A process of the previous version. It draws IDs until it is killed.
struct PreviousVersion {
    child: Child,
    ids: Arc<Mutex<Vec<u64>>>,
}

impl PreviousVersion {
    fn start(command: &Path, url: &str) -> Self {
        let ttl = TTL.as_secs_f64().to_string();
        let arguments = ["generate", "-n", "1000000000", "--lease", url, "--lease-ttl", &ttl, "--lease-wait", "30"];
        let mut child =
            Command::new(command).args(arguments).stdout(Stdio::piped()).spawn().expect("the previous version");
        let lines = BufReader::new(child.stdout.take().expect("its IDs")).lines();
        let ids = Arc::new(Mutex::new(Vec::new()));
        let drawn = Arc::clone(&ids);
        thread::spawn(move || {
            for (line, number) in lines.map_while(Result::ok).zip(1..) {
                drawn.lock().unwrap().extend(line.parse::<u64>());
                // Its pipe is full, so it draws no faster than this thread reads.
                if number % 64 == 0 {
                    thread::sleep(Duration::from_millis(2));
                }
            }
        });
        Self { child, ids }
    }

    fn draws(&self) {
        let before = self.ids.lock().unwrap().len();
        // More than the pipe holds.
        eventually("IDs of the previous version", || (self.ids.lock().unwrap().len() > before + 5000).then_some(()));
    }

    fn kill(mut self) -> Vec<u64> {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
        self.ids.lock().unwrap().clone()
    }
}

fn previous_command() -> Option<PathBuf> {
    let previous = env::var_os("CASFLAKE_BEFORE").map(PathBuf::from);
    if previous.is_none() {
        println!("SKIPPED: a rolling deploy needs CASFLAKE_BEFORE, the command of the previous version");
    }
    previous
}

/// Rolls out this version on a store that the previous one has initialised, rolls it back in part, and rolls it out again.
fn roll(previous: &Path, server: &dyn StoreServer) {
    let scratch = Scratch::new();
    let new = || Holder::start(&Plan::new(server.url(), TTL), scratch.path());
    let init = ["leases", "--lease", &server.url(), "init", "--at-once", "--yes", "--workers", "4"];
    let initialised = eventually("a store of the previous version", || {
        let output = Command::new(previous).args(init).output().expect("the previous version");
        output.status.success().then_some(output)
    });
    assert!(String::from_utf8_lossy(&initialised.stdout).contains("4 workers"), "{initialised:?}");
    let mut drawn: Vec<u64> = Vec::new();
    let mut killed = |process: PreviousVersion| drawn.extend(process.kill());
    let (first, second) =
        (PreviousVersion::start(previous, &server.url()), PreviousVersion::start(previous, &server.url()));
    first.draws();
    second.draws();
    let holders = [new(), new()];
    holders.iter().for_each(|holder| draws_many(holder, 500));
    first.draws();
    // All four workers are leased, so the new process takes the worker of the killed one.
    killed(first);
    let third = new();
    draws_many(&third, 500);
    second.draws();
    // One process is rolled back to the previous version.
    let mut finished = vec![third.finish()];
    let back = PreviousVersion::start(previous, &server.url());
    back.draws();
    killed(second);
    holders.iter().for_each(|holder| draws_many(holder, 500));
    // Finally, all processes are of this version.
    killed(back);
    let last = [new(), new()];
    last.iter().for_each(|holder| draws_many(holder, 500));
    finished.extend(holders.into_iter().chain(last).map(Holder::finish));
    let (of_previous, of_new) = (drawn.len(), finished.iter().map(Vec::len).sum::<usize>());
    drawn.extend(finished.into_iter().flatten().map(|drawn| Snowflake::as_u64(drawn.id)));
    drawn.sort_unstable();
    drawn.dedup();
    let duplicates = of_previous + of_new - drawn.len();
    println!("rolling deploy on {}: {of_previous} IDs before, {of_new} after, {duplicates} duplicates", server.name());
    assert_eq!(duplicates, 0);
}

#[test]
fn l1_both_versions_share_a_directory() {
    if let Some(previous) = previous_command() {
        roll(&previous, &Directory::new());
    }
}

#[cfg(feature = "etcd")]
#[test]
fn l1_both_versions_share_an_etcd() {
    if let (Some(previous), Some(server)) = (previous_command(), testkit::EtcdServer::start()) {
        roll(&previous, &server);
    }
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn l1_both_versions_share_a_postgresql() {
    if let (Some(previous), Some(server)) = (previous_command(), testkit::postgres::PostgresServer::start()) {
        roll(&previous, &server);
    }
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn l1_both_versions_share_a_redis() {
    if let (Some(previous), Some(server)) = (previous_command(), testkit::redis::RedisServer::start()) {
        roll(&previous, &server);
    }
}
