//! Compares each kind of store with a reference that applies the rules themselves. The same requests at the same times
//! must have the same answers, and leave the same records.
//!
//! Some stores decide on a server (SQL, Lua), and etcd by what the store remembers. The reference is a `FileStore` with a
//! clock that is set to the readings of the other store's clock.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use casflake::{Layout, ManualClock, Scheme, Sonyflake, Standard};
use casflake_lease::{AcquireRequest, CLOCK_SLACK, FileStore, Grant, Lease, LeaseAdmin, MAX_TTL, StoreError, Token};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use testkit::Scratch;

/// A request to a store, or a pause. An `Index` chooses among all leases so far.
#[derive(Clone, Debug)]
enum Ask {
    /// With a new token, or with the token of an earlier lease.
    Acquire {
        again: Option<Index>,
        ttl: Duration,
        after: After,
    },
    /// With the lease as it is now, or as it was `age` renewals ago.
    Renew {
        which: Index,
        age: usize,
        ttl: Duration,
        unanswered: u64,
    },
    Release {
        which: Index,
        age: usize,
        last: Last,
    },
    Reclaim {
        worker: u64,
    },
    Initialise {
        workers: u64,
    },
    /// Creates a space that exists already.
    Create {
        workers: u64,
    },
    Wait(Duration),
}

#[derive(Clone, Copy, Debug)]
enum After {
    Nothing,
    Now,
    Later,
}

#[derive(Clone, Copy, Debug)]
enum Last {
    Nothing,
    First,
    BeforeTheEnd,
}

/// Returns TTLs, of which the short ones pass while the test runs.
fn ttl() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..40_u64).prop_map(Duration::from_millis),
        Just(Duration::from_secs(60)),
        Just(MAX_TTL),
        Just(MAX_TTL + Duration::from_millis(1))
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let after = prop_oneof![3 => Just(After::Nothing), 2 => Just(After::Now), 1 => Just(After::Later)];
    let last = prop_oneof![Just(Last::Nothing), Just(Last::First), Just(Last::BeforeTheEnd)];
    let age = || prop_oneof![4 => Just(0), 1 => 0..3_usize];
    prop_oneof![
        6 => (prop::option::weighted(0.2, any::<Index>()), ttl(), after)
            .prop_map(|(again, ttl, after)| Ask::Acquire { again, ttl, after }),
        8 => (any::<Index>(), age(), ttl(), 0..3_u64)
            .prop_map(|(which, age, ttl, unanswered)| Ask::Renew { which, age, ttl, unanswered }),
        4 => (any::<Index>(), age(), last).prop_map(|(which, age, last)| Ask::Release { which, age, last }),
        1 => (0..6_u64).prop_map(|worker| Ask::Reclaim { worker }),
        1 => (1..5_u64).prop_map(|workers| Ask::Initialise { workers }),
        1 => (0..5_u64).prop_map(|workers| Ask::Create { workers }),
        3 => (1..30_u64).prop_map(|ms| Ask::Wait(Duration::from_millis(ms))),
    ]
}

/// A store and the reference that it must agree with. `leases` has each lease as it was granted and after each renewal.
struct Comparison<'s> {
    store: &'s mut dyn LeaseAdmin,
    reference: FileStore<Arc<ManualClock>>,
    clock: Arc<ManualClock>,
    layout: Layout,
    leases: Vec<Vec<Lease>>,
}

impl Comparison<'_> {
    /// Returns the reading of the store's clock, in milliseconds.
    fn now_ms(&mut self) -> u64 {
        self.store.survey().unwrap().unix_ns / 1_000_000
    }

    fn tick(&self, unix_ms: u64) -> u64 {
        self.layout.tick_at(unix_ms).unwrap()
    }

    fn step(&mut self, ask: &Ask) {
        let layout = self.layout;
        match *ask {
            Ask::Wait(time) => thread::sleep(time),
            Ask::Acquire { again, ttl, after } => {
                let used = again.filter(|_| !self.leases.is_empty()).map(|index| index.get(&self.leases)[0].token());
                let token = used.unwrap_or_else(|| Token::random().unwrap());
                let mut request = AcquireRequest::new(&layout, token, ttl, "a holder");
                let now_ms = self.now_ms();
                let now_tick = self.tick(now_ms);
                request.after = match after {
                    After::Nothing => None,
                    After::Now => Some(now_tick),
                    After::Later => Some(now_tick + 100_000),
                };
                let granted = self.both(|store| store.acquire(&request));
                self.leases.extend(granted.map(|grant| vec![grant.lease]));
            }
            Ask::Renew { which, age, ttl, unanswered } if !self.leases.is_empty() => {
                let at = which.index(self.leases.len());
                let lease = self.known(at, age);
                let renewed = self.both(|store| store.renew(&crate::renewal(&layout, &lease, ttl, unanswered)));
                self.leases[at].extend(renewed.map(|grant| grant.lease));
            }
            Ask::Release { which, age, last } if !self.leases.is_empty() => {
                let at = which.index(self.leases.len());
                let lease = self.known(at, age);
                let last = match last {
                    Last::Nothing => None,
                    Last::First => Some(lease.from()),
                    Last::BeforeTheEnd => Some(lease.until() - 1),
                };
                self.both_at_any_time(|store| store.release(&lease, last));
            }
            Ask::Renew { .. } | Ask::Release { .. } => {}
            Ask::Reclaim { worker } => {
                // The window ends at the time of the call, which no answer has. So the reference gets it from the record.
                let reclaimed = self.store.reclaim(&layout, worker);
                let end = self.record_end(worker);
                self.set_to(end);
                assert_alike(&reclaimed, &self.reference.reclaim(&layout, worker));
            }
            Ask::Initialise { workers } => {
                let initialised = self.store.init_immediately(&layout, workers);
                // The time of the call is in the floor, unless the floor is older.
                let floor = self.store.survey().unwrap().space.and_then(|space| layout.unix_ms_of(space.floor));
                self.set_to(floor);
                assert_alike(&initialised, &self.reference.init_immediately(&layout, workers));
            }
            Ask::Create { workers } => {
                let created = self.store.init(&layout, workers).map(|created| assert!(!created));
                assert_alike(&created, &self.reference.init(&layout, workers).map(drop));
            }
        }
    }

    fn known(&self, at: usize, age: usize) -> Lease {
        let leases = &self.leases[at];
        leases[leases.len().saturating_sub(1 + age)]
    }

    fn record_end(&mut self, worker: u64) -> Option<u64> {
        let survey = self.store.survey().unwrap();
        let record = survey.workers.iter().find(|surveyed| surveyed.worker == worker)?;
        self.layout.unix_ms_of(record.until)
    }

    fn set_to(&self, unix_ms: Option<u64>) {
        if let Some(unix_ms) = unix_ms {
            self.clock.set(unix_ms);
        }
    }

    /// Sends a request to both. The reference gets it at the time in the store's answer. If the store refuses, that time
    /// is unknown, so the reference may refuse at any time during the call.
    fn both(&mut self, ask: impl Fn(&mut dyn LeaseAdmin) -> Result<Grant, StoreError>) -> Option<Grant> {
        let (before, floor) = (self.now_ms(), self.floor());
        let answer = ask(&mut *self.store);
        match answer {
            Ok(grant) => {
                self.clock.set(grant.unix_ns / 1_000_000);
                let expected = ask(&mut self.reference).expect("granted by the rules");
                assert_eq!(grant.lease, expected.lease);
                Some(grant)
            }
            Err(error) => {
                let after = self.now_ms();
                // If the call has raised the floor, its time follows from that.
                let raised = Some(self.floor()).filter(|raised| *raised != floor);
                let at = raised.and_then(|raised| self.layout.unix_ms_of(raised - self.floor_distance()));
                self.expect(at.unwrap_or(before), at.unwrap_or(after), &error, ask);
                None
            }
        }
    }

    fn floor(&mut self) -> u64 {
        self.store.survey().unwrap().space.expect("a space").floor
    }

    /// Returns the distance from the clock to a new floor, in ticks.
    fn floor_distance(&self) -> u64 {
        let distance = (MAX_TTL + CLOCK_SLACK).as_millis() / u128::from(self.layout.tick_ms());
        distance.try_into().unwrap()
    }

    /// Expects that the reference refuses like the store at some time between the two. Stops at the first time at which
    /// it grants.
    fn expect<T>(
        &mut self,
        before: u64,
        after: u64,
        error: &StoreError,
        ask: impl Fn(&mut dyn LeaseAdmin) -> Result<T, StoreError>,
    ) {
        let mut answers = Vec::new();
        for unix_ms in before..=after {
            self.clock.set(unix_ms);
            match ask(&mut self.reference).map_err(|error| error_kind(&error)) {
                Err(kind) if kind == error_kind(error) => return,
                Err(kind) => answers.push(Err(kind)),
                Ok(_) => {
                    answers.push(Ok(()));
                    break;
                }
            }
        }
        panic!("the store refuses with {error:?}, the rules with {answers:?}");
    }

    /// Sends both a request with an answer that does not depend on the time.
    fn both_at_any_time(&mut self, ask: impl Fn(&mut dyn LeaseAdmin) -> Result<(), StoreError>) {
        let now = self.now_ms();
        self.clock.set(now);
        let answer = ask(&mut *self.store);
        assert_alike(&answer, &ask(&mut self.reference));
    }

    fn compare(&mut self) {
        let (store, reference) = (self.store.survey().unwrap(), self.reference.survey().unwrap());
        assert_eq!(store.workers, reference.workers);
        let space = |survey: &casflake_lease::Survey| {
            survey.space.as_ref().map(|space| (space.layout.clone(), space.workers, space.floor))
        };
        assert_eq!(space(&store), space(&reference));
    }
}

/// Returns the kind of an error, without times, because they may differ a little.
fn error_kind(error: &StoreError) -> String {
    let text = format!("{error:?}");
    match error {
        StoreError::Lost { .. } | StoreError::Ttl { .. } | StoreError::Workers { .. } => text,
        _ => text.split([' ', '{']).next().unwrap_or_default().to_owned(),
    }
}

#[track_caller]
fn assert_alike(answer: &Result<(), StoreError>, expected: &Result<(), StoreError>) {
    let kind = |outcome: &Result<(), StoreError>| outcome.as_ref().map_err(error_kind).copied();
    assert_eq!(kind(answer), kind(expected));
}

/// Asserts that stores agree with the rules. `make` returns a new and empty store each time.
pub(crate) fn decides_by_the_rules<'s>(cases: u32, mut make: impl FnMut() -> Box<dyn LeaseAdmin + 's>) {
    let cases = if crate::faults::is_long() { 10 * cases } else { cases };
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let layout = prop_oneof![3 => Just(Standard::LAYOUT), 1 => Just(Sonyflake::LAYOUT)];
    let strategy = (layout, prop::collection::vec(ask(), 1..40));
    let make = std::cell::RefCell::new(&mut make);
    TestRunner::new(config)
        .run(&strategy, |(layout, asks)| {
            let scratch = Scratch::new();
            let clock = Arc::new(ManualClock::new(0));
            let reference = FileStore::with_clock(scratch.path(), Arc::clone(&clock));
            let mut store = make.borrow_mut()();
            let mut comparison = Comparison { store: &mut *store, reference, clock, layout, leases: Vec::new() };
            comparison.step(&Ask::Initialise { workers: 3 });
            for ask in &asks {
                comparison.step(ask);
                comparison.compare();
            }
            Ok(())
        })
        .unwrap();
}
