//! `IdGenerator`: the promises that code relies on if it takes any generator, by a reference, a `Box` or an `Arc`.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

use casflake::{
    FillError, GenerateError, Generator, GeneratorBuilder, IdGenerator, ManualClock, Snowflake, Standard, Twitter,
    WorkerId,
};

const UNIX_MS: u64 = 1_735_689_600_000;
const WORKER: WorkerId = WorkerId::fixed::<1, 7>();
const PER_TICK: usize = 4096;
/// Longer than a tick, so that a call waits before it is refused.
const MAX_WAIT: Duration = Duration::from_millis(2);

fn generator() -> Generator<Standard, ManualClock> {
    GeneratorBuilder::new(WORKER, ManualClock::new(UNIX_MS)).max_wait(MAX_WAIT).build().expect("a generator")
}

/// Draws by each call in turn. 100 IDs fit in a tick.
#[track_caller]
fn assert_unique_and_increasing(ids: impl IdGenerator) {
    let mut last = None;
    let mut see = |id: Snowflake| {
        assert_eq!((id.unix_ms(), id.datacenter(), id.worker()), (UNIX_MS, 1, 7));
        assert!(last < Some(id), "{id:?} after {last:?}");
        last = Some(id);
    };
    for _ in 0..10 {
        see(ids.generate().expect("an ID"));
        see(ids.try_generate().expect("an ID"));
        let mut buffer = [Snowflake::MIN; 8];
        ids.fill(&mut buffer).expect("IDs");
        buffer.into_iter().for_each(&mut see);
    }
    assert_eq!(last.map(Snowflake::sequence), Some(99), "an ID was skipped");
}

#[test]
fn i2_a_generator_behind_a_dyn_reference_issues_unique_increasing_ids() {
    let ids: &dyn IdGenerator = &generator();
    assert_unique_and_increasing(ids);
}

#[cfg(feature = "alloc")]
#[test]
fn i2_a_generator_behind_a_dyn_box_issues_unique_increasing_ids() {
    let ids: Box<dyn IdGenerator> = Box::new(generator());
    assert_unique_and_increasing(ids);
}

#[cfg(feature = "alloc")]
#[test]
fn i2_a_generator_behind_a_dyn_arc_issues_unique_increasing_ids() {
    let ids: std::sync::Arc<dyn IdGenerator + Send + Sync> = std::sync::Arc::new(generator());
    assert_unique_and_increasing(ids);
}

#[cfg(feature = "alloc")]
#[test]
fn i1_threads_that_share_a_dyn_arc_get_different_ids() {
    use std::sync::Arc;
    use std::thread;

    const THREADS: usize = 4;
    let ids: Arc<dyn IdGenerator + Send + Sync> = Arc::new(generator());
    let draw = |ids: Arc<dyn IdGenerator + Send + Sync>| {
        let mut drawn = [Snowflake::MIN; PER_TICK / THREADS];
        for chunk in drawn.chunks_mut(16) {
            ids.fill(chunk).expect("IDs");
        }
        drawn
    };
    let threads: Vec<_> = (0..THREADS).map(|_| ids.clone()).map(|ids| thread::spawn(move || draw(ids))).collect();
    let mut all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().expect("IDs")).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), PER_TICK);
}

#[test]
fn i2_calls_through_the_trait_and_of_the_generator_itself_share_one_order() {
    let ids = generator();
    let any: &dyn IdGenerator = &ids;
    let mut buffer = [Snowflake::MIN; 1];
    any.fill(&mut buffer).expect("an ID");
    let drawn = [Ok(buffer[0]), ids.generate(), any.generate(), ids.try_generate(), any.try_generate()];
    assert_eq!(drawn.map(|id| id.expect("an ID").sequence()), [0, 1, 2, 3, 4]);
}

#[test]
fn i6_a_refusal_through_the_trait_is_that_of_the_generator() {
    let ids = generator();
    let any: &dyn IdGenerator = &ids;
    let mut buffer = [Snowflake::MIN; PER_TICK];
    any.fill(&mut buffer[..PER_TICK - 1]).expect("IDs");
    let stalled = GenerateError::ClockStalled { max_wait: MAX_WAIT };
    assert_eq!(any.fill(&mut buffer), Err(FillError::new(1, stalled)));
    assert_eq!(any.generate(), Err(stalled));
    assert!(matches!(any.try_generate(), Err(GenerateError::Exhausted { .. })), "{:?}", any.try_generate());
    ids.close();
    assert_eq!(any.generate(), Err(GenerateError::Closed));
}

#[test]
fn any_scheme_has_generators_behind_a_dyn_reference() {
    let ids = Generator::with_clock(WorkerId::<Twitter>::fixed_in::<1, 7>(), ManualClock::new(UNIX_MS));
    let any: &dyn IdGenerator<Twitter> = &ids;
    assert_eq!(any.generate().map(Snowflake::unix_ms), Ok(UNIX_MS));
}

/// Issues 1, 2, 3, up to a last ID, and counts its calls.
#[derive(Default)]
struct Numbers {
    issued: Cell<u64>,
    last: u64,
    generated: Cell<u32>,
    tried: Cell<u32>,
}

impl Numbers {
    fn up_to(last: u64) -> Self {
        Self { last, ..Self::default() }
    }

    fn next(&self, calls: &Cell<u32>) -> Result<Snowflake, GenerateError> {
        calls.set(calls.get() + 1);
        if self.issued.get() == self.last {
            return Err(GenerateError::Closed);
        }
        self.issued.set(self.issued.get() + 1);
        Ok(id(self.issued.get()))
    }
}

fn id(number: u64) -> Snowflake {
    Snowflake::try_from(number).expect("an ID")
}

impl IdGenerator for Numbers {
    fn generate(&self) -> Result<Snowflake, GenerateError> {
        self.next(&self.generated)
    }

    fn try_generate(&self) -> Result<Snowflake, GenerateError> {
        self.next(&self.tried)
    }
}

#[test]
fn the_default_fill_generates_each_id() {
    let ids = Numbers::up_to(9);
    let mut buffer = [Snowflake::MIN; 3];
    assert_eq!(ids.fill(&mut buffer), Ok(()));
    assert_eq!(buffer, [1, 2, 3].map(id));
    assert_eq!((ids.generated.get(), ids.tried.get()), (3, 0));
    assert_eq!(ids.fill(&mut []), Ok(()));
    assert_eq!(ids.generated.get(), 3, "an empty buffer needs no ID");
}

#[test]
fn i6_the_default_fill_reports_the_ids_that_it_has_written_and_leaves_the_rest() {
    let ids = Numbers::up_to(2);
    let mut buffer = [Snowflake::MAX; 4];
    assert_eq!(ids.fill(&mut buffer), Err(FillError::new(2, GenerateError::Closed)));
    assert_eq!(buffer, [id(1), id(2), Snowflake::MAX, Snowflake::MAX]);
    assert_eq!(ids.generated.get(), 3, "it stops at the first refusal");
}

/// Counts the calls of each kind. Each kind fails with another error.
#[derive(Default)]
struct Calls([AtomicU32; 3]);

impl Calls {
    fn call(&self, kind: usize) {
        // ORDERING: Relaxed. One thread; atomic only so that an `Arc` of it can be shared.
        self.0[kind].fetch_add(1, Ordering::Relaxed);
    }
}

const REFUSALS: [GenerateError; 3] = [GenerateError::Closed, GenerateError::ShutDown, GenerateError::OtherProcess];

impl IdGenerator for Calls {
    fn generate(&self) -> Result<Snowflake, GenerateError> {
        self.call(0);
        Err(REFUSALS[0])
    }

    fn try_generate(&self) -> Result<Snowflake, GenerateError> {
        self.call(1);
        Err(REFUSALS[1])
    }

    fn fill(&self, buffer: &mut [Snowflake]) -> Result<(), FillError> {
        self.call(2);
        Err(FillError::new(buffer.len(), REFUSALS[2]))
    }
}

#[track_caller]
fn assert_forwards(pointer: impl IdGenerator, calls: &Calls) {
    assert_eq!(pointer.generate(), Err(REFUSALS[0]));
    assert_eq!(pointer.try_generate(), Err(REFUSALS[1]));
    assert_eq!(pointer.fill(&mut [Snowflake::MIN; 5]), Err(FillError::new(5, REFUSALS[2])));
    // ORDERING: Relaxed, as above.
    assert_eq!(calls.0.each_ref().map(|count| count.swap(0, Ordering::Relaxed)), [1, 1, 1]);
}

/// Would catch: a pointer that fills by the default.
#[test]
fn a_pointer_forwards_each_call_to_the_same_call_of_its_generator() {
    let calls = Calls::default();
    assert_forwards(&calls, &calls);
    assert_forwards(&calls as &dyn IdGenerator, &calls);
    #[cfg(feature = "alloc")]
    {
        assert_forwards(Box::new(&calls), &calls);
        assert_forwards(std::sync::Arc::new(&calls), &calls);
        assert_forwards(Box::new(&calls) as Box<dyn IdGenerator + '_>, &calls);
    }
}
