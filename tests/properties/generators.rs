//! A generator on a clock that may do anything, with any number of IDs drawn by any call.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use casflake::{
    Clock, FieldOrder, GenerateError, GeneratorBuilder, Layout, ManualClock, Scheme, Snowflake, Standard, WorkerId,
};
use proptest::prelude::*;

/// The next move of the clock. A call of the generator follows it.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Sets the clock, in ms from the epoch.
    Set(i64),
    Advance(u64),
    Back(u64),
}

#[derive(Clone, Copy, Debug)]
enum Call {
    TryGenerate,
    Generate,
    Batch(usize),
    Fill(usize),
}

fn steps() -> impl Strategy<Value = Vec<(Step, Call)>> {
    let step = prop_oneof![
        1 => (-60..400_i64).prop_map(Step::Set),
        1 => prop_oneof![Just(Step::Set(i64::MAX)), Just(Step::Set(i64::MIN))],
        8 => (0..12_u64).prop_map(Step::Advance),
        3 => (0..40_u64).prop_map(Step::Back),
    ];
    let call = prop_oneof![
        3 => Just(Call::TryGenerate),
        2 => Just(Call::Generate),
        2 => (1..40_usize).prop_map(Call::Batch),
        2 => (0..40_usize).prop_map(Call::Fill),
    ];
    proptest::collection::vec((step, call), 1..60)
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    max_lead: u64,
    strict: bool,
    not_before: u64,
    /// How many ticks the window has.
    window: u64,
    max_wait: Duration,
}

fn setups() -> impl Strategy<Value = Setup> {
    let lead = prop_oneof![3 => Just(0), 1 => 1..5_u64];
    let begin = prop_oneof![3 => Just(0), 1 => 0..10_u64];
    let window = prop_oneof![2 => Just(u64::MAX), 1 => 1..20_u64];
    let max_wait = prop_oneof![Just(0), Just(3), Just(25)].prop_map(Duration::from_millis);
    (lead, any::<bool>(), begin, window, max_wait).prop_map(|(max_lead, strict, not_before, window, max_wait)| Setup {
        max_lead,
        strict,
        not_before,
        window,
        max_wait,
    })
}

/// A clock that fails the test after 10,000 looks. Its monotonic time moves on by 1 ms with each look, its wall clock
/// does not.
struct Watched {
    time: ManualClock,
    looks: AtomicU32,
}

impl Clock for Watched {
    fn unix_ms(&self) -> u64 {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        assert!(looks < 10_000, "a call hangs");
        self.time.unix_ms()
    }

    fn monotonic(&self) -> Option<Duration> {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        Some(Duration::from_millis(looks.into()))
    }
}

/// The test's own count of the IDs issued.
#[derive(Default)]
struct Count {
    last: Option<(u64, u64)>,
    ids: u64,
    ticks: u64,
    max_sequence: u64,
    behind: u64,
}

impl Count {
    fn add<S: Scheme>(&mut self, id: Snowflake<S>) -> Result<(), TestCaseError> {
        let slot = (id.tick(), id.sequence());
        prop_assert!(self.last < Some(slot), "{:?} after {:?}", slot, self.last);
        let expected = if self.last.is_some_and(|last| last.0 == slot.0) {
            self.last.map_or(0, |last| last.1 + 1)
        } else {
            self.ticks += 1;
            0
        };
        prop_assert_eq!(slot.1, expected, "a slot was skipped");
        self.last = Some(slot);
        self.ids += 1;
        self.max_sequence = slot.1.max(self.max_sequence);
        Ok(())
    }
}

fn driven<S: Scheme>(setup: Setup, steps: &[(Step, Call)]) -> Result<(), TestCaseError> {
    let layout = S::LAYOUT;
    let worker = WorkerId::<S>::new_in(layout.max_datacenter(), layout.max_worker()).expect("a worker");
    let end = layout.max_tick() + 1;
    let not_before = setup.not_before.min(layout.max_tick());
    let fence = not_before.saturating_add(setup.window).min(end);
    let max_lead = setup.max_lead.min(layout.max_tick());
    let clock = Watched { time: ManualClock::new(layout.epoch_unix_ms()), looks: 0.into() };
    let builder = GeneratorBuilder::new(worker, &clock).max_lead(max_lead).strict(setup.strict);
    let builder = builder.not_before(not_before).fence(fence).max_wait(setup.max_wait);
    let generator = builder.build().expect("settings that fit");

    let mut highest = None;
    let mut count = Count::default();
    for (step, call) in steps {
        match *step {
            Step::Set(later) => clock.time.set(layout.epoch_unix_ms().saturating_add_signed(later)),
            Step::Advance(ms) => clock.time.advance(ms),
            Step::Back(ms) => clock.time.step_back(ms),
        }
        clock.looks.store(0, Ordering::Relaxed);
        let now_ms = clock.unix_ms();
        highest = highest.max(now_ms.checked_sub(layout.epoch_unix_ms()).map(|since| since / layout.tick_ms()));
        let before = count.ids;
        let mut ids = Vec::new();
        let refused = match *call {
            Call::TryGenerate => generator.try_generate().map(|id| ids.push(id)).err(),
            Call::Generate => generator.generate().map(|id| ids.push(id)).err(),
            Call::Batch(asked) => {
                let (batch, refused) = match generator.generate_batch(asked) {
                    Ok(batch) => (batch, None),
                    Err(error) => (error.issued().clone(), Some(error.error())),
                };
                prop_assert!(refused.is_some() || batch.len() == asked);
                ids.extend(batch);
                refused
            }
            Call::Fill(asked) => {
                let mut buffer = vec![Snowflake::MAX; asked];
                let refused = generator.fill(&mut buffer).err();
                buffer.truncate(refused.map_or(asked, |error| error.filled()));
                ids = buffer;
                refused.map(|error| error.error())
            }
        };
        for id in ids {
            count.add(id)?;
            prop_assert_eq!((id.datacenter(), id.worker()), (worker.datacenter(), worker.worker()));
            prop_assert!((not_before..fence).contains(&id.tick()));
            prop_assert!(highest.is_some_and(|highest| id.tick() <= highest.saturating_add(max_lead)));
        }
        count.behind += u64::from(matches!(refused, Some(GenerateError::ClockBehind { .. })));
        if let Some(GenerateError::BeforeEpoch { unix_ms, epoch_unix_ms }) = refused {
            prop_assert_eq!((unix_ms, epoch_unix_ms, before), (now_ms, layout.epoch_unix_ms(), 0));
        }

        let stats = generator.stats();
        prop_assert_eq!((stats.ids, stats.ticks, stats.clock_behind), (count.ids, count.ticks, count.behind));
        prop_assert_eq!(stats.last_tick, count.last.map(|last| last.0));
        prop_assert_eq!(stats.tick_max_sequence, count.last.map_or(0, |last| last.1));
        prop_assert_eq!(stats.max_sequence, count.max_sequence);
        prop_assert_eq!(stats.ids_per_tick.iter().map(|(_, ticks)| ticks).sum::<u64>(), count.ticks);
        // On some processors, but not on x86, an exchange may fail spuriously.
        prop_assert!(stats.cas_retries == 0 || cfg!(not(target_arch = "x86_64")), "{stats:?}");
    }
    prop_assert_eq!(generator.close(), count.last.map(|last| last.0));
    Ok(())
}

/// Layouts with few ticks and slots, so that every end is reached. Each differs from the others in another respect.
macro_rules! small_schemes {
    ($($name:ident = $layout:expr;)*) => {
        $(
            #[derive(Debug)]
            struct $name;
            impl Scheme for $name {
                const LAYOUT: Layout = $layout;
            }
        )*
        proptest! {
            #[test]
            fn i1_i3_i6_a_generator_on_any_clock_never_repeats_never_leads_and_counts_right(
                setup in setups(), steps in steps()
            ) {
                $(driven::<$name>(setup, &steps)?;)*
                driven::<Standard>(setup, &steps)?;
            }
        }
    };
}

small_schemes! {
    Narrow = Layout::new(6, 0, 1, 2).with_epoch_unix_ms(1_000);
    OneSlot = Layout::new(7, 1, 0, 0).with_epoch_unix_ms(10_000_000);
    SlowTick = Layout::new(5, 1, 2, 3).with_epoch_unix_ms(100).with_tick_ms(10).with_order(FieldOrder::WorkerLast);
    FullWord = Layout::new(59, 1, 1, 3).with_epoch_unix_ms(77);
    UnixEpoch = Layout::new(40, 0, 0, 1);
}
