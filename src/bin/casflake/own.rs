//! Generators of a layout that is known at run time only: that of `--bits`.
//!
//! A generator's layout is a constant of its type, and a type for every layout there can be no program has. What the
//! constant decides, though, is only how many IDs a tick has. So there is a type for each width of the sequence, whose
//! timestamp is as wide as a generator's gets; its clock reads the layout's ticks, and its slots become the layout's
//! IDs.

use std::time::Duration;

use casflake::{
    Clock, GenerateError, Generator, GeneratorBuilder, Layout, Parts, Scheme, SettingError, Snowflake, Stats, Wait,
};

use crate::workers::Place;

/// The IDs of a layout that no type names: any number of 64 bits.
pub(crate) enum Own {}

impl Scheme for Own {
    const LAYOUT: Layout = Layout::new(62, 0, 2, 0);
}

/// What a command needs of a generator.
pub(crate) trait Draw<S>: Sync {
    fn generate(&self) -> Result<Snowflake<S>, GenerateError>;

    fn fill(&self, buffer: &mut [Snowflake<S>]) -> Result<(), GenerateError>;

    fn stats(&self) -> Stats;

    /// Returns the calls of a handle that reserves up to `block` IDs at once.
    fn handle(&self, block: u64) -> Box<dyn FnMut() -> Result<Snowflake<S>, GenerateError> + '_>;

    fn place(&self) -> Place;
}

/// Makes the generator of a worker. The layout [can generate](Layout::can_generate).
pub(crate) fn generator(
    layout: &Layout,
    place: Place,
    clock: impl Clock + Sync + 'static,
    wait: Wait,
) -> Result<Box<dyn Draw<Own>>, SettingError> {
    /// Picks the type by the width of the sequence.
    macro_rules! of_width {
        ($($width:literal)*) => {
            match layout.sequence_bits() {
                $($width => OwnGenerator::<$width>::boxed(layout, place, Box::new(clock), wait),)*
                // The timestamp has a bit at least.
                _ => OwnGenerator::<61>::boxed(layout, place, Box::new(clock), wait),
            }
        };
    }
    of_width!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40
        41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
    )
}

/// The milliseconds since a layout's epoch, and a sequence of so many bits.
enum Slots<const SEQUENCE: u32> {}

impl<const SEQUENCE: u32> Scheme for Slots<SEQUENCE> {
    const LAYOUT: Layout = Layout::new(62 - SEQUENCE, 0, 0, SEQUENCE).epoch_unix_ms(ORIGIN);
}

/// What [`Ticks`] reads at the layout's epoch. Not 0, so that a time before it is less.
const ORIGIN: u64 = 1;

/// A clock that stands still within a tick: it reads how many milliseconds after the layout's epoch the tick began.
struct Ticks {
    clock: Box<dyn Clock + Sync>,
    epoch: u64,
    tick_length: u64,
}

impl Ticks {
    /// Returns how long it is since the epoch, and when the tick began by that measure.
    fn began(&self, unix_ms: u64) -> Option<(u64, u64)> {
        let since = unix_ms.checked_sub(self.epoch)?;
        Some((since, since - since % self.tick_length))
    }
}

const MS: u128 = 1_000_000;

impl Clock for Ticks {
    fn unix_millis(&self) -> u64 {
        self.began(self.clock.unix_millis()).map_or(0, |(_, began)| began.saturating_add(ORIGIN))
    }

    /// Within the last millisecond of a tick this goes on to the next, so that a sleep until then is not too long.
    fn unix_nanos(&self) -> u128 {
        let nanos = self.clock.unix_nanos();
        let Some((since, began)) = self.began(u64::try_from(nanos / MS).unwrap_or(u64::MAX)) else { return 0 };
        let is_last = since - began == self.tick_length - 1;
        let within = if is_last { nanos % MS } else { 0 };
        u128::from(began.saturating_add(ORIGIN)) * MS + within
    }

    fn elapsed(&self) -> Option<Duration> {
        self.clock.elapsed()
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
        let ticks = Ticks { clock, epoch: layout.epoch(), tick_length: layout.tick_length() };
        let end = (u128::from(layout.max_tick()) + 1) * u128::from(layout.tick_length());
        let room = Slots::<SEQUENCE>::LAYOUT.max_tick() + 1;
        let patience = Duration::from_millis(layout.tick_length().saturating_mul(2).max(100));
        let generator = GeneratorBuilder::new(first_worker::<SEQUENCE>(), ticks)
            .wait(wait)
            .max_wait(patience)
            .fence(u64::try_from(end).unwrap_or(u64::MAX).min(room))
            .build()?;
        Ok(Box::new(Self { generator, layout: *layout, place }))
    }

    /// Returns the layout's ID for a slot.
    fn id(&self, slot: Snowflake<Slots<SEQUENCE>>) -> Result<Snowflake<Own>, GenerateError> {
        let Parts { tick: began, sequence, .. } = slot.parts();
        let Place { datacenter, worker } = self.place;
        let tick = began / self.layout.tick_length();
        let id = self.layout.encode(Parts { tick, datacenter, worker, sequence }).and_then(Snowflake::try_from);
        id.map_err(|_| self.out_of_ticks())
    }

    const fn out_of_ticks(&self) -> GenerateError {
        GenerateError::OutOfTicks { max_tick: self.layout.max_tick() }
    }

    /// Returns the error as one of the layout.
    fn refused(&self, error: GenerateError) -> GenerateError {
        match error {
            GenerateError::Fenced { .. } | GenerateError::OutOfTicks { .. } => self.out_of_ticks(),
            GenerateError::BeforeEpoch { .. } => GenerateError::BeforeEpoch {
                unix_ms: self.generator.clock().clock.unix_millis(),
                epoch_unix_ms: self.layout.epoch(),
            },
            error => error,
        }
    }
}

const fn first_worker<const SEQUENCE: u32>() -> casflake::WorkerId<Slots<SEQUENCE>> {
    casflake::WorkerId::fixed_in::<0, 0>()
}

impl<const SEQUENCE: u32> Draw<Own> for OwnGenerator<SEQUENCE> {
    fn generate(&self) -> Result<Snowflake<Own>, GenerateError> {
        self.generator.generate().map_err(|error| self.refused(error)).and_then(|slot| self.id(slot))
    }

    fn fill(&self, buffer: &mut [Snowflake<Own>]) -> Result<(), GenerateError> {
        let mut slots = [Snowflake::MIN; 256];
        for places in buffer.chunks_mut(slots.len()) {
            let (slots, _) = slots.split_at_mut(places.len());
            self.generator.fill(slots).map_err(|error| self.refused(error.cause()))?;
            for (place, slot) in places.iter_mut().zip(slots) {
                *place = self.id(*slot)?;
            }
        }
        Ok(())
    }

    fn stats(&self) -> Stats {
        let mut stats = self.generator.stats();
        stats.last_tick = stats.last_tick.map(|began| began / self.layout.tick_length());
        stats
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
        Clock, GenerateError, Generator, GeneratorBuilder, ManualClock, Scheme, Sonyflake, Standard, Wait, WorkerId,
    };
    use proptest::prelude::*;

    use super::{MS, ORIGIN, Ticks, generator};
    use crate::workers::Place;

    /// Generators of the same worker and clock, one by the type and one by the value of the layout.
    fn draws_the_same<S: Scheme>(steps: &[(i64, u8)]) -> Result<(), TestCaseError> {
        let layout = S::LAYOUT;
        let clock = Arc::new(ManualClock::new(layout.epoch() + 1_000_000_000));
        let place = Place { datacenter: layout.max_datacenter(), worker: 5 };
        let own = generator(&layout, place, clock.clone(), Wait::Spin).expect("a generator");
        let worker = WorkerId::<S>::new_in(place.datacenter, place.worker).expect("a worker");
        let typed: Generator<S, _> = GeneratorBuilder::new(worker, clock.clone()).build().expect("a generator");
        for &(step, count) in steps {
            clock.set(clock.unix_millis().saturating_add_signed(step));
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
        fn i1_a_layout_that_no_type_names_gives_the_ids_of_the_type_that_does(
            steps in prop::collection::vec((-30..50_i64, 0..5_u8), 1..20)
        ) {
            draws_the_same::<Standard>(&steps)?;
            draws_the_same::<Sonyflake>(&steps)?;
        }
    }

    #[test]
    fn i4_a_clock_that_stands_still_or_is_before_the_epoch_is_an_error_of_the_layout() {
        let clock = Arc::new(ManualClock::new(Sonyflake::LAYOUT.epoch() - 1));
        let own = generator(&Sonyflake::LAYOUT, Place::FIRST, clock.clone(), Wait::Spin).unwrap();
        let epoch_unix_ms = Sonyflake::LAYOUT.epoch();
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

    /// A time in nanoseconds.
    struct Nanos(u128);

    impl Clock for Nanos {
        fn unix_millis(&self) -> u64 {
            u64::try_from(self.0 / MS).unwrap()
        }

        fn unix_nanos(&self) -> u128 {
            self.0
        }
    }

    #[test]
    fn a_tick_is_one_moment_up_to_its_last_millisecond() {
        let read = |nanos: u128| {
            let ticks = Ticks { clock: Box::new(Nanos(nanos)), epoch: 1_000, tick_length: 10 };
            (ticks.unix_millis() - ORIGIN, ticks.unix_nanos() - u128::from(ORIGIN) * MS)
        };
        assert_eq!(read(1_010 * MS), (10, 10 * MS));
        assert_eq!(read(1_018 * MS + 999_999), (10, 10 * MS));
        assert_eq!(read(1_019 * MS + 7), (10, 10 * MS + 7), "how long it is until the next");
        assert_eq!(read(1_020 * MS), (20, 20 * MS));
    }
}
