//! Generators of a custom layout. A custom layout is known only at run time, because `--bits` gives its fields.
//!
//! A generator's layout is a constant of its type, and a program cannot have a type for every possible layout. But
//! inside a generator, the constant only decides how many IDs a tick has. So there is one type of generator for each
//! width of the sequence. The timestamp of each type is as wide as a generator allows. The clock of such a generator
//! counts the ticks of the custom layout, and a tick can have any length. Each slot that the generator issues is
//! converted to an ID of the custom layout.

use std::time::Duration;

use casflake::{
    Clock, FillError, GenerateError, Generator, GeneratorBuilder, IdGenerator, Layout, Parts, Scheme, SettingError,
    Snowflake, Stats, Wait,
};

use crate::workers::Place;

/// The scheme of the IDs of a custom layout. Any 64-bit number can be such an ID.
pub(crate) enum Own {}

impl Scheme for Own {
    const LAYOUT: Layout = Layout::new(62, 0, 2, 0);
}

/// The calls that a command needs in addition to the calls of [`IdGenerator`].
pub(crate) trait Draw<S: Scheme>: IdGenerator<S> + Sync {
    fn stats(&self) -> Stats;

    /// Returns a function that draws one ID per call from a new handle. The handle reserves up to `block` IDs at a
    /// time.
    fn handle(&self, block: u64) -> Box<dyn FnMut() -> Result<Snowflake<S>, GenerateError> + '_>;

    fn place(&self) -> Place;
}

/// Returns a generator for the worker `place`. The caller has checked with [`Layout::can_generate`] that a generator
/// can issue IDs of this layout.
pub(crate) fn generator(
    layout: &Layout,
    place: Place,
    clock: impl Clock + Sync + 'static,
    wait: Wait,
) -> Result<Box<dyn Draw<Own>>, SettingError> {
    /// Chooses the type of generator according to the width of the layout's sequence.
    macro_rules! of_width {
        ($($width:literal)*) => {
            match layout.sequence_bits() {
                $($width => OwnGenerator::<$width>::boxed(layout, place, Box::new(clock), wait),)*
                // The width is 61: timestamp and sequence have 62 bits at most, and the timestamp has at least one.
                _ => OwnGenerator::<61>::boxed(layout, place, Box::new(clock), wait),
            }
        };
    }
    of_width!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40
        41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
    )
}

/// The scheme of the inner generator: a sequence of `SEQUENCE` bits and a timestamp of `62 - SEQUENCE` bits. This
/// timestamp is wide enough for every custom layout with this width of the sequence, if [`Layout::can_generate`] is
/// true for that layout.
enum Slots<const SEQUENCE: u32> {}

impl<const SEQUENCE: u32> Scheme for Slots<SEQUENCE> {
    const LAYOUT: Layout = Layout::new(62 - SEQUENCE, 0, 0, SEQUENCE).with_epoch_unix_ms(ORIGIN);
}

/// The reading of [`Ticks`] at the epoch of the custom layout, in milliseconds. It is not 0, because the reading 0
/// means a time before the epoch.
const ORIGIN: u64 = 1;

/// A clock that counts ticks of the custom layout. Its reading increases by one millisecond per tick.
struct Ticks {
    clock: Box<dyn Clock + Sync>,
    epoch_unix_ms: u64,
    tick_ms: u64,
}

impl Ticks {
    /// Returns the tick that contains `unix_ms`, and how many milliseconds of that tick have passed. Returns `None`
    /// before the epoch.
    fn tick(&self, unix_ms: u64) -> Option<(u64, u64)> {
        let since = unix_ms.checked_sub(self.epoch_unix_ms)?;
        Some((since / self.tick_ms, since % self.tick_ms))
    }
}

const MS: u128 = 1_000_000;

impl Clock for Ticks {
    fn unix_ms(&self) -> u64 {
        self.tick(self.clock.unix_ms()).map_or(0, |(tick, _)| tick.saturating_add(ORIGIN))
    }

    /// Returns the beginning of the current tick, except in the last real millisecond of that tick. In that millisecond
    /// the reading rises to the beginning of the next tick. So a thread that waits for the next tick sleeps for at most
    /// 1 ms at a time, and notices the beginning of that tick in time.
    fn precise_unix_ns(&self) -> u128 {
        let nanos = self.clock.precise_unix_ns();
        let Some((tick, gone_by)) = self.tick(u64::try_from(nanos / MS).unwrap_or(u64::MAX)) else { return 0 };
        let within = if gone_by == self.tick_ms - 1 { nanos % MS } else { 0 };
        u128::from(tick.saturating_add(ORIGIN)) * MS + within
    }

    fn monotonic(&self) -> Option<Duration> {
        self.clock.monotonic()
    }
}

struct OwnGenerator<const SEQUENCE: u32> {
    generator: Generator<Slots<SEQUENCE>, Ticks>,
    layout: Layout,
    place: Place,
}

impl<const SEQUENCE: u32> OwnGenerator<SEQUENCE> {
    fn boxed(
        layout: &Layout,
        place: Place,
        clock: Box<dyn Clock + Sync>,
        wait: Wait,
    ) -> Result<Box<dyn Draw<Own>>, SettingError> {
        let ticks = Ticks { clock, epoch_unix_ms: layout.epoch_unix_ms(), tick_ms: layout.tick_ms() };
        let patience = Duration::from_millis(layout.tick_ms().saturating_mul(2).max(100));
        let generator = GeneratorBuilder::new(first_worker::<SEQUENCE>(), ticks)
            .wait(wait)
            .max_wait(patience)
            .fence(layout.max_tick() + 1)
            .build()?;
        Ok(Box::new(Self { generator, layout: *layout, place }))
    }

    /// Converts a slot of the inner generator to an ID of the custom layout.
    fn id(&self, slot: Snowflake<Slots<SEQUENCE>>) -> Result<Snowflake<Own>, GenerateError> {
        let Parts { tick, sequence, .. } = slot.parts();
        let Place { datacenter, worker } = self.place;
        let id = self.layout.encode(Parts { tick, datacenter, worker, sequence }).and_then(Snowflake::try_from);
        id.map_err(|_| self.out_of_ticks())
    }

    const fn out_of_ticks(&self) -> GenerateError {
        GenerateError::OutOfTicks { max_tick: self.layout.max_tick() }
    }

    /// Converts an error of the inner generator. `Fenced` becomes `OutOfTicks`. The epoch and the last tick become
    /// those of the custom layout. Durations on the clock [`Ticks`] become real time. Returns every other error, such
    /// as `ClockStalled`, unchanged.
    fn refused(&self, error: GenerateError) -> GenerateError {
        match error {
            GenerateError::Fenced { .. } | GenerateError::OutOfTicks { .. } => self.out_of_ticks(),
            GenerateError::BeforeEpoch { .. } => GenerateError::BeforeEpoch {
                unix_ms: self.generator.clock().clock.unix_ms(),
                epoch_unix_ms: self.layout.epoch_unix_ms(),
            },
            GenerateError::ClockBehind { by } => GenerateError::ClockBehind { by: self.duration(by) },
            GenerateError::Exhausted { retry_after } => {
                GenerateError::Exhausted { retry_after: self.duration(retry_after) }
            }
            error => error,
        }
    }

    /// Converts a duration on the clock [`Ticks`] to real time. On that clock a tick lasts one millisecond.
    fn duration(&self, by_ticks: Duration) -> Duration {
        by_ticks.saturating_mul(u32::try_from(self.layout.tick_ms()).unwrap_or(u32::MAX))
    }
}

const fn first_worker<const SEQUENCE: u32>() -> casflake::WorkerId<Slots<SEQUENCE>> {
    casflake::WorkerId::fixed_in::<0, 0>()
}

impl<const SEQUENCE: u32> IdGenerator<Own> for OwnGenerator<SEQUENCE> {
    fn generate(&self) -> Result<Snowflake<Own>, GenerateError> {
        self.generator.generate().map_err(|error| self.refused(error)).and_then(|slot| self.id(slot))
    }

    fn try_generate(&self) -> Result<Snowflake<Own>, GenerateError> {
        self.generator.try_generate().map_err(|error| self.refused(error)).and_then(|slot| self.id(slot))
    }

    fn fill(&self, buffer: &mut [Snowflake<Own>]) -> Result<(), FillError> {
        let mut slots = [Snowflake::MIN; 256];
        let mut filled = 0;
        for places in buffer.chunks_mut(slots.len()) {
            let (slots, _) = slots.split_at_mut(places.len());
            let outcome = self.generator.fill(slots);
            let count = outcome.map_or_else(|error| error.filled(), |()| slots.len());
            for (place, slot) in places.iter_mut().zip(slots).take(count) {
                *place = self.id(*slot).map_err(|error| FillError::new(filled, error))?;
                filled += 1;
            }
            outcome.map_err(|error| FillError::new(filled, self.refused(error.error())))?;
        }
        Ok(())
    }
}

impl<const SEQUENCE: u32> Draw<Own> for OwnGenerator<SEQUENCE> {
    fn stats(&self) -> Stats {
        self.generator.stats()
    }

    fn handle(&self, block: u64) -> Box<dyn FnMut() -> Result<Snowflake<Own>, GenerateError> + '_> {
        let mut handle = self.generator.local(block);
        Box::new(move || handle.generate().map_err(|error| self.refused(error)).and_then(|slot| self.id(slot)))
    }

    fn place(&self) -> Place {
        self.place
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use casflake::{
        Clock, FillError, GenerateError, Generator, GeneratorBuilder, IdGenerator, Layout, ManualClock, Scheme,
        Snowflake, Sonyflake, Standard, SystemClock, Wait, WorkerId,
    };
    use proptest::prelude::*;

    use super::{MS, ORIGIN, Ticks, generator};
    use crate::workers::Place;

    /// A layout with ticks of one second. The property test draws IDs from ticks around the beginning of 2026 and from
    /// the last ticks of this layout.
    enum Seconds {}

    impl Scheme for Seconds {
        const LAYOUT: Layout = Layout::new(32, 0, 8, 22).with_epoch_unix_ms(0).with_tick_ms(1000);
    }

    /// Draws from two generators with the same layout, worker and clock, and compares their IDs. The type of one
    /// generator contains the layout: `Generator<S, _>`. The other generator gets the layout as a value.
    fn assert_same_ids<S: Scheme>(tick: u64, steps: &[(i64, u8)]) -> Result<(), TestCaseError> {
        let layout = S::LAYOUT;
        let clock = Arc::new(ManualClock::new(layout.unix_ms_of(tick).expect("a tick of the layout")));
        let place = Place { datacenter: layout.max_datacenter(), worker: 5 };
        let own = generator(&layout, place, clock.clone(), Wait::Spin).expect("a generator");
        let worker = WorkerId::<S>::new_in(place.datacenter, place.worker).expect("a worker");
        let typed: Generator<S, _> = GeneratorBuilder::new(worker, clock.clone()).build().expect("a generator");
        for &(step, count) in steps {
            let step = step * layout.tick_ms().div_ceil(20).cast_signed();
            clock.set(clock.unix_ms().saturating_add_signed(step));
            for _ in 0..count {
                let ids = (own.generate().map(u64::from), typed.generate().map(u64::from));
                prop_assert_eq!(ids.0, ids.1);
            }
        }
        prop_assert_eq!(own.stats().last_tick, typed.stats().last_tick);
        prop_assert_eq!(own.stats().ids_per_tick, typed.stats().ids_per_tick);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn i1_a_layout_value_generates_the_ids_of_the_layout_type(
            steps in prop::collection::vec((-30..50_i64, 0..5_u8), 1..20)
        ) {
            assert_same_ids::<Standard>(1_000_000_000, &steps)?;
            assert_same_ids::<Sonyflake>(100_000_000, &steps)?;
            assert_same_ids::<Seconds>(1_767_225_600, &steps)?;
            assert_same_ids::<Seconds>(Seconds::LAYOUT.max_tick() - 3, &steps)?;
        }
    }

    /// Would catch: a maximum wait that is shorter than one tick of the layout.
    #[test]
    fn a_call_waits_for_a_whole_tick_of_the_layout() {
        for wait in [Wait::Spin, Wait::Yield, Wait::Sleep] {
            let layout = Layout::new(32, 0, 30, 0).with_epoch_unix_ms(1_700_000_000_000).with_tick_ms(300);
            let own = generator(&layout, Place::FIRST, SystemClock, wait).unwrap();
            let [first, second, third] = [(); 3].map(|()| layout.decode(own.generate().unwrap().into()).unwrap().tick);
            assert!(first < second && second < third, "an ID a tick: {first}, {second}, {third}");
            let ticks = own.stats().last_tick.unwrap() - first;
            assert!((2..10).contains(&ticks), "{ticks} ticks by {wait:?}");
        }
    }

    /// Would catch: an error that gives the duration in ticks, not in real time.
    #[test]
    fn a_clock_that_moved_back_is_behind_by_the_real_time() {
        let layout = Layout::new(32, 0, 30, 0).with_epoch_unix_ms(0).with_tick_ms(1000);
        let clock = Arc::new(ManualClock::new(1_000_000_000));
        let own = generator(&layout, Place::FIRST, clock.clone(), Wait::Spin).unwrap();
        own.generate().unwrap();
        clock.set(900_000_000);
        let Err(GenerateError::ClockBehind { by }) = own.generate() else { panic!("the clock is behind") };
        assert!(by.as_secs().abs_diff(100_000) <= 1, "{by:?}");
    }

    #[test]
    fn i4_a_stalled_clock_or_one_before_the_epoch_is_an_error_of_the_layout() {
        let clock = Arc::new(ManualClock::new(Sonyflake::LAYOUT.epoch_unix_ms() - 1));
        let own = generator(&Sonyflake::LAYOUT, Place::FIRST, clock.clone(), Wait::Spin).unwrap();
        let epoch_unix_ms = Sonyflake::LAYOUT.epoch_unix_ms();
        let before = GenerateError::BeforeEpoch { unix_ms: epoch_unix_ms - 1, epoch_unix_ms };
        assert_eq!(own.generate(), Err(before));
        clock.advance(10);
        for sequence in 0..256 {
            assert_eq!(own.generate().map(u64::from), Ok(sequence << 16));
        }
        assert!(matches!(own.generate(), Err(GenerateError::ClockStalled { .. })));
        clock.advance(1);
        assert_eq!(own.generate().map(u64::from), Ok(1 << 24), "the tick after it");
    }

    /// Would catch: a `fill` that fails in the middle of a chunk, and leaves the issued IDs of that chunk out of the
    /// buffer.
    #[test]
    fn i6_a_buffer_refused_midway_holds_the_ids_that_were_issued() {
        let clock = Arc::new(ManualClock::new(Standard::LAYOUT.epoch_unix_ms()));
        let own = generator(&Standard::LAYOUT, Place::FIRST, clock.clone(), Wait::Spin).unwrap();
        own.generate().unwrap();
        let mut buffer = [Snowflake::MAX; 4200];
        let Err(error) = own.fill(&mut buffer) else { panic!("a tick has 4,096 IDs") };
        assert!(matches!(error.error(), GenerateError::ClockStalled { .. }), "{error:?}");
        assert_eq!(error.filled(), 4095);
        let (issued, rest) = buffer.split_at(4095);
        assert!(issued.iter().copied().map(u64::from).eq(1..4096));
        assert!(rest.iter().all(|id| *id == Snowflake::MAX), "the rest is as it was");
        assert_eq!(own.fill(&mut buffer), Err(FillError::new(0, error.error())));
        assert!(matches!(own.try_generate(), Err(GenerateError::Exhausted { .. })));
        clock.advance(1);
        assert_eq!(own.try_generate().map(u64::from), Ok(1 << 22));
    }

    /// A clock that always shows this Unix time, in nanoseconds.
    struct Nanos(u128);

    impl Clock for Nanos {
        fn unix_ms(&self) -> u64 {
            u64::try_from(self.0 / MS).unwrap()
        }

        fn precise_unix_ns(&self) -> u128 {
            self.0
        }
    }

    #[test]
    fn the_clock_stands_still_up_to_the_last_millisecond_of_a_tick() {
        let read = |nanos: u128| {
            let ticks = Ticks { clock: Box::new(Nanos(nanos)), epoch_unix_ms: 1_000, tick_ms: 10 };
            (ticks.unix_ms() - ORIGIN, ticks.precise_unix_ns() - u128::from(ORIGIN) * MS)
        };
        assert_eq!(read(1_010 * MS), (1, MS));
        assert_eq!(read(1_018 * MS + 999_999), (1, MS));
        assert_eq!(read(1_019 * MS + 7), (1, MS + 7), "it advances until the next tick");
        assert_eq!(read(1_020 * MS), (2, 2 * MS));
    }
}
