//! The calls that a thread makes: all four kinds in turn.

use casflake::{Clock, GenerateError, Generator, Scheme, Snowflake};

/// Returns the steps of one thread. Each thread begins with another step.
pub(crate) fn steps(thread: usize, calls: usize) -> impl Iterator<Item = usize> {
    thread..thread + calls
}

/// Returns how many IDs a thread gets by its steps.
pub(crate) fn ids_of_steps(thread: usize, calls: usize) -> usize {
    steps(thread, calls).map(size).sum()
}

/// Returns how many IDs a step asks for: one, some, and sometimes more than a tick of the `Standard` scheme has.
fn size(step: usize) -> usize {
    match step % 4 {
        0 | 1 => 1,
        _ if step % 4096 > 4093 => 5_000,
        _ => step / 4 % 6 + 1,
    }
}

/// Makes the call of this step and adds its IDs. Adds none if the tick's IDs are used up and the call does not wait.
pub(crate) fn call<S: Scheme, C: Clock>(generator: &Generator<S, C>, step: usize, ids: &mut Vec<Snowflake<S>>) {
    let size = size(step);
    match step % 4 {
        0 => ids.push(generator.generate().expect("an ID")),
        1 => match generator.try_generate() {
            Ok(id) => ids.push(id),
            Err(GenerateError::Exhausted { .. }) => {}
            Err(error) => panic!("{error}"),
        },
        2 => ids.extend(generator.generate_batch(size).expect("a batch")),
        _ => {
            let begin = ids.len();
            ids.resize(begin + size, Snowflake::MIN);
            generator.fill(&mut ids[begin..]).expect("a buffer");
        }
    }
}
