//! Tests that the scripts do the same as the rules of the protocol, on a real server with a clock that stands still.

use std::collections::BTreeMap;
use std::time::Duration;

use casflake::{Layout, Scheme, Sonyflake, Standard};
use testkit::RedisServer;

use super::{RedisBackend, RedisStore, encode};
use crate::backend::{Backend, Contents, Renewed};
use crate::protocol::{Change, Record, Space};
use crate::terms::Terms;
use crate::{AcquireRequest, Lease, LeaseAdmin, LeaseStore, Renewal, StoreError, Token};

const KEY: &str = "casflake:default";
/// The time that the server's clock always shows, in seconds.
const NOW: u64 = 1_800_000_000;
const WORKER: u64 = 3;

/// A store that uses the rules of [`protocol`](crate::protocol) for renewals and releases, instead of the scripts.
struct ByRules(RedisBackend);

impl Backend for ByRules {
    fn place(&self) -> String {
        self.0.place()
    }

    fn read(&mut self) -> Result<Contents, StoreError> {
        self.0.read()
    }

    fn swap(&mut self, seen: &Contents, change: &Change) -> Result<bool, StoreError> {
        self.0.swap(seen, change)
    }
}

fn backend(server: &RedisServer) -> RedisBackend {
    RedisStore::from_url(&server.url()).unwrap().into_backend()
}

fn put(connection: &mut redis::Connection, space: &Space, record: &Record) {
    let (space, record) = (encode(space).unwrap(), encode(record).unwrap());
    redis::cmd("HSET").arg(&[KEY, "space", &space, &WORKER.to_string(), &record]).exec(connection).unwrap();
}

fn raw(connection: &mut redis::Connection) -> BTreeMap<String, String> {
    redis::cmd("HGETALL").arg(KEY).query(connection).unwrap()
}

/// Asserts that the rules and the scripts return the same value and store the same contents in each case. Returns the
/// number of cases in which the hash was changed.
fn both<T: PartialEq + std::fmt::Debug>(
    server: &RedisServer,
    cases: impl IntoIterator<Item = (Space, Record)>,
    by_rules: impl Fn(&mut ByRules) -> T,
    by_script: impl Fn(&mut RedisBackend) -> T,
) -> usize {
    let (mut script, mut rules) = (backend(server), ByRules(backend(server)));
    let mut connection = server.connection();
    let mut done = 0;
    for (space, record) in cases {
        put(&mut connection, &space, &record);
        let before = raw(&mut connection);
        let expected = (by_rules(&mut rules), raw(&mut connection));
        put(&mut connection, &space, &record);
        let outcome = (by_script(&mut script), raw(&mut connection));
        assert_eq!(outcome, expected, "{space:?} {record:?}");
        done += usize::from(expected.1 != before);
    }
    done
}

/// Returns the cases for `both`. The windows begin and end at the limits of the rules, and just before and after these
/// limits. In one case for each window, all other values of the space and of the record allow a renewal of `held`. In
/// each other case for the same window, one of these values is different.
fn cases(terms: &Terms, now: u64, run: &str, held: &Lease, ttl: u64) -> Vec<(Space, Record)> {
    let (floor, horizon) = (now - 50, now + terms.max_ttl + terms.slack);
    let layout = terms.layout.clone();
    let space = Space { version: 7, layout, workers: 8, granted: 5, floor, incarnation: run.into() };
    let (counter, token, owner) = (held.counter, Some(held.token), String::from("me"));
    let record = Record { from: 0, until: 0, counter, token, owner };
    let spaces = [
        space.clone(),
        Space { incarnation: format!("{run}-1"), ..space.clone() },
        Space { incarnation: "0".repeat(40), ..space.clone() },
        Space { layout: "another".into(), ..space.clone() },
        Space { version: 0, ..space.clone() },
        Space { incarnation: format!("{run}, found empty by {}", held.token), ..space.clone() },
    ];
    let records = [
        Record { token: None, ..record.clone() },
        Record { token: Some(Token::numbered(8)), ..record.clone() },
        Record { counter: counter - 1, ..record.clone() },
        Record { counter: counter + 1, ..record.clone() },
    ];
    let one_is_right = spaces.map(|space| (space, record.clone())).into_iter();
    let mut cases = Vec::new();
    for (space, record) in one_is_right.chain(records.map(|record| (space.clone(), record))) {
        for from in [0, floor - 1, floor, floor + 1] {
            for until in [floor + 1, now, now + ttl - 1, now + ttl, now + ttl + 1, horizon, horizon + 1] {
                cases.push((space.clone(), Record { from, until, ..record.clone() }));
            }
        }
    }
    cases
}

fn contents() -> Contents {
    Contents::new(0, "", "")
}

/// Would catch: a holder that creates a second space while the store's address leads to another server.
#[test]
fn a_missing_space_belongs_to_the_server_that_granted_or_one_started_since() {
    const AT: u64 = 200_000_000_000;
    let mut store = RedisStore::from_url("redis://h").unwrap().into_backend();
    let home = store.link.to_string();
    let mut is_home = |run: &str, started: u64, is_absent: bool| store.place_of(run, started, is_absent) == home;
    assert!(is_home("aa", 100, true), "nothing was granted");
    let granted = |at| Contents { unix_ns: at, ..contents() };
    store.granted(&granted(AT - 50_000_000_000));
    store.heard(AT);
    let mut is_home = |run: &str, started: u64, is_absent: bool| store.place_of(run, started, is_absent) == home;
    assert!(is_home("aa", 100, true) && is_home("aa-bb", 100, true), "the server was flushed");
    assert!(!is_home("bb", 169, true), "another server that was running before");
    assert!(is_home("bb", 170, true), "the server was restarted, on a clock that is behind");
    assert!(is_home("bb", 100, false), "the space exists");
    // The other server grants the next lease.
    store.granted(&granted(AT));
    assert!(store.place_of("bb", 100, true) == home && store.place_of("aa", 100, true) != home);
}

fn start() -> Option<RedisServer> {
    let server = RedisServer::start_with_faked_clock()?;
    // The append-only file has no effect on this test, and is slow.
    server.command("CONFIG", &["SET", "appendonly", "no"]);
    server.freeze_clock(NOW);
    Some(server)
}

#[test]
fn the_script_renews_as_the_rules_do() {
    let Some(server) = start() else { return };
    let run = server.info("run_id").unwrap();
    let ends_soon = Layout::new(20, 0, 8, 8).with_epoch_unix_ms(NOW * 1000 - (1 << 20) + 9_000);
    let is_over = Layout::new(20, 0, 8, 8).with_epoch_unix_ms(NOW * 1000 - (1 << 20));
    let has_not_begun = Layout::new(41, 0, 8, 8).with_epoch_unix_ms(NOW * 1000 + 1);
    let odd = Layout::new(38, 0, 8, 8).with_epoch_unix_ms(NOW * 1000 - 7 * 14_285_714_285).with_tick_ms(7);
    for layout in [Standard::LAYOUT, Sonyflake::LAYOUT, odd, ends_soon, is_over, has_not_begun] {
        let terms = Terms::of(&layout);
        let ttl = terms.ticks(Duration::from_secs(10));
        let now = layout.tick_at(NOW * 1000);
        let quiet = |outcome: Result<Option<Renewed>, StoreError>| match outcome {
            Err(StoreError::StoreClockOutside { .. }) => None,
            outcome => outcome.unwrap().map(|renewed| Renewed { place: None, ..renewed }),
        };
        let floor = now.unwrap_or(1000) - 50;
        let known = [floor, now.unwrap_or(1000)];
        for (from, until) in [floor - 1, floor, floor + 1].into_iter().flat_map(|from| known.map(|until| (from, until)))
        {
            let held = Lease::new(WORKER, from, until, 5, Token::numbered(7));
            let done = both(
                &server,
                cases(&terms, now.unwrap_or(1000), &run, &held, ttl),
                |rules| quiet(rules.renew(&held, ttl, &terms)),
                |script| quiet(script.renew(&held, ttl, &terms)),
            );
            // If the window in the record begins like the window of the held lease, the lease is renewed in two spaces,
            // once for each end from the held end up to the horizon.
            let ends = if until == floor { 6 } else { 5 };
            let is_renewed = now.is_some() && from >= floor;
            assert_eq!(done, if is_renewed { 2 * ends } else { 0 }, "{layout:?} {from} {until}");
        }
    }
}

#[test]
fn the_script_releases_as_the_rules_do() {
    let Some(server) = start() else { return };
    let run = server.info("run_id").unwrap();
    let terms = Terms::of(&Standard::LAYOUT);
    let (now, ttl) = (Standard::LAYOUT.tick_at(NOW * 1000).unwrap(), 10_000);
    let held = Lease::new(WORKER, 0, 0, 5, Token::numbered(7));
    for last in [None, Some(0), Some(now - 52), Some(now - 50), Some(now), Some(now + ttl), Some(u64::MAX)] {
        let done = both(
            &server,
            cases(&terms, now, &run, &held, ttl),
            |rules| rules.release(&held, last).unwrap(),
            |script| script.release(&held, last).unwrap(),
        );
        // The lease is released in each of the six spaces, because a release does not depend on the space.
        assert_eq!(done, 6 * 4 * 7);
    }
}

/// In each case, two clients have seen the same contents, and one client has then changed them. The other client's swap
/// must write nothing.
#[test]
fn a_swap_writes_nothing_if_anything_has_changed() {
    let Some(server) = RedisServer::start() else { return };
    let (mut store, mut leases) = (backend(&server), RedisStore::from_url(&server.url()).unwrap());
    let layout = Standard::LAYOUT;
    let request = |token| AcquireRequest::new(&layout, Token::numbered(token), Duration::from_secs(10), "me");
    leases.init_immediately(&layout, 8).unwrap();
    let lease = leases.acquire(&request(1)).unwrap().lease;
    let seen = store.read().unwrap();
    let record = Record { from: 1, until: 2, counter: 3, token: None, owner: String::new() };
    let change = Change { space: None, records: [(1, record.clone()), (0, record)].into() };

    let mut connection = server.connection();
    let before = raw(&mut connection);
    let mut unchanged = |outcome: Result<bool, StoreError>| {
        assert!(!outcome.unwrap());
        raw(&mut connection)
    };
    let elsewhere = Contents { incarnation: "0".repeat(40), ..seen.clone() };
    assert_eq!(unchanged(store.swap(&elsewhere, &change)), before);
    leases.renew(&Renewal::new(&layout, lease, Duration::from_secs(10))).unwrap();
    let before = raw(&mut server.connection());
    assert_eq!(unchanged(store.swap(&seen, &change)), before, "a record was renewed");
    let seen = store.read().unwrap();
    leases.acquire(&request(2)).unwrap();
    let before = raw(&mut server.connection());
    assert_eq!(unchanged(store.swap(&seen, &change)), before, "the space has another version, and a new record exists");

    // After a flush and `init`, the space has the same version as before. The contents that were seen before the flush
    // must still not match.
    server.flush_all();
    assert!(leases.init(&layout, 8).unwrap());
    let seen = store.read().unwrap();
    server.flush_all();
    assert!(leases.init(&layout, 8).unwrap());
    let before = raw(&mut server.connection());
    assert_eq!(store.read().unwrap().space.unwrap().version, seen.space.as_ref().unwrap().version);
    assert_eq!(unchanged(store.swap(&seen, &change)), before, "the space was created again");

    let seen = store.read().unwrap();
    let copy = RedisServer::start().unwrap();
    server.make_replica_of(&copy);
    server.command("CONFIG", &["SET", "replica-read-only", "no"]);
    assert!(matches!(store.swap(&seen, &change), Err(StoreError::Unavailable { .. })));
    assert!(raw(&mut server.connection()).is_empty());
}

/// Writes more records than Lua can pass as arguments.
#[test]
fn a_swap_writes_any_number_of_records() {
    let Some(server) = RedisServer::start() else { return };
    let mut store = backend(&server);
    RedisStore::from_url(&server.url()).unwrap().init_immediately(&Standard::LAYOUT, 1024).unwrap();
    let seen = store.read().unwrap();
    let record = |worker| Record { from: worker, until: worker + 1, counter: 1, token: None, owner: String::new() };
    let records: Vec<_> = (0..20_001).map(|worker| (worker, record(worker))).collect();
    assert!(store.swap(&seen, &Change { space: None, records: records.clone() }).unwrap());
    assert_eq!(store.read().unwrap().records, records.into_iter().collect());
}
