//! Each kind of store against one that decides by the rules themselves: the same requests at the same times, the same
//! answers and the same records.
//!
//! Stores that decide on a server (SQL, Lua) or by what they remember (etcd) must come to what the rules come to. What
//! the rules come to is a `FileStore`'s answer, whose clock is set to what the other store's clock has read.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use casflake::{Layout, ManualClock, Scheme, Sonyflake, Standard};
use casflake_lease::{AcquireRequest, CLOCK_SLACK, FileStore, Grant, Lease, LeaseAdmin, MAX_TTL, StoreError, Token};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use testkit::Scratch;

/// What somebody asks of a store. `Index`es choose among the leases that there have been.
#[derive(Clone, Debug)]
enum Ask {
    /// By a new token, or one that was used.
    Acquire {
        again: Option<Index>,
        ttl: Duration,
        after: After,
    },
    /// As one knows the lease, or as one knew it some renewals ago.
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
    /// A space that exists.
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

/// Short ones end while the test runs.
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

/// The store that is tried, the one that it must agree with, and the leases that there were, each as it was renewed.
struct Trial<'s> {
    store: &'s mut dyn LeaseAdmin,
    reference: FileStore<Arc<ManualClock>>,
    clock: Arc<ManualClock>,
    layout: Layout,
    leases: Vec<Vec<Lease>>,
}

impl Trial<'_> {
    /// What the store's clock reads, in milliseconds.
    fn now(&mut self) -> u64 {
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
                let mut request = AcquireRequest::new(&layout, token, ttl, "conformance");
                let now = self.now();
                let now = self.tick(now);
                request.after = match after {
                    After::Nothing => None,
                    After::Now => Some(now),
                    After::Later => Some(now + 100_000),
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
                // Its window ends when it is reclaimed, which no answer tells: the reference is told by the record.
                let reclaimed = self.store.reclaim(&layout, worker);
                let end = self.record_end(worker);
                self.set_to(end);
                assert_alike(&reclaimed, &self.reference.reclaim(&layout, worker));
            }
            Ask::Initialise { workers } => {
                let initialised = self.store.init_immediately(&layout, workers);
                // At the time of its floor, unless that was there before.
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

    /// Asks both: the reference at the time that the store's answer tells, or, of a refusal, at some time since before.
    fn both(&mut self, ask: impl Fn(&mut dyn LeaseAdmin) -> Result<Grant, StoreError>) -> Option<Grant> {
        let (before, floor) = (self.now(), self.floor());
        let answer = ask(&mut *self.store);
        match answer {
            Ok(grant) => {
                self.clock.set(grant.unix_ns / 1_000_000);
                let expected = ask(&mut self.reference).expect("granted by the rules");
                assert_eq!(grant.lease, expected.lease);
                Some(grant)
            }
            Err(error) => {
                let after = self.now();
                // What raised the floor tells when it did.
                let raised = Some(self.floor()).filter(|raised| *raised != floor);
                let at = raised.and_then(|raised| self.layout.unix_ms_of(raised - self.reach()));
                self.expect(at.unwrap_or(before), at.unwrap_or(after), &error, ask);
                None
            }
        }
    }

    fn floor(&mut self) -> u64 {
        self.store.survey().unwrap().space.expect("a space").floor
    }

    /// How far ahead of the clock a floor is put, in ticks.
    fn reach(&self) -> u64 {
        let reach = (MAX_TTL + CLOCK_SLACK).as_millis() / u128::from(self.layout.tick_ms());
        reach.try_into().unwrap()
    }

    /// Expects that the rules refuse as the store did at some time between two. No later one is tried: at some time
    /// they may grant.
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
        panic!("{error:?}, where the rules say {answers:?}");
    }

    /// Asks both what does not depend on the time.
    fn both_at_any_time(&mut self, ask: impl Fn(&mut dyn LeaseAdmin) -> Result<(), StoreError>) {
        let now = self.now();
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

/// What kind of an error it is: the times in two of them may differ by a moment.
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

/// Tries a store, `make` of which gives a new and empty one each time.
pub(crate) fn conforms<'s>(cases: u32, mut make: impl FnMut() -> Box<dyn LeaseAdmin + 's>) {
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
            let mut trial = Trial { store: &mut *store, reference, clock, layout, leases: Vec::new() };
            trial.step(&Ask::Initialise { workers: 3 });
            for ask in &asks {
                trial.step(ask);
                trial.compare();
            }
            Ok(())
        })
        .unwrap();
}
