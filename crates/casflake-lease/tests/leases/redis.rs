//! `RedisStore` on a real server, and what can happen to that.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use casflake::{Layout, Scheme, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, Grant, Lease, LeaseAdmin, LeaseStore, LeasedGenerator, LostReason, MAX_TTL,
    RedisStore, StoreError, Token,
};
use testkit::RedisServer;

const LAYOUT: Layout = Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(30);
const KEY: &str = "casflake:default";
/// Until then a store that may have lost something grants nothing.
const LONG: Duration = MAX_TTL.saturating_add(CLOCK_SLACK);
/// Seconds that are longer.
const LATER: i64 = 151;
const HOUR: i64 = 3600;

/// Where one of the programs is missing a test can't but pass.
macro_rules! or_skip {
    ($server:expr) => {
        match $server {
            Some(server) => server,
            None => {
                return testkit::skipped("Redis", "redis-server and libfaketime, Debian's redis-server and faketime");
            }
        }
    };
}

fn open(server: &RedisServer) -> RedisStore {
    RedisStore::from_url(&server.url()).expect("a URL")
}

/// A store that has been initialised for so many workers.
fn store(server: &RedisServer, workers: u64) -> RedisStore {
    let mut store = open(server);
    store.init_immediately(&LAYOUT, workers).expect("initialised");
    store
}

fn request() -> AcquireRequest {
    AcquireRequest::new(&Standard::LAYOUT, Token::random().expect("a token"), TTL, "a test")
}

fn acquire(store: &mut RedisStore) -> Result<Lease, StoreError> {
    store.acquire(&request()).map(|grant| grant.lease)
}

fn renew(store: &mut RedisStore, lease: &Lease) -> Result<Lease, StoreError> {
    store.renew(&crate::renewal(&LAYOUT, lease, TTL, 0)).map(|grant| grant.lease)
}

/// All that the space holds, as it is written.
fn raw(server: &RedisServer) -> BTreeMap<String, String> {
    redis::cmd("HGETALL").arg(KEY).query(&mut server.connection()).expect("a hash")
}

/// The record of a worker, as it is written.
fn record(server: &RedisServer, worker: u64) -> String {
    raw(server).remove(&worker.to_string()).expect("a record")
}

#[track_caller]
fn assert_not_yet<T: std::fmt::Debug>(outcome: Result<T, StoreError>) {
    match outcome {
        Err(StoreError::NotYet { retry_after, .. }) => {
            assert!(retry_after > LONG - Duration::from_secs(60) && retry_after <= LONG, "{retry_after:?}");
        }
        outcome => panic!("{outcome:?}"),
    }
}

#[track_caller]
fn assert_lost<T: std::fmt::Debug>(outcome: Result<T, StoreError>, expected: LostReason) {
    assert!(matches!(outcome, Err(StoreError::Lost { reason, .. }) if reason == expected), "{outcome:?}");
}

#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(outcome: Result<T, StoreError>, why: &str) {
    let Err(StoreError::Unavailable { cause, .. }) = &outcome else { panic!("{outcome:?}") };
    assert!(cause.to_string().contains(why), "{cause}");
}

/// Asserts that it is refused for this cause and with this remedy, and where, and without the password.
#[track_caller]
fn assert_permanent<T: std::fmt::Debug>(outcome: Result<T, StoreError>, why: &str, remedy: &str) {
    let Err(error @ StoreError::Refused { .. }) = outcome else { panic!("{outcome:?}") };
    let text = format!("{error:?}");
    assert!(text.contains(why) && text.contains(remedy) && text.contains("127.0.0.1:"), "{why}, {remedy}: {text}");
    assert!(!error.is_retryable() && !text.contains("s3cr3t"), "{text}");
}

#[test]
fn a_lease_is_granted_renewed_and_released() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 2);
    let request = request();
    let Grant { lease, unix_ns, .. } = store.acquire(&request).expect("a lease");
    let now = LAYOUT.tick_at(unix_ns / 1_000_000).expect("a tick");
    assert_eq!((lease.worker(), lease.until(), lease.counter()), (0, now + 30_000, 1));
    assert_eq!(store.acquire(&request).expect("the same").lease, lease, "after a reply that was lost");

    let renewed = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)).expect("renewed");
    let now = LAYOUT.tick_at(renewed.unix_ns / 1_000_000).expect("a tick");
    let expected = Lease::new(0, lease.from(), now + 30_000, 2, lease.token());
    assert_eq!(renewed.lease, expected);
    let shortened =
        store.renew(&crate::renewal(&LAYOUT, &expected, Duration::from_millis(1), 0)).expect("renewed").lease;
    assert_eq!((shortened.until(), shortened.counter()), (expected.until(), 3), "a window never shrinks");
    assert_eq!(record(&server, 0), serde_json::to_string(&parsed(&record(&server, 0))).expect("JSON"));

    let other = acquire(&mut store).expect("the other worker");
    assert_eq!(other.worker(), 1);
    assert!(matches!(acquire(&mut store), Err(StoreError::NoFreeWorker { workers: 2, .. })));

    let last = shortened.from() + 5;
    store.release(&shortened, Some(last)).expect("released");
    assert_lost(renew(&mut store, &shortened), LostReason::Taken);
    store.release(&shortened, None).expect("no error");
    let next = acquire_soon(&mut store);
    assert_eq!((next.worker(), next.from(), next.counter()), (0, last + 1, 4));
    store.release(&next, None).expect("released unused");
    assert_eq!(acquire(&mut store).expect("again").from(), next.from());
}

/// As `serde_json` has it, whose objects keep their order only by luck: the names of these are looked up.
fn parsed(record: &str) -> OnDisk {
    serde_json::from_str(record).expect("a record")
}

/// What a record is, and in what order.
#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    from: u64,
    until: u64,
    counter: u64,
    token: Option<String>,
    owner: String,
}

#[test]
fn a_renewal_whose_reply_was_lost_is_found_to_be_ones_own_or_a_clones() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 1);
    let lease = acquire(&mut store).expect("a lease");
    renew(&mut store, &lease).expect("renewed, which nobody heard of");
    let again = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)).expect("his own").lease;
    assert_eq!(again.counter(), 3);
    assert_lost(store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)), LostReason::Cloned);
    store.release(&lease, Some(lease.from())).expect("released, whatever renewals were written");
    assert_eq!(parsed(&record(&server, 0)).token, None);
}

/// What goes over the wire while `act` is done, as `MONITOR` shows it: one line for each command.
fn commands(server: &RedisServer, act: impl FnOnce()) -> Vec<String> {
    let address = server.url().replace("redis://", "");
    let mut stream = TcpStream::connect(address).expect("a connection");
    let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines().map(|line| line.expect("a line"));
    stream.write_all(b"MONITOR\r\n").expect("sent");
    assert_eq!(lines.next().as_deref(), Some("+OK"));
    act();
    server.command("ECHO", &["the end"]);
    let lines = lines.take_while(|line| !line.contains("the end"));
    // Those that scripts give are not on the wire.
    lines.filter(|line| !line.contains(" lua] ")).collect()
}

#[test]
fn a_renewal_and_a_release_are_one_command_each() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let mut lease = acquire(&mut store).expect("a lease");
    lease = renew(&mut store, &lease).expect("renewed: the script is loaded now");
    let sent = commands(&server, || lease = renew(&mut store, &lease).expect("renewed"));
    assert!(sent.len() == 1 && sent[0].contains(r#""EVALSHA""#), "{sent:#?}");

    let other = acquire(&mut store).expect("a lease");
    store.release(&other, None).expect("released: the script is loaded now");
    let sent = commands(&server, || store.release(&lease, None).expect("released"));
    assert!(sent.len() == 1 && sent[0].contains(r#""EVALSHA""#), "{sent:#?}");

    server.command("SCRIPT", &["FLUSH"]);
    acquire(&mut store).expect("a server that has forgotten the scripts is told again");
}

#[test]
fn sixteen_threads_get_eight_workers() {
    let server = or_skip!(RedisServer::start());
    drop(store(&server, 8));
    let (granted, refused) = (Mutex::new(Vec::new()), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| match acquire(&mut open(&server)) {
                Ok(lease) => granted.lock().expect("a lock").push(lease.worker()),
                Err(StoreError::NoFreeWorker { .. }) => *refused.lock().expect("a lock") += 1,
                Err(error) => panic!("{error:?}"),
            });
        }
    });
    let mut granted = granted.into_inner().expect("a lock");
    granted.sort_unstable();
    assert_eq!((granted, refused.into_inner().expect("a lock")), ((0..8).collect(), 8));
}

/// Workers that change hands as fast as they can, and not one tick of one that two had.
#[test]
fn sixteen_threads_hand_eight_workers_around() {
    let server = or_skip!(RedisServer::start());
    drop(store(&server, 8));
    let used = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let mut store = open(&server);
                for _ in 0..20 {
                    let mut lease = acquire_soon(&mut store);
                    let grant = store.renew(&crate::renewal(&LAYOUT, &lease, TTL, 0)).expect("renewed");
                    lease = grant.lease;
                    let now = LAYOUT.tick_at(grant.unix_ns / 1_000_000).expect("a tick");
                    let last = now.max(lease.from());
                    used.lock().expect("a lock").push((lease.worker(), lease.from(), last));
                    store.release(&lease, Some(last)).expect("released");
                }
            });
        }
    });
    let mut used = used.into_inner().expect("a lock");
    used.sort_unstable();
    assert_eq!(used.len(), 320);
    for pair in used.windows(2) {
        let [(worker, from, last), (next_worker, next_from, _)] = [pair[0], pair[1]];
        assert!(from <= last && (worker != next_worker || last < next_from), "{pair:?}");
    }
}

fn acquire_soon(store: &mut RedisStore) -> Lease {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match acquire(store) {
            Ok(lease) => return lease,
            Err(error) => assert!(error.is_retryable() && Instant::now() < deadline, "{error:?}"),
        }
    }
}

#[test]
fn a_new_store_grants_when_all_it_could_have_lost_is_over() {
    let server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = open(&server);
    assert!(matches!(acquire(&mut store), Err(StoreError::NoSpace { .. })));
    assert!(store.init(&LAYOUT, 8).expect("it answers"));
    assert_not_yet(acquire(&mut store));
    let survey = store.survey().expect("a survey");
    let floor = survey.space.expect("a space").floor;
    server.set_clock(LATER);
    let lease = acquire(&mut store).expect("a lease");
    assert_eq!((lease.from(), lease.worker()), (floor, 0));
}

#[test]
fn a_restart_is_a_new_incarnation() {
    let mut server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = store(&server, 8);
    let lease = acquire(&mut store).expect("a lease");
    server.restart();
    assert_unavailable(acquire(&mut store), "");
    assert_not_yet(acquire(&mut store));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_eq!(parsed(&record(&server, 0)).until, lease.until(), "the append-only file has kept it");
    server.set_clock(LATER);
    for _ in 0..8 {
        assert!(acquire(&mut store).expect("a lease").from() >= lease.until());
    }
}

#[test]
fn an_older_copy_of_the_data_grants_nothing_that_was_granted_since() {
    let mut server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = store(&server, 1);
    server.copy_data();
    let lease = acquire(&mut store).expect("a lease");
    server.restore_data();
    let mut store = open(&server);
    assert_eq!(raw(&server).len(), 1, "it knows of no lease");
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));
    server.set_clock(LATER);
    assert!(acquire(&mut store).expect("a lease").from() >= lease.until());
}

/// As nothing but the holder's knowledge tells.
#[test]
fn data_put_back_while_the_server_runs_are_noticed_by_who_knows_more() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 2);
    let before = raw(&server);
    let lease = acquire(&mut store).expect("a lease");
    let renewed = renew(&mut store, &lease).expect("renewed");
    server.command("HSET", &[KEY, "0", &record(&server, 0).replace(r#""counter":2"#, r#""counter":1"#)]);
    assert_lost(renew(&mut store, &renewed), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));

    server.command("DEL", &[KEY]);
    server.command("HSET", &[KEY, "space", &before["space"]]);
    assert_lost(renew(&mut store, &renewed), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));
}

#[test]
fn a_replica_is_neither_read_nor_written_to() {
    let (master, replica) = (or_skip!(RedisServer::start()), or_skip!(RedisServer::start()));
    let mut store = store(&master, 8);
    let lease = acquire(&mut store).expect("a lease");
    replica.make_replica_of(&master);
    for read_only in ["yes", "no"] {
        replica.command("CONFIG", &["SET", "replica-read-only", read_only]);
        let before = raw(&replica);
        assert_eq!(before.len(), 2);
        let mut store = open(&replica);
        assert_unavailable(acquire(&mut store), "replica");
        assert_unavailable(renew(&mut store, &lease), "replica");
        assert_unavailable(store.release(&lease, None), "replica");
        assert_unavailable(store.init_immediately(&LAYOUT, 8), "replica");
        assert_unavailable(store.survey(), "replica");
        assert_eq!(raw(&replica), before);
    }
}

#[test]
fn a_replica_that_takes_over_is_a_new_incarnation() {
    let (master, replica) = (or_skip!(RedisServer::start()), or_skip!(RedisServer::start()));
    let mut store = store(&master, 8);
    replica.make_replica_of(&master);
    let lease = acquire(&mut store).expect("a lease");
    master.wait_for_replica();
    assert_eq!(raw(&replica), raw(&master));
    drop(master);
    replica.promote();
    let mut store = open(&replica);
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));
}

/// The run is the same, but not the data.
#[test]
fn a_master_that_was_a_replica_meanwhile_is_a_new_incarnation() {
    let (first, second) = (or_skip!(RedisServer::start()), or_skip!(RedisServer::start()));
    let mut store = store(&first, 1);
    second.make_replica_of(&first);
    second.promote();
    let lease = acquire(&mut store).expect("a lease that the second does not hear of");
    let run = first.info("run_id");
    first.make_replica_of(&second);
    first.promote();
    assert_eq!((first.info("run_id"), raw(&first).len()), (run, 1));
    assert_not_yet(acquire(&mut store));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);

    store.init_immediately(&LAYOUT, 1).expect("initialised");
    let lease = acquire(&mut store).expect("a lease");
    // That it was a replica it forgets when it has had none of its own for some time, an hour unless it is told
    // another.
    assert!(!is_zero(&first.info("master_replid2").expect("an identifier")));
    first.command("CONFIG", &["SET", "repl-backlog-ttl", "1"]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_zero(&first.info("master_replid2").expect("an identifier")) {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(10));
    }
    renew(&mut store, &lease).expect("nothing was lost by that");
    store.release(&lease, None).expect("released");
    acquire(&mut store).expect("a lease");
}

fn is_zero(identifier: &str) -> bool {
    identifier.bytes().all(|byte| byte == b'0')
}

#[test]
fn a_record_that_is_lost_is_granted_late() {
    let server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = store(&server, 1);
    let lease = acquire(&mut store).expect("a lease");
    server.lose_record(0);
    let refused = acquire(&mut store);
    assert!(
        matches!(refused, Err(StoreError::NoFreeWorker { retry_after, .. }) if retry_after > LONG - TTL),
        "{refused:?}"
    );
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    server.set_clock(LATER);
    let next = acquire(&mut store).expect("a lease");
    assert!(next.worker() == 0 && next.from() >= lease.until());
}

#[test]
fn a_server_that_is_flushed_is_a_new_store() {
    let server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = store(&server, 1);
    let lease = acquire(&mut store).expect("a lease");
    server.flush_all();
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));
    store.release(&lease, Some(lease.from())).expect("no error");
    server.set_clock(LATER);
    assert!(acquire(&mut store).expect("a lease").from() >= lease.until());
}

#[test]
fn a_server_that_refuses_to_write_changes_nothing() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let lease = acquire(&mut store).expect("a lease");
    let before = raw(&server);
    for (setting, value, usual, why) in
        [("min-replicas-to-write", "1", "0", "NOREPLICAS"), ("maxmemory", "1", "0", "OOM")]
    {
        server.command("CONFIG", &["SET", setting, value]);
        assert_unavailable(acquire(&mut store), why);
        assert_unavailable(renew(&mut store, &lease), why);
        assert_unavailable(store.release(&lease, None), why);
        assert_unavailable(store.init_immediately(&LAYOUT, 8), why);
        server.command("CONFIG", &["SET", setting, usual]);
        assert_eq!(raw(&server), before, "{setting}");
    }
    renew(&mut store, &lease).expect("renewed");
}

#[test]
fn a_lost_space_is_restored_with_as_many_workers() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let lease = acquire(&mut store).expect("a lease");
    open(&server).init_immediately(&LAYOUT, 5).expect("initialised");
    let lease = renew(&mut store, &lease).expect("renewed");
    server.flush_all();
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_eq!(store.survey().expect("it answers").space.expect("a space").workers, 5);
}

#[test]
fn a_space_that_was_evicted_is_a_new_one() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let lease = acquire(&mut store).expect("a lease");
    server.command("CONFIG", &["SET", "maxmemory-policy", "volatile-lru", "maxmemory", "1"]);
    assert_unavailable(renew(&mut store, &lease), "OOM");
    assert_eq!(raw(&server).len(), 2, "it does not expire");
    server.command("CONFIG", &["SET", "maxmemory-policy", "allkeys-lru"]);
    assert_unavailable(renew(&mut store, &lease), "OOM");
    server.command("CONFIG", &["SET", "maxmemory", "0"]);
    assert_eq!(raw(&server).len(), 0, "all of it is gone, or none");
    assert!(matches!(acquire(&mut store), Err(StoreError::NoSpace { .. })));
    assert_lost(renew(&mut store, &lease), LostReason::StoreChanged);
    assert_not_yet(acquire(&mut store));
}

#[test]
fn a_clock_that_is_set_forward_ends_leases() {
    let server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = store(&server, 1);
    let lease = acquire(&mut store).expect("a lease");
    server.set_clock(HOUR);
    let renewed = renew(&mut store, &lease).expect("nobody else has it");
    assert!(renewed.until() > lease.until() + 3_500_000);
    server.set_clock(2 * HOUR);
    let next = acquire(&mut store).expect("a lease");
    assert_eq!(next.from(), renewed.until());
    assert_lost(renew(&mut store, &renewed), LostReason::Taken);
}

#[test]
fn a_clock_that_is_set_back_grants_nothing_twice() {
    let server = or_skip!(RedisServer::start_with_faked_clock());
    let mut store = store(&server, 1);
    let lease = acquire(&mut store).expect("a lease");
    server.set_clock(-HOUR);
    assert!(matches!(renew(&mut store, &lease), Err(StoreError::StoreClockBehind { by }) if by.as_secs() > 3590));
    assert!(matches!(acquire(&mut store), Err(StoreError::StoreClockBehind { by }) if by.as_secs() > 3590));
    server.set_clock(-20);
    let renewed = renew(&mut store, &lease).expect("a step that a window bridges");
    assert_eq!(renewed.until(), lease.until());
    server.set_clock(0);
    assert!(renew(&mut store, &renewed).expect("renewed").until() >= lease.until());
    server.freeze_clock(1_000_000_000);
    let outside = renew(&mut store, &renewed);
    assert!(matches!(outside, Err(StoreError::StoreClockOutside { unix_ms: 1_000_000_000_000, .. })), "{outside:?}");
}

#[test]
fn a_server_that_is_stopped_ends_a_call() {
    let server = or_skip!(RedisServer::start());
    let mut warm = store(&server, 8);
    let lease = acquire(&mut warm).expect("a lease");
    let mut cold = RedisStore::from_url(&server.unix_url()).expect("a URL");
    server.stop();
    let (sender, ended) = mpsc::channel();
    let calls = thread::spawn(move || {
        assert_unavailable(renew(&mut warm, &lease), "");
        assert_unavailable(acquire(&mut warm), "");
        assert_unavailable(acquire(&mut cold), "");
        drop(sender.send((warm, cold)));
    });
    // Six seconds by design; the machine may be slow.
    let Ok((mut warm, mut cold)) = ended.recv_timeout(Duration::from_secs(60)) else {
        // A server that goes on ends them, whatever they do.
        server.go_on();
        panic!("{:?}", calls.join());
    };
    server.go_on();
    // What was sent may be done by now, and its reply is no other call's.
    let renewed = warm.renew(&crate::renewal(&LAYOUT, &lease, TTL, 1)).expect("renewed").lease;
    assert!(renewed.counter() <= 3 && renewed.worker() == lease.worker());
    assert_ne!(acquire(&mut cold).expect("another").worker(), lease.worker());
}

/// Neither to a password nor to a question.
#[test]
fn who_never_answers_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    for url in [format!("redis://{address}"), format!("redis://:secret@{address}")] {
        let mut store = RedisStore::from_url(&url).expect("a URL");
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || {
            assert_unavailable(acquire(&mut store), "");
            assert_unavailable(acquire(&mut store), "");
            let _ = sender.send(());
        });
        ended.recv_timeout(Duration::from_secs(60)).expect("both calls end");
    }
}

/// A server that answers nothing but one byte after the other, and how many connections it has had.
fn dripping() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, count) = (listener.local_addr().expect("an address"), Arc::new(AtomicU64::new(0)));
    let connections = Arc::clone(&count);
    let drip = |mut client: TcpStream| {
        let _ = client.read(&mut [0; 4096]);
        let _ = client.write_all(b"+");
        while client.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(500));
        }
    };
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // ORDERING: Relaxed. A number and nothing else.
            count.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || drip(client));
        }
    });
    (address, connections)
}

/// Would catch: time that is bounded for each reading, of which there is no end.
#[test]
fn an_answer_that_comes_byte_by_byte_is_not_waited_for() {
    let (address, _) = dripping();
    // Of the first the script's answer drips, of the second that to the password.
    for url in [format!("redis://{address}"), format!("redis://:secret@{address}")] {
        let mut store = RedisStore::from_url(&url).expect("a URL");
        for _ in 0..2 {
            let started = Instant::now();
            assert_unavailable(store.survey(), "within");
            assert!(started.elapsed() < Duration::from_millis(4500), "{:?}", started.elapsed());
        }
    }
}

/// Would catch: a store that waits for one connection for ever.
#[test]
fn a_connection_that_never_comes_is_given_up_for_another() {
    let (address, connections) = dripping();
    let mut store = RedisStore::from_url(&format!("redis://:secret@{address}")).expect("a URL");
    let deadline = Instant::now() + Duration::from_secs(60);
    // ORDERING: Relaxed. A number and nothing else.
    while connections.load(Ordering::Relaxed) < 2 {
        assert!(Instant::now() < deadline, "another connection is made");
        assert_unavailable(store.survey(), "connection");
    }
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let mut server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    server.kill();
    for _ in 0..3 {
        assert_unavailable(acquire(&mut store), "");
    }
    for url in ["127.0.0.1", "http://127.0.0.1", "redis://", "redis://127.0.0.1/x", "redis://me:1#secret@127.0.0.1"] {
        let refused = RedisStore::from_url(url);
        assert!(matches!(refused, Err(StoreError::Url { .. })), "{refused:?}");
    }
    let store =
        RedisStore::from_url("redis://me:secret@ids.example/3").expect("a URL").space("orders").expect("a name");
    let shown = format!("{store:?}");
    assert!(shown.contains("ids.example:6379, database 3") && shown.contains("casflake:orders"), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn what_no_store_writes_is_refused_and_left() {
    let server = or_skip!(RedisServer::start());
    let mut healthy = store(&server, 8);
    let lease = acquire(&mut healthy).expect("a lease");
    let (space, record) = (raw(&server).remove("space").expect("a space"), record(&server, 0));
    let broken = [
        ("space", String::new()),
        ("space", "{".into()),
        ("space", "null".into()),
        ("space", space.replace(r#""floor":"#, r#""floor":-"#)),
        ("space", space.replace(",", ", ")),
        ("space", record.clone()),
        ("0", String::new()),
        ("0", record[..record.len() - 1].into()),
        ("0", format!("{record} ")),
        ("0", record.replace(r#""counter":1"#, r#""counter":1.0"#)),
        ("0", record.replace(r#""counter":1"#, r#""counter":18446744073709551616"#)),
        ("0", record.replace(r#""from":"#, r#""from":9"#)),
        ("0", record.replace("}", r#","more":1}"#)),
        ("1", record.replace(&lease.token().to_string(), "00")),
        ("01", record.clone()),
        ("-1", record.clone()),
        ("more", record.clone()),
    ];
    for (field, text) in broken {
        server.command("DEL", &[KEY]);
        server.command("HSET", &[KEY, "space", &space, "0", &record]);
        server.command("HSET", &[KEY, field, &text]);
        let before = raw(&server);
        assert_refused(&server, &lease, field, field == "space" || field == "0");
        assert_eq!(raw(&server), before, "{field}: {text}");
    }
    server.command("DEL", &[KEY]);
    server.command("SET", &[KEY, "a string"]);
    assert_refused(&server, &lease, KEY, true);
    let outcome = open(&server).survey();
    assert!(matches!(&outcome, Err(StoreError::Corrupt { why, .. }) if why.contains("it is a string")), "{outcome:?}");
    let left: String = redis::cmd("GET").arg(KEY).query(&mut server.connection()).expect("a string");
    assert_eq!(left, "a string");
}

fn assert_refused(server: &RedisServer, lease: &Lease, named: &str, is_looked_at: bool) {
    let mut store = open(server);
    let mut outcomes = vec![
        acquire(&mut store).map(drop),
        store.init_immediately(&LAYOUT, 8),
        store.survey().map(drop),
        store.reclaim(&LAYOUT, 0),
    ];
    // These look at no more than they need.
    if is_looked_at {
        outcomes.push(renew(&mut store, lease).map(drop));
    }
    for outcome in outcomes {
        let Err(StoreError::Corrupt { place, why }) = &outcome else { panic!("{named}: {outcome:?}") };
        assert!(place.contains(named) && !why.is_empty(), "{outcome:?}");
    }
}

/// Lua's numbers are exact to 2^53, and its JSON to 14 digits.
#[test]
fn numbers_and_names_survive() {
    let server = or_skip!(RedisServer::start());
    let mut store = store(&server, 8);
    let owner = r#"a "host", \ / % %1 {}[] "token":null,"owner":"x"} ä 世界 🦀 "#.to_string() + "\u{0}\u{1f}\u{7f}\n";
    let mut request = request();
    request.owner.clone_from(&owner);
    let lease = store.acquire(&request).expect("a lease").lease;
    for counter in [1 << 53, (1 << 53) + 1, 123_456_789_012_345_678, u64::MAX - 2] {
        let text = record(&server, 0);
        let old = parsed(&text);
        let text = text.replace(&format!(r#""counter":{}"#, old.counter), &format!(r#""counter":{counter}"#));
        server.command("HSET", &[KEY, "0", &text]);
        let lease = Lease::new(0, old.from, old.until, counter, lease.token());
        let renewed = renew(&mut store, &lease).expect("renewed");
        assert_eq!(renewed.counter(), counter + 1);
        let expected = OnDisk {
            from: old.from,
            until: renewed.until(),
            counter: counter + 1,
            token: Some(lease.token().to_string()),
            owner: owner.clone(),
        };
        assert_eq!(record(&server, 0), serde_json::to_string(&expected).expect("JSON"));
        let other = Lease::new(0, old.from, old.until, counter, lease.token());
        assert_lost(renew(&mut store, &other), LostReason::Cloned);
    }
    let last = renew(&mut store, &Lease::new(0, lease.from(), 0, u64::MAX - 1, lease.token())).expect("renewed");
    assert_eq!(last.counter(), u64::MAX);
    store.release(&last, Some(last.until() - 3)).expect("released");
    let released = OnDisk { from: last.from(), until: last.until() - 2, counter: u64::MAX, token: None, owner };
    assert_eq!(record(&server, 0), serde_json::to_string(&released).expect("JSON"));
    assert_eq!(store.survey().expect("a survey").workers[0].owner, None);
}

/// Ticks of which no double tells one from the next.
#[test]
fn a_layout_may_have_more_ticks_than_a_double() {
    const WIDE: Layout = Layout::new(62, 0, 2, 0);
    let server = or_skip!(RedisServer::start());
    let mut store = open(&server);
    store.init_immediately(&WIDE, 4).expect("initialised");
    let mut request = request();
    request.layout = WIDE;
    let lease = store.acquire(&request).expect("a lease").lease;
    let renewed = store.renew(&crate::renewal(&WIDE, &lease, MAX_TTL, 0)).expect("renewed");
    assert_eq!(renewed.lease.until(), renewed.unix_ns / 1_000_000 + 120_000);
    store.release(&renewed.lease, None).expect("released");
}

#[test]
fn spaces_of_one_server_are_apart() {
    let server = or_skip!(RedisServer::start());
    let mut orders = open(&server).space("orders").expect("a name");
    let mut users = open(&server).space("users").expect("a name");
    orders.init_immediately(&LAYOUT, 1).expect("initialised");
    users.init_immediately(&LAYOUT, 1).expect("initialised");
    let lease = acquire(&mut orders).expect("a lease");
    assert_eq!(acquire(&mut users).expect("a lease").worker(), lease.worker());
    assert!(matches!(acquire(&mut orders), Err(StoreError::NoFreeWorker { .. })));
    let keys: BTreeSet<String> = redis::cmd("KEYS").arg("*").query(&mut server.connection()).expect("keys");
    assert_eq!(keys, ["casflake:orders", "casflake:users"].map(String::from).into());
}

#[test]
fn a_user_needs_no_more_than_is_said() {
    let server = or_skip!(RedisServer::start());
    let commands = ["evalsha", "script|load", "info", "time", "type", "hget", "hgetall", "hmget", "hset"];
    let rules = commands.map(|command| format!("+{command}"));
    let mut args = vec!["SETUSER", "ids", "on", ">secret", "~casflake:*"];
    args.extend(rules.iter().map(String::as_str));
    server.command("ACL", &args);
    let mut store = RedisStore::from_url(&server.url().replace("//", "//ids:secret@")).expect("a URL");
    store.init_immediately(&LAYOUT, 2).expect("initialised");
    let lease = acquire(&mut store).expect("a lease");
    let lease = renew(&mut store, &lease).expect("renewed");
    store.release(&lease, None).expect("released");
    // But to look for other spaces.
    assert_permanent(store.others(), "", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "+scan"]);
    assert_eq!(store.others().expect("it may"), [""; 0]);
    let elsewhere = server.url().replace("//", "//ids:secret@") + "/1";
    assert_permanent(RedisStore::from_url(&elsewhere).expect("a URL").survey(), "NOPERM", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "+select"]);
    RedisStore::from_url(&elsewhere).expect("a URL").init_immediately(&LAYOUT, 2).expect("in a database other than 0");
    let mut wrong = RedisStore::from_url(&server.url().replace("//", "//ids:wrong@")).expect("a URL");
    assert_permanent(acquire(&mut wrong), "WRONGPASS", "correct the user or the password");
}

#[test]
fn what_time_does_not_mend_is_refused_with_a_remedy() {
    let server = or_skip!(RedisServer::start());
    drop(store(&server, 1));
    let survey = |url: String| RedisStore::from_url(&url).expect("a URL").survey();
    let url = server.url();
    for by in ["", "?protocol=3"] {
        let with = |user: &str| url.replace("//", &format!("//{user}@")) + by;
        assert_permanent(survey(with("nobody:s3cr3t")), "WRONGPASS", "correct the user or the password");
        assert_permanent(survey(url.clone() + "/16" + by), "DB index", "no such database");
    }
    assert_permanent(survey(url.replace("//", "//:s3cr3t@")), "without any password", "leave it out");
    server.command("ACL", &["SETUSER", "ids", "on", ">secret", "~casflake:*", "+@all", "-hgetall"]);
    assert_permanent(survey(url.replace("//", "//ids:secret@")), "", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "-evalsha"]);
    assert_permanent(survey(url.replace("//", "//ids:secret@")), "NOPERM", "allow this user");
    server.command("ACL", &["SETUSER", "ids", "+@all", "resetkeys", "~other:*"]);
    assert_permanent(survey(url.replace("//", "//ids:secret@")), "NOPERM", "allow this user");
    // Others may leave.
    server.command("CONFIG", &["SET", "maxclients", "1"]);
    let first = server.connection();
    assert_unavailable(survey(url.clone()), "max number of clients");
    drop(first);
    testkit::eventually("it takes a client", || survey(url.clone()).ok());
    server.command("CONFIG", &["SET", "requirepass", "secret"]);
    assert_permanent(survey(url.clone()), "NOAUTH", ":password@");
    assert_permanent(survey(url.clone() + "?protocol=3"), "NOAUTH", ":password@");
    assert!(survey(url.replace("//", "//:secret@")).is_ok());
}

#[test]
fn what_is_no_redis_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let _ = client.read(&mut [0; 4096]);
            let _ = client.write_all(b"HTTP/1.1 400 Bad AcquireRequest\r\n\r\n");
        }
    });
    assert_permanent(RedisStore::from_url(&url).expect("a URL").survey(), "", "not Redis");
}

#[test]
fn other_spaces_of_a_server_are_found() {
    let server = or_skip!(RedisServer::start());
    let open = |name: &str| open(&server).space(name).expect("a name");
    assert_eq!(open("orders").others().expect("it answers"), [""; 0]);
    for name in ["orders", "Orders", "a/b"] {
        open(name).init_immediately(&LAYOUT, 1).expect("initialised");
    }
    // Nothing of casflake's, and far more than one answer of the server's holds.
    for at in 0..20 {
        let pairs: Vec<String> = (0..500).flat_map(|key| [format!("cache:{at}:{key}"), String::from("x")]).collect();
        server.command("MSET", &pairs.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert_eq!(open("orders").others().expect("it answers"), ["Orders", "a/b"]);
    assert_eq!(open("ordres").others().expect("it answers"), ["Orders", "a/b", "orders"]);
    for at in 0..20 {
        open(&format!("more-{at:02}")).init_immediately(&LAYOUT, 1).expect("initialised");
    }
    assert_eq!(open("ordres").others().expect("it answers").len(), 10);
    let another_database = server.url() + "/1";
    assert_eq!(RedisStore::from_url(&another_database).expect("a URL").others().expect("it answers"), [""; 0]);
}

#[test]
fn generators_outlive_their_connections() {
    let server = or_skip!(RedisServer::start());
    drop(store(&server, 4));
    let ttl = Duration::from_secs(3);
    let generators: Vec<LeasedGenerator> =
        (0..4).map(|_| LeasedGenerator::builder(open(&server)).ttl(ttl).build().expect("a generator")).collect();
    let mut ids = BTreeSet::new();
    let mut issued = 0;
    let deadline = Instant::now() + Duration::from_secs(30);
    while !generators.iter().all(|generator| generator.stats().renewals >= 3) {
        assert!(Instant::now() < deadline, "{:?}", generators.iter().map(LeasedGenerator::stats).collect::<Vec<_>>());
        for generator in &generators {
            ids.insert(generator.generate().expect("an ID").as_u64());
            issued += 1;
        }
        server.command("CLIENT", &["KILL", "TYPE", "normal"]);
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ids.len(), issued);
    for generator in generators {
        generator.shutdown().or_else(|_| generator.shutdown()).expect("ended");
    }
}
