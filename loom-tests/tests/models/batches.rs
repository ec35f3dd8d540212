//! Batches race single calls.

use std::sync::Arc;
use std::time::Duration;

use casflake::Snowflake;
use casflake_loom_tests::{Ids, Issued, Outcome, Time, exhaustive, generator_with, together};

use crate::take;

fn moving() -> Arc<Ids> {
    generator_with(|builder| builder.clock(Time::moving_from(1)))
}

fn fill(ids: &Ids) -> Vec<Outcome> {
    let mut buffer = [Snowflake::MIN; 3];
    ids.fill(&mut buffer).expect("the clock goes on");
    buffer.map(Ok).to_vec()
}

fn batch(ids: &Ids) -> Vec<Outcome> {
    let batch = ids.generate_batch(3).expect("the clock goes on");
    batch.into_iter().map(Ok).collect()
}

/// Would catch: a batch that reserves more slots than its tick has left, or that fills in other slots than it reserved.
#[test]
fn i1_a_buffer_that_spans_two_ticks_shares_no_id_with_a_single_call() {
    exhaustive(|| {
        let _: Issued = Issued::by(together(&moving(), [fill, |ids| take(ids, 2)]));
    });
}

/// Would catch: the same for `generate_batch`.
#[test]
fn i1_a_batch_that_spans_two_ticks_shares_no_id_with_a_single_call() {
    exhaustive(|| {
        let _: Issued = Issued::by(together(&moving(), [batch, |ids| take(ids, 2)]));
    });
}

/// Would catch: a batch refused midway that keeps back IDs which it has taken (I6): the next call would leave a gap.
#[test]
fn i6_a_batch_refused_midway_returns_the_ids_that_it_has_taken() {
    exhaustive(|| {
        let ids = generator_with(|builder| builder.max_wait(Duration::ZERO));
        let batch: fn(&Ids) -> Vec<Outcome> = |ids| {
            let refused = ids.generate_batch(3).expect_err("one tick has no room for three");
            refused.into_issued().into_iter().map(Ok).collect()
        };
        let issued = Issued::by(together(&ids, [batch, |ids| take(ids, 1)]));
        assert_eq!(issued.count(), 2, "all slots of the tick: {issued:?}");
    });
}
