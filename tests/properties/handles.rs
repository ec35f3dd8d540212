//! Handles and the generator they are on, on a clock that may do anything.

use std::collections::HashSet;
use std::time::Duration;

use casflake::{Clock, GenerateError, GeneratorBuilder, Layout, ManualClock, Scheme, Snowflake, WorkerId};
use proptest::prelude::*;

/// 64 ticks of 8 IDs.
struct Small;

impl Scheme for Small {
    const LAYOUT: Layout = Layout::new(6, 0, 1, 3).with_epoch_unix_ms(1_000);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Advance(u64),
    Back(u64),
    /// Calls of the handle with this number: how many.
    Handle(usize, usize),
    /// A call of the generator itself.
    Single,
    /// Drops the handle with this number and puts a new one in its place.
    Renew(usize),
    ExtendFence(u64),
    Close,
}

const HANDLES: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..4_u64).prop_map(Step::Advance),
        2 => (0..6_u64).prop_map(Step::Back),
        16 => (0..HANDLES, 1..12_usize).prop_map(|(handle, calls)| Step::Handle(handle, calls)),
        4 => Just(Step::Single),
        1 => (0..HANDLES).prop_map(Step::Renew),
        1 => (0..70_u64).prop_map(Step::ExtendFence),
    ];
    (proptest::collection::vec(step, 1..80), any::<bool>()).prop_map(|(mut steps, close)| {
        if close {
            steps.insert(steps.len() * 3 / 4, Step::Close);
        }
        steps
    })
}

proptest! {
    #[test]
    fn i1_i3_i4_i8_handles_keep_the_promises_of_the_generator(
        steps in steps(),
        blocks in proptest::array::uniform3(0..20_u64),
        max_lead in 0..3_u64,
        strict in any::<bool>(),
        fence in prop_oneof![Just(64_u64), 1..64_u64],
    ) {
        let builder = GeneratorBuilder::new(WorkerId::<Small>::fixed_in::<0, 1>(), ManualClock::new(1_000));
        let builder = builder.max_lead(max_lead).strict(strict).fence(fence).max_wait(Duration::ZERO);
        let generator = builder.build().expect("settings that fit");
        let read_tick = || i64::try_from(generator.clock().unix_ms()).expect("a time") - 1_000;

        let mut handles = blocks.map(|block| generator.local(block));
        let mut last: [Option<Snowflake<Small>>; HANDLES] = [None; HANDLES];
        let mut all = HashSet::new();
        let (mut highest, mut closed) = (0, None);
        for step in steps {
            let outcomes: Vec<Result<Snowflake<Small>, GenerateError>> = match step {
                Step::Advance(ms) => {
                    generator.clock().advance(ms);
                    Vec::new()
                }
                Step::Back(ms) => {
                    generator.clock().step_back(ms);
                    Vec::new()
                }
                Step::Handle(handle, calls) => {
                    let outcomes: Vec<_> = (0..calls).map(|_| handles[handle].try_generate()).collect();
                    for id in outcomes.iter().flatten() {
                        prop_assert!(last[handle] < Some(*id), "{id:?} after {:?}", last[handle]);
                        last[handle] = Some(*id);
                    }
                    outcomes
                }
                Step::Single => vec![generator.try_generate()],
                Step::Renew(handle) => {
                    handles[handle] = generator.local(blocks[handle]);
                    last[handle] = None;
                    Vec::new()
                }
                Step::ExtendFence(fence) => {
                    let _ = generator.extend_fence(fence);
                    Vec::new()
                }
                Step::Close => {
                    closed = Some(generator.close());
                    Vec::new()
                }
            };
            let now_tick = read_tick();
            highest = highest.max(now_tick);
            for outcome in outcomes {
                let Ok(id) = outcome else {
                    let behind = matches!(outcome, Err(GenerateError::ClockBehind { .. }));
                    prop_assert!(!behind || now_tick < highest, "{outcome:?} although the clock never stepped back");
                    continue;
                };
                prop_assert!(closed.is_none(), "{id:?} although the generator was closed");
                prop_assert!(all.insert(id), "{id:?} was issued twice");
                let tick = i64::try_from(id.tick()).expect("a tick");
                let lead = i64::try_from(max_lead).expect("a lead");
                prop_assert!(tick <= highest + lead, "{id:?} is ahead of {highest}");
                prop_assert!(tick >= now_tick, "{id:?} is older than {now_tick}");
                prop_assert!(!strict || tick <= now_tick + lead, "{id:?} although the clock stands at {now_tick}");
                let last = i64::try_from(generator.last_tick().expect("an ID was issued")).expect("a tick");
                prop_assert!(!strict || last <= now_tick + lead, "{id:?} although {last} was issued before {now_tick}");
                prop_assert!(id.tick() < generator.fence() && id.worker() == 1);
            }
        }
        drop(handles);
        let stats = generator.stats();
        prop_assert_eq!(stats.ids - stats.unused, all.len() as u64);
        let bound = closed.unwrap_or_else(|| generator.close());
        prop_assert!(all.iter().map(|id| id.tick()).max() <= bound);
    }
}
