//! The calls of a process, and its statistics, on an imagined host.

use std::sync::Arc;
use std::time::Duration;

use casflake::{GenerateError, Generator, ManualClock, Snowflake, Standard};

use super::{Leased, TICK, TTL, lease, leased};
use crate::error::{LostReason, StoreError};
use crate::generator::call::Call;
use crate::generator::keeper::{Effect, FIRST_RETRY};
use crate::generator::progress::{Filled, Taken};
use crate::generator::retry::Asked;
use crate::generator::signal::Call as Wake;
use crate::generator::watch::Watched;

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
    let mut whole = Taken::<Standard>::of(4096 + 5);
    assert!(whole.take_from(leased.current()).is_err());
    leased.clock.advance(1);
    let outcome = whole.take_from(leased.current());
    assert_eq!(whole.ended(outcome).unwrap().len(), 4096 + 5);
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
fn a_call_that_finds_its_generator_replaced_asks_the_next_one_immediately() {
    let leased = leased();
    let shared = &leased.process.shared;
    let mut call = Call::new(Duration::ZERO, true);
    let mut asked = 0;
    let mut ask = |generator: &Generator<Standard, Watched<Arc<ManualClock>>>| {
        asked += 1;
        if asked == 2 {
            leased.replace(lease(2, TICK, TICK + 100));
        }
        if asked < 3 { Err(GenerateError::Closed) } else { generator.try_generate() }
    };
    let done = shared.ask_until_it_waits(&mut call, &mut ask);
    assert!(matches!(done, Asked::Done(Ok(id)) if id.worker() == 2), "{done:?}");
    assert_eq!(asked, 3);
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
