//! The effects of the keeper on a process, and the calls of that process, on an imagined host.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, ManualClock, Scheme, Snowflake, Standard, Wait};

use super::{Parts, Plan, Process};
use crate::error::{LostReason, StoreError};
use crate::generator::call::Call;
use crate::generator::events::Events;
use crate::generator::host::{Host, Imagined};
use crate::generator::keeper::{Effect, FIRST_RETRY, Unpublished};
use crate::generator::progress::{Filled, Taken};
use crate::generator::retry::Asked;
use crate::generator::shared::Shared;
use crate::generator::signal::{Call as Wake, Signal};
use crate::generator::watch::{Watch, Watched};
use crate::lease::Lease;
use crate::request::Missing;
use crate::token::Token;

const TTL: Duration = Duration::from_secs(12);
const HOUR: u64 = 3_600_000_000_000;
/// A tick of the layout, and the time of the clock in it.
const TICK: u64 = 60_000_000_000;

/// A host whose clocks stand until a test sets them.
#[derive(Default)]
struct Still {
    wall_ns: AtomicU64,
    monotonic_ns: AtomicU64,
}

// ORDERING: Relaxed throughout, because each test has one thread.
impl Imagined for Still {
    fn wall_ns(&self) -> u64 {
        self.wall_ns.load(Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> u64 {
        self.monotonic_ns.load(Ordering::Relaxed)
    }

    fn process(&self) -> u32 {
        1
    }
}

/// A process that was granted the ticks from `TICK` to `TICK + 100`.
struct Leased {
    host: Arc<Still>,
    clock: Arc<ManualClock>,
    process: Process<Standard, Arc<ManualClock>>,
}

const fn lease(worker: u64, from: u64, until: u64) -> Lease {
    Lease::new(worker, from, until, 1, Token::numbered(1))
}

fn plan() -> Plan {
    let (wait, max_wait) = (Wait::Spin, Duration::ZERO);
    Plan { ttl: TTL, owner: "a test".into(), wait, max_wait, strict: false, max_lead: 0 }
}

fn leased_with(plan: Plan) -> Leased {
    let host = Arc::new(Still::default());
    let imagined = Host::imagined(Arc::clone(&host) as _);
    let signal = Arc::new(Signal::default());
    let watch = Arc::new(Watch::new(imagined.clone(), Arc::clone(&signal)));
    let clock = Arc::new(ManualClock::new(Standard::LAYOUT.epoch_unix_ms() + TICK));
    let parts = Parts {
        plan,
        host: imagined,
        watch: Arc::clone(&watch),
        clock: Arc::clone(&clock),
        store_clock: None,
        apart: 0,
    };
    let first = lease(1, TICK, TICK + 100);
    let generator = parts.generator(&first, first.from).unwrap();
    let shared = Arc::new(Shared::new(first, generator, watch, signal));
    Leased { host, clock, process: Process { parts, shared, events: Events::default() } }
}

fn leased() -> Leased {
    leased_with(plan())
}

impl Leased {
    fn current(&self) -> &Generator<Standard, Watched<Arc<ManualClock>>> {
        self.process.shared.switch.current()
    }

    fn try_generate(&self) -> Result<Snowflake, GenerateError> {
        self.current().try_generate()
    }

    fn jump(&self) {
        self.host.wall_ns.fetch_add(HOUR, Ordering::Relaxed);
        self.clock.advance(1);
    }

    /// Replaces the lease, as the keeper does.
    fn replace(&self, next: Lease) {
        let last = self.process.close();
        self.process.publish(next, last.map_or(0, |last| last + 1).max(next.from)).unwrap();
    }
}

/// Would catch: a jump during a call of the store that is forgotten, because the clocks are measured after the call.
#[test]
fn l12_a_jump_after_the_measure_is_noticed_after_the_answer() {
    let mut leased = leased();
    leased.process.carry_out(Effect::Measure);
    leased.jump();
    leased.process.carry_out(Effect::Trust);
    assert!(matches!(leased.try_generate(), Err(GenerateError::OutOfTicks { .. })));
    leased.process.carry_out(Effect::Measure);
    leased.process.carry_out(Effect::Trust);
    leased.try_generate().unwrap();
}

#[test]
fn l15_the_fence_moves_to_the_end_that_was_granted() {
    let mut leased = leased();
    leased.clock.advance(150);
    assert!(matches!(leased.try_generate(), Err(GenerateError::Fenced { .. })));
    leased.process.carry_out(Effect::ExtendFence(TICK + 151));
    assert_eq!(leased.current().fence(), TICK + 151);
    leased.try_generate().unwrap();
    leased.process.carry_out(Effect::ExtendFence(u64::MAX));
    assert_eq!(leased.current().fence(), TICK + 151, "an end that does not fit the layout");
}

/// Would catch: a generator of a lost lease that is only looked at, and issues IDs up to its fence.
#[test]
fn l13_a_closed_generator_issues_nothing_and_tells_its_last_tick() {
    let leased = leased();
    leased.try_generate().unwrap();
    assert_eq!(leased.process.close(), Some(TICK));
    assert_eq!(leased.try_generate(), Err(GenerateError::Closed));
    leased.process.publish(lease(2, TICK, TICK + 100), TICK + 1).unwrap();
    leased.clock.advance(1);
    let next = leased.try_generate().unwrap();
    assert_eq!((next.tick(), leased.current().worker().index()), (TICK + 1, 2));
}

#[test]
fn l14_a_lease_that_gets_no_generator_is_refused_with_the_reason() {
    let leased = leased();
    for unfit in [lease(1024, TICK, TICK + 1), lease(1, TICK, u64::MAX)] {
        let refused = leased.process.publish(unfit, TICK);
        assert!(matches!(refused, Err(Unpublished::Unfit(StoreError::Corrupt { .. }))), "{refused:?}");
    }
    let _ = leased.process.end();
    let refused = leased.process.publish(lease(2, TICK, TICK + 1), TICK);
    assert!(matches!(refused, Err(Unpublished::Ended)), "{refused:?}");
    assert!(leased.process.now().has_ended);
}

#[test]
fn l17_each_setting_reaches_the_generator() {
    // IDs that lead the clock by up to two ticks.
    let leading = leased_with(Plan { max_lead: 2, ..plan() });
    assert_eq!((0..).take_while(|_| leading.try_generate().is_ok()).count(), 3 * 4096);
    // A clock that moves back by one tick: a strict generator refuses.
    for strict in [true, false] {
        let leased = leased_with(Plan { strict, ..plan() });
        leased.clock.advance(1);
        leased.try_generate().unwrap();
        leased.clock.step_back(1);
        assert_eq!(leased.try_generate().is_err(), strict);
    }
    // The clock stands, so a call of a full tick waits for all of `max_wait`.
    for (wait, max_wait) in [(Wait::Spin, 1), (Wait::Sleep, 2), (Wait::Yield, 3)] {
        let max_wait = Duration::from_millis(max_wait);
        let leased = leased_with(Plan { wait, max_wait, ..plan() });
        while leased.try_generate().is_ok() {}
        assert_eq!(leased.current().generate(), Err(GenerateError::ClockStalled { max_wait }));
        assert!(format!("{:?}", leased.process.parts.plan).contains(&format!("{wait:?}")));
    }
}

#[test]
fn l17_each_setting_reaches_the_store() {
    let plan = plan();
    let request = plan.request::<Standard>(Token::numbered(7), Some(5), Missing::Create);
    assert_eq!((request.layout, request.token, request.after), (Standard::LAYOUT, Token::numbered(7), Some(5)));
    assert_eq!((request.ttl, &*request.owner, request.missing), (TTL, "a test", Missing::Create));
    let held = lease(1, 2, 3);
    let renewal = plan.renewal::<Standard>(held, 4);
    assert_eq!((renewal.layout, renewal.lease), (Standard::LAYOUT, held));
    assert_eq!((renewal.ttl, renewal.unanswered), (TTL, 4));
}

/// Would catch: a batch that keeps only the IDs of its last generator, or asks each generator for all of them.
#[test]
fn l18_a_batch_and_a_fill_keep_the_ids_of_each_generator() {
    let leased = leased();
    let mut taken = Taken::<Standard>::of(4 * 4096);
    let mut buffer = [Snowflake::MIN; 4 * 4096];
    let mut filled = Filled::of(&mut buffer);
    for next in 1..=3 {
        assert!(taken.take_from(leased.current()).is_err());
        leased.clock.advance(1);
        assert!(filled.fill_from(leased.current()).is_err());
        leased.clock.advance(1);
        leased.replace(lease(1 + next, TICK, TICK + 100));
    }
    // Three ticks each, in turn, so that both still lack the last quarter.
    let batch = taken.ended(Err(GenerateError::Closed)).unwrap_err();
    assert_eq!((batch.error(), batch.issued().len()), (GenerateError::Closed, 3 * 4096));
    let error = filled.ended(Err(GenerateError::Closed)).unwrap_err();
    assert_eq!((error.error(), error.filled()), (GenerateError::Closed, 3 * 4096));
    let buffer = &buffer[..3 * 4096];
    let mut all: Vec<_> = batch.issued().iter().chain(buffer).copied().collect();
    assert!(batch.issued().is_sorted_by(|one, next| one < next) && buffer.is_sorted_by(|one, next| one < next));
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 6 * 4096, "no ID is lost, and none is there twice");
}

/// Would catch: news that comes between the refusal and the wait, and is missed.
#[test]
fn l19_news_that_comes_while_the_generator_is_asked_ends_the_wait() {
    let leased = leased();
    let shared = &leased.process.shared;
    let mut call = Call::new(TTL, true);
    let mut ask = |_: &Generator<Standard, Watched<Arc<ManualClock>>>| -> Result<(), _> {
        shared.signal.tell();
        Err(GenerateError::Fenced { fence: 1 })
    };
    let Asked::Waits { seen, until } = shared.ask_until_it_waits(&mut call, &mut ask) else { panic!("it is fenced") };
    assert!(shared.signal.wait_for_news(seen, Duration::from_secs(60)), "the news is there");
    assert_eq!(until, TTL, "from the reading of the monotonic clock, 0");
    assert_eq!(shared.signal.sleep(Duration::from_secs(60), false), Wake::Work, "the keeper was rung for");
}

#[test]
fn a_clock_that_is_not_trusted_is_no_end_of_the_layout() {
    let leased = leased();
    let shared = &leased.process.shared;
    let refused = || {
        let mut call = Call::new(TTL, true);
        shared.ask_until_it_waits(&mut call, &mut Generator::try_generate)
    };
    leased.jump();
    assert!(matches!(refused(), Asked::Waits { .. }));
    // The clock is before the epoch: ticks are left, but none of them now.
    leased.clock.set(1);
    assert!(matches!(refused(), Asked::Waits { .. }));
    leased.clock.set(u64::MAX / 2);
    assert!(matches!(refused(), Asked::Done(Err(GenerateError::OutOfTicks { .. }))));
}

#[test]
fn a_call_without_a_lease_names_the_reason_and_the_time_to_retry() {
    let mut leased = leased();
    let (pause, hint) = (Duration::from_secs(1), Duration::from_secs(40));
    let failed = |error| Effect::Failed { error, remaining: Duration::ZERO, pause, is_reported: false };
    let busy = |retry_after| StoreError::NoFreeWorker { workers: 1, retry_after };
    let expired = |leased: &Leased| leased.process.shared.expired();
    let retry_after = |leased: &Leased| expired(leased).retry_after();
    assert_eq!(retry_after(&leased), Some(FIRST_RETRY));
    leased.process.carry_out(failed(busy(hint)));
    assert_eq!(retry_after(&leased), Some(hint));
    leased.process.carry_out(failed(busy(Duration::ZERO)));
    assert_eq!(retry_after(&leased), Some(pause), "no busy loop");
    leased.process.carry_out(Effect::Lost { worker: 1, reason: LostReason::Taken, pause });
    assert_eq!(retry_after(&leased), Some(pause));
    let behind = Some(Duration::from_secs(30));
    let renewed = lease(1, TICK, TICK + 200);
    leased.process.carry_out(Effect::Recorded { lease: renewed, behind });
    assert!(matches!(expired(&leased), GenerateError::StoreClockBehind { by } if Some(by) == behind));
    leased.process.carry_out(Effect::Recorded { lease: renewed, behind: None });
    assert_eq!(expired(&leased), GenerateError::LeaseExpired { until_tick: TICK + 200, retry_after: FIRST_RETRY });
    leased.process.carry_out(Effect::Behind(hint));
    assert!(matches!(expired(&leased), GenerateError::StoreClockBehind { by } if by == hint));
    let stats = leased.process.shared.stats();
    assert_eq!((stats.renewals, stats.failures, stats.expired), (2, 3, 7));
    assert!(stats.last_error.is_none() && stats.lease == renewed);
}

#[test]
fn statistics_name_the_newest_lease_and_add_up_all() {
    let leased = leased();
    leased.try_generate().unwrap();
    leased.clock.advance(1);
    let next = lease(5, TICK, TICK + 90);
    leased.replace(next);
    assert!(leased.try_generate().is_ok());
    let stats = leased.process.shared.stats();
    assert_eq!((stats.worker.index(), stats.lease, stats.acquired, stats.generator.ids), (5, next, 2, 2));
    assert_eq!(stats.generator.last_tick, Some(TICK + 1));
    assert_eq!(stats.remaining, Duration::from_millis(89));
    leased.jump();
    assert!(leased.try_generate().is_err());
    assert_eq!(leased.process.shared.stats().remaining, Duration::ZERO, "the clock is not trusted");
}

#[test]
fn a_moment_is_that_of_the_monotonic_clock() {
    let leased = leased();
    leased.jump();
    leased.host.monotonic_ns.store(7, Ordering::Relaxed);
    let now = leased.process.now();
    assert_eq!((now.at, now.remaining), (Duration::from_nanos(7), Some(Duration::ZERO)));
    assert_eq!((now.store_clock_ns, now.has_ended), (None, false));
}

/// A clock that panics when it is copied.
struct Unclonable(ManualClock);

impl Clone for Unclonable {
    fn clone(&self) -> Self {
        panic!("a fault of the clock")
    }
}

impl Clock for Unclonable {
    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }
}

#[test]
fn l14_a_clock_that_panics_while_it_is_copied_leaves_the_lease_to_be_released() {
    let host = Host::imagined(Arc::new(Still::default()));
    let watch = Arc::new(Watch::new(host.clone(), Arc::new(Signal::default())));
    let clock = Unclonable(ManualClock::new(1));
    let parts = Parts { plan: plan(), host, watch, clock, store_clock: None, apart: 0 };
    let refused = parts.generator::<Standard>(&lease(1, TICK, TICK + 1), TICK);
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
}
