//! The effects of the keeper on a process, on an imagined host.

mod calls;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use casflake::{Clock, GenerateError, Generator, ManualClock, Scheme, Snowflake, Standard, Wait};

use super::{Parts, Plan, Process};
use crate::error::{LostReason, StoreError};
use crate::generator::events::{Events, LeaseEvent};
use crate::generator::host::{Host, Imagined};
use crate::generator::keeper::{Effect, Unpublished};
use crate::generator::shared::Shared;
use crate::generator::signal::Signal;
use crate::generator::start;
use crate::generator::store_clock::StoreClock;
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

impl Imagined for Still {
    fn wall_ns(&self) -> u64 {
        // ORDERING: Relaxed, here and below, because each test has one thread.
        self.wall_ns.load(Ordering::Relaxed)
    }

    fn monotonic_ns(&self) -> u64 {
        // ORDERING: Relaxed, as above.
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
        // ORDERING: Relaxed, as above.
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

/// Would catch: a generator that is refused until its first renewal, because a clock has jumped while `build` waited.
#[test]
fn l12_a_jump_before_the_first_request_is_settled_by_the_first_grant() {
    let Process { mut parts, mut events, shared } = leased().process;
    let mut carry_out = |effect| start::run::carry_out(effect, &mut parts, &mut events);
    shared.watch.settle(HOUR);
    assert!(matches!(shared.switch.current().try_generate(), Err(GenerateError::OutOfTicks { .. })));
    carry_out(Effect::Measure);
    carry_out(Effect::Trust);
    shared.switch.current().try_generate().unwrap();
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

/// Would catch: a replacement that lets new calls in again, or hides the generator from the calls that have begun.
#[test]
fn i8_a_drain_lasts_over_a_replacement_and_the_end_over_all() {
    let leased = leased();
    let switch = &leased.process.shared.switch;
    let worker = |open: Option<&Generator<Standard, _>>| open.map(|generator| generator.worker().index());
    assert_eq!((worker(switch.open()), switch.count()), (Some(1), 0));
    leased.replace(lease(2, TICK, TICK + 100));
    assert_eq!((worker(switch.open()), switch.count()), (Some(2), 1));
    switch.drain();
    leased.replace(lease(3, TICK, TICK + 100));
    assert_eq!((worker(switch.open()), worker(Some(switch.current()))), (None, Some(3)));
    leased.try_generate().unwrap();
    assert_eq!((switch.has_ended(), switch.end()), (false, Some(TICK)));
    assert!(switch.has_ended() && switch.current().is_closed() && switch.open().is_none());
    assert!(format!("{switch:?}").starts_with("Switch { count: 2, current: Generator {"), "{switch:?}");
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
/// Would catch: news that comes between the refusal and the wait, and is missed.
#[test]
fn the_callback_gets_each_report() {
    let mut leased = leased();
    let log = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&log);
    leased.process.events.call(Box::new(move |event| recorded.lock().unwrap().push(event.to_string())));
    let pause = Duration::from_secs(1);
    let failed = || StoreError::unavailable("asking", "no store");
    let process = &mut leased.process;
    process.carry_out(Effect::Failed { error: failed(), remaining: TTL, pause, is_reported: false });
    process.carry_out(Effect::Failed { error: failed(), remaining: TTL, pause, is_reported: true });
    process.carry_out(Effect::WindowEnded);
    process.carry_out(Effect::Acquired { lease: lease(1, TICK, TICK + 100), remaining: TTL });
    process.carry_out(Effect::Renewed { lease: lease(1, TICK, TICK + 100), remaining: TTL });
    process.carry_out(Effect::Lost { worker: 1, reason: LostReason::Taken, pause });
    process.carry_out(Effect::Waiting(failed()));
    process.report_release(1, &Ok(()));
    process.report_release(1, &Err(failed()));
    let log = log.lock().unwrap();
    let expected = [
        "the store failed; the lease of worker 1 ends in 12.0 s: asking failed",
        "the lease of worker 1 has ended",
        "the store is back after 0.0 s and 1 failure: worker 1",
        "worker 1 is leased",
        "the lease of worker 1 is renewed",
        "the lease of worker 1 is lost",
        "waiting for a worker",
        "worker 1 is released",
        "worker 1 could not be released",
    ];
    assert_eq!(log.len(), expected.len(), "{log:#?}");
    for (reported, expected) in log.iter().zip(expected) {
        assert!(reported.starts_with(expected), "{reported}");
    }
}

#[test]
fn an_event_names_the_newest_worker() {
    let mut leased = leased();
    let named = Arc::new(AtomicU64::new(0));
    let recorded = Arc::clone(&named);
    leased.process.events.call(Box::new(move |event| {
        if let LeaseEvent::Ended { worker } = event {
            // ORDERING: Relaxed, as above.
            recorded.store(*worker, Ordering::Relaxed);
        }
    }));
    leased.replace(lease(7, TICK, TICK + 100));
    leased.process.carry_out(Effect::WindowEnded);
    // ORDERING: Relaxed, as above.
    assert_eq!(named.load(Ordering::Relaxed), 7);
}

#[test]
fn l9_the_store_clock_follows_forward_and_moves_back_only_if_it_may() {
    const HOUR_MS: u64 = HOUR / 1_000_000;
    let mut leased = leased();
    let clock = StoreClock::new(leased.process.parts.host.clone());
    leased.process.parts.store_clock = Some(clock.clone());
    let mut set = |unix_ms: u64, may_move_back| {
        leased.process.carry_out(Effect::SetClock { unix_ns: unix_ms * 1_000_000, may_move_back });
        (clock.unix_ms(), leased.process.now().store_clock_ns)
    };
    assert_eq!(set(3 * HOUR_MS, false), (3 * HOUR_MS, Some(3 * HOUR)));
    assert_eq!(set(2 * HOUR_MS, false), (3 * HOUR_MS, Some(3 * HOUR)));
    assert_eq!(set(HOUR_MS, true), (HOUR_MS, Some(HOUR)));
}

#[test]
fn the_time_that_remains_ends_with_the_window_and_before_the_epoch_it_has_not_begun() {
    let leased = leased();
    let (shared, epoch) = (&leased.process.shared, Standard::LAYOUT.epoch_unix_ms());
    let remaining = |unix_ms| {
        leased.clock.set(unix_ms);
        shared.remaining()
    };
    let window = Duration::from_millis(TICK + 100);
    assert_eq!([remaining(0), remaining(epoch - 1), remaining(epoch)], [window; 3]);
    assert_eq!(remaining(epoch + TICK + 99), Duration::from_millis(1));
    assert_eq!([remaining(epoch + TICK + 100), remaining(u64::MAX / 2)], [Duration::ZERO; 2]);
    assert_eq!((shared.waiting(), shared.signal.callers()), (0, 0));
    let (_one, _other) = (shared.signal.enter(), shared.signal.enter());
    assert_eq!(shared.waiting(), 2);
}

#[test]
fn a_moment_is_that_of_the_monotonic_clock() {
    let leased = leased();
    leased.jump();
    // ORDERING: Relaxed, as above.
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
