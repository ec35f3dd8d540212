//! A rolling deploy: processes of the version before and of this one on one store at the same time.
//!
//! The variable `CASFLAKE_BEFORE` has the path of the command of the version before, as `.ci/run` builds it.

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

/// A process of the version before, which draws IDs until it is ended.
struct Former {
    child: Child,
    ids: Arc<Mutex<Vec<u64>>>,
}

impl Former {
    fn start(command: &Path, url: &str) -> Self {
        let ttl = TTL.as_secs_f64().to_string();
        let arguments = ["generate", "-n", "1000000000", "--lease", url, "--lease-ttl", &ttl, "--lease-wait", "30"];
        let mut child =
            Command::new(command).args(arguments).stdout(Stdio::piped()).spawn().expect("the former version");
        let lines = BufReader::new(child.stdout.take().expect("its IDs")).lines();
        let ids = Arc::new(Mutex::new(Vec::new()));
        let drawn = Arc::clone(&ids);
        thread::spawn(move || {
            for (line, number) in lines.map_while(Result::ok).zip(1..) {
                drawn.lock().unwrap().extend(line.parse::<u64>());
                // As slowly as it is read it draws: its pipe is full.
                if number % 64 == 0 {
                    thread::sleep(Duration::from_millis(2));
                }
            }
        });
        Self { child, ids }
    }

    fn draws(&self) {
        let before = self.ids.lock().unwrap().len();
        // More than a pipe holds.
        eventually("IDs of the former version", || (self.ids.lock().unwrap().len() > before + 5000).then_some(()));
    }

    fn kill(mut self) -> Vec<u64> {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
        self.ids.lock().unwrap().clone()
    }
}

fn former() -> Option<PathBuf> {
    let former = env::var_os("CASFLAKE_BEFORE").map(PathBuf::from);
    if former.is_none() {
        println!("SKIPPED: a rolling deploy needs CASFLAKE_BEFORE, the command of the version before");
    }
    former
}

/// The store is one of the version before; this version comes, goes, and comes again.
fn roll(former: &Path, server: &dyn StoreServer) {
    let scratch = Scratch::new();
    let new = || Holder::start(&Plan::new(server.url(), TTL), scratch.path());
    let init = ["leases", "--lease", &server.url(), "init", "--at-once", "--yes", "--workers", "4"];
    let initialised = eventually("the store of the version before", || {
        let output = Command::new(former).args(init).output().expect("the former version");
        output.status.success().then_some(output)
    });
    assert!(String::from_utf8_lossy(&initialised.stdout).contains("4 workers"), "{initialised:?}");
    let mut drawn: Vec<u64> = Vec::new();
    let mut killed = |former: Former| drawn.extend(former.kill());
    let (first, second) = (Former::start(former, &server.url()), Former::start(former, &server.url()));
    first.draws();
    second.draws();
    let holders = [new(), new()];
    holders.iter().for_each(|holder| draws_many(holder, 500));
    first.draws();
    // There are four workers: a new one takes that of the first.
    killed(first);
    let third = new();
    draws_many(&third, 500);
    second.draws();
    // Back to the version before, for one of them.
    let mut finished = vec![third.finish()];
    let back = Former::start(former, &server.url());
    back.draws();
    killed(second);
    holders.iter().for_each(|holder| draws_many(holder, 500));
    // And all of the new one.
    killed(back);
    let last = [new(), new()];
    last.iter().for_each(|holder| draws_many(holder, 500));
    finished.extend(holders.into_iter().chain(last).map(Holder::finish));
    let (of_former, of_new) = (drawn.len(), finished.iter().map(Vec::len).sum::<usize>());
    drawn.extend(finished.into_iter().flatten().map(|drawn| Snowflake::as_u64(drawn.id)));
    drawn.sort_unstable();
    drawn.dedup();
    let duplicates = of_former + of_new - drawn.len();
    println!("rolling deploy on {}: {of_former} IDs before, {of_new} after, {duplicates} duplicates", server.name());
    assert_eq!(duplicates, 0);
}

#[test]
fn i1_both_versions_share_a_directory() {
    if let Some(former) = former() {
        roll(&former, &Directory::new());
    }
}

#[cfg(feature = "etcd")]
#[test]
fn i1_both_versions_share_an_etcd() {
    if let (Some(former), Some(server)) = (former(), testkit::EtcdServer::start()) {
        roll(&former, &server);
    }
}

#[cfg(all(target_os = "linux", feature = "postgres"))]
#[test]
fn i1_both_versions_share_a_postgresql() {
    if let (Some(former), Some(server)) = (former(), testkit::postgres::PostgresServer::start()) {
        roll(&former, &server);
    }
}

#[cfg(all(target_os = "linux", feature = "redis"))]
#[test]
fn i1_both_versions_share_a_redis() {
    if let (Some(former), Some(server)) = (former(), testkit::redis::RedisServer::start()) {
        roll(&former, &server);
    }
}
