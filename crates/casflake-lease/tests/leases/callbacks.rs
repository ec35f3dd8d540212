//! The callback of a leased generator: the events that it gets, and the calls that it may make.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use casflake::{Clock, GenerateError, ManualClock, Scheme, Standard, SystemClock};
use casflake_lease::{FileStore, LeaseAdmin, LeaseEvent, LeasedGenerator};
use testkit::{eventually, within};

use crate::faulty_store::{Fault, FaultyStore};
use crate::{PATIENCE, directory};

const TTL: Duration = Duration::from_millis(600);

/// The names of the events so far. The same event several times in a row is one entry.
type Log = Arc<Mutex<Vec<&'static str>>>;

fn name(event: &LeaseEvent<'_>) -> &'static str {
    match event {
        LeaseEvent::Waiting { .. } => "waiting",
        LeaseEvent::Acquired { .. } => "acquired",
        LeaseEvent::Renewed { .. } => "renewed",
        LeaseEvent::StoreFailed { remaining, .. } if remaining.is_zero() => "failed too late",
        LeaseEvent::StoreFailed { .. } => "failed",
        LeaseEvent::StillFailing { .. } => "still failing",
        LeaseEvent::Ended { .. } => "ended",
        LeaseEvent::Lost { .. } => "lost",
        LeaseEvent::Recovered { .. } => "recovered",
        LeaseEvent::Released { .. } => "released",
        LeaseEvent::NotReleased { .. } => "not released",
        _ => "unknown",
    }
}

fn recorder(log: &Log) -> impl FnMut(&LeaseEvent<'_>) + Send + 'static {
    let log = Arc::clone(log);
    move |event| {
        let mut log = log.lock().unwrap();
        if log.last() != Some(&name(event)) {
            log.push(name(event));
        }
    }
}

#[test]
fn a_callback_gets_each_event_of_an_outage_a_loss_and_an_end() {
    within("a shutdown", || {
        let scratch = directory(2);
        let log = Log::default();
        let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
        let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).on_event(recorder(&log));
        // By this clock, a window ends when the test says so, and not because this machine is busy.
        let clock = Arc::new(ManualClock::new(SystemClock.unix_ms()));
        let ids = builder.clock(Arc::clone(&clock)).wait_for_worker(PATIENCE).build().unwrap();
        let is_last = |event| log.lock().unwrap().last() == Some(&event);
        let until = |event| eventually(event, || is_last(event).then_some(()));
        until("renewed");
        control.set(Fault::LosesRequests);
        until("failed");
        clock.set(Standard::LAYOUT.unix_ms_of(ids.stats().lease.until()).unwrap());
        until("ended");
        control.set(Fault::None);
        until("renewed");
        FileStore::new(scratch.path()).reclaim(&Standard::LAYOUT, ids.worker().index()).unwrap();
        eventually("another lease", || (ids.stats().acquired == 2).then_some(()));
        until("renewed");
        ids.shutdown().unwrap();
        let expected = [
            "acquired",
            "renewed",
            "failed",
            "ended",
            "recovered",
            "renewed",
            "lost",
            "acquired",
            "renewed",
            "released",
        ];
        let log = log.lock().unwrap();
        // On a busy machine it may wait for the store first.
        assert_eq!(log.strip_prefix(&["waiting"]).unwrap_or(&log), expected);
    });
}

#[test]
fn a_callback_gets_a_wait_for_a_worker_and_a_failed_release() {
    within("a shutdown", || {
        let scratch = directory(1);
        // Its lease does not end before the test shuts it down.
        let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).ttl(Duration::from_secs(60));
        let first = builder.wait_for_worker(PATIENCE).build().unwrap();
        let log = Log::default();
        let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
        let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).wait_for_worker(Duration::from_secs(60));
        let builder = builder.on_event(recorder(&log));
        let second = thread::scope(|scope| {
            let building = scope.spawn(|| builder.build().unwrap());
            eventually("a wait", || (*log.lock().unwrap() == ["waiting"]).then_some(()));
            first.shutdown().unwrap();
            building.join().unwrap()
        });
        control.set(Fault::LosesRequests);
        second.shutdown().unwrap_err();
        let log = log.lock().unwrap();
        assert_eq!((log[..2].to_vec(), log.last()), (vec!["waiting", "acquired"], Some(&"not released")));
    });
}

/// Would catch: a callback that waits for its own thread; a second shutdown that reports a failure although there was
/// none.
#[test]
fn a_callback_may_shut_its_generator_down() {
    within("a shutdown", || {
        let scratch = directory(1);
        let own: Arc<Mutex<Option<Arc<LeasedGenerator>>>> = Arc::default();
        let ended = Arc::new(Mutex::new(None));
        let (theirs, end) = (Arc::clone(&own), Arc::clone(&ended));
        let builder = LeasedGenerator::<Standard>::builder(FileStore::new(scratch.path())).ttl(TTL);
        let ids = builder.on_event(move |event| {
            if let (LeaseEvent::Renewed { .. }, Some(ids)) = (event, &*theirs.lock().unwrap()) {
                end.lock().unwrap().get_or_insert_with(|| ids.shutdown());
            }
        });
        let ids = Arc::new(ids.build().unwrap());
        *own.lock().unwrap() = Some(Arc::clone(&ids));
        // A shutdown that waited for its own thread would give up.
        eventually("a shutdown", || ended.lock().unwrap().take()).expect("it does not wait");
        // Without another shutdown or a drop.
        let workers = || FileStore::new(scratch.path()).survey().unwrap().workers;
        eventually("the worker is released", || workers()[0].owner.is_none().then_some(()));
        ids.shutdown().expect("the callback has shut it down");
        assert_eq!(ids.generate(), Err(GenerateError::ShutDown));
        *own.lock().unwrap() = None;
    });
}

#[test]
fn a_shutdown_while_the_store_is_unavailable_does_not_report_the_end_of_the_lease() {
    within("a shutdown", || {
        let scratch = directory(1);
        let log = Log::default();
        let (store, control) = FaultyStore::new(FileStore::new(scratch.path()));
        let builder = LeasedGenerator::<Standard>::builder(store).ttl(TTL).on_event(recorder(&log));
        // By a clock that stands still, no window ends because this machine is busy.
        let ids =
            builder.clock(Arc::new(ManualClock::new(SystemClock.unix_ms()))).wait_for_worker(PATIENCE).build().unwrap();
        eventually("renewed", || (log.lock().unwrap().last() == Some(&"renewed")).then_some(()));
        let calls = control.calls();
        control.set(Fault::Hangs);
        eventually("a renewal in progress", || (control.calls() > calls).then_some(()));
        thread::scope(|scope| {
            let ending = scope.spawn(|| ids.shutdown());
            eventually("a refusal", || (ids.try_generate() == Err(GenerateError::ShutDown)).then_some(()));
            control.set(Fault::LosesRequests);
            ending.join().unwrap().unwrap_err();
        });
        let log = log.lock().unwrap();
        assert!(!log.contains(&"ended") && !log.contains(&"failed too late"), "{log:?}");
        assert_eq!(log.last(), Some(&"not released"));
    });
}
