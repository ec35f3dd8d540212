//! Searches all reachable states breadth first. So the search finds each state by a shortest path.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};

use crate::explored::{Explored, Transition};
use crate::layer::{Layer, Packed};

/// The results of a search.
pub struct Search<M: Explored> {
    pub states: usize,
    pub transitions: usize,
    /// The number of steps to the furthest state.
    pub depth: usize,
    /// A shortest path to a state or an event that breaks a property; `None` if all properties hold.
    pub broken: Option<Trace<M>>,
}

/// A path from the first state to a state or an event that breaks a property. `events` has each event of the path and
/// the state after this event. If an event breaks the property, `last` is that event. If a state breaks the property,
/// the path ends with that state, and `last` is `None`.
pub struct Trace<M: Explored> {
    pub events: Vec<(M::Event, M::State)>,
    pub last: Option<M::Event>,
    pub broken: M::Broken,
}

impl<M: Explored> Trace<M> {
    pub fn steps(&self) -> usize {
        self.events.len() + usize::from(self.last.is_some())
    }
}

/// How the search found a state: by the event with the number `event`, from the state with the number `state`.
#[derive(Clone, Copy)]
struct Origin {
    state: u32,
    event: u16,
}

/// Explores `model`, and calls `check` on each state. The second argument of `check` is the state's digest.
pub fn search<M: Explored>(model: &M, check: impl Fn(&M::State, u64) -> Result<(), M::Broken>) -> Search<M> {
    let all = model.events();
    let mut seen: HashSet<u64, BuildHasherDefault<Digest>> = HashSet::default();
    let mut origins = Vec::new();
    let mut found = Search { states: 1, transitions: 0, depth: 0, broken: None };
    let mut layer = Layer::default();
    let mut packed = Packed::default();
    let first = packed.set(&model.canonical(model.beginning()));
    seen.insert(digest(first));
    layer.push(first);
    let mut number = 0;
    while !layer.is_empty() {
        let mut next_layer = Layer::default();
        for block in layer.blocks() {
            for (state, bytes) in block.states::<M::State>() {
                if let Err(broken) = check(&state, digest(bytes)) {
                    found.broken = Some(retraced(model, &all, &origins, number, None, broken));
                    return found;
                }
                for (event, index) in all.iter().zip(0_u16..) {
                    let next = match model.step(&state, *event) {
                        Transition::Never => continue,
                        Transition::Breaks(broken) => {
                            found.broken = Some(retraced(model, &all, &origins, number, Some(*event), broken));
                            return found;
                        }
                        Transition::To(next) => model.canonical(next),
                    };
                    found.transitions += 1;
                    let next = packed.set(&next);
                    if seen.insert(digest(next)) {
                        found.states += 1;
                        origins.push(Origin { state: number, event: index });
                        next_layer.push(next);
                    }
                }
                number = number.checked_add(1).expect("fewer states");
            }
        }
        layer = next_layer;
        found.depth += usize::from(!layer.is_empty());
    }
    found
}

/// Returns the path from the first state to the state with the number `number`. If `last` is an event, the path ends
/// with that event.
fn retraced<M: Explored>(
    model: &M,
    all: &[M::Event],
    origins: &[Origin],
    number: u32,
    last: Option<M::Event>,
    broken: M::Broken,
) -> Trace<M> {
    let mut path = Vec::new();
    let mut at = number;
    while at > 0 {
        let origin = origins[at as usize - 1];
        path.push(all[usize::from(origin.event)]);
        at = origin.state;
    }
    path.reverse();
    let (events, last) = model.retraced(&path, last);
    Trace { events, last, broken }
}

/// Returns the digest of a packed state. [`Digest`] fills up the last word with zeros. Nothing is lost by that,
/// because no packed state is the beginning of another one.
fn digest(packed: &[u8]) -> u64 {
    let mut digest = Digest::default();
    digest.write(packed);
    digest.finish()
}

/// A hash of 64 well mixed bits. In a search of 10^8 states, the probability that two states have the same hash is
/// below one in a thousand. If two states have the same hash, one of them is not explored.
#[derive(Default)]
struct Digest {
    mixed: u64,
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.mixed ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f;
        #[expect(clippy::cast_possible_truncation, reason = "both halves")]
        let folded = (product >> 64) as u64 ^ product as u64;
        self.mixed = folded.wrapping_add(word.rotate_left(32)).wrapping_mul(0xe703_7ed1_a0b4_28db);
    }

    fn finish(&self) -> u64 {
        let mixed = self.mixed ^ self.mixed >> 32;
        let mixed = mixed.wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ mixed >> 32
    }
}

impl<M: Explored> fmt::Display for Trace<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (event, state)) in self.events.iter().enumerate() {
            writeln!(f, "{:3}. {event:?}", number + 1)?;
            M::show(state, f)?;
        }
        if let Some(last) = self.last {
            writeln!(f, "{:3}. {last:?}", self.steps())?;
        } else {
            writeln!(f, "     then a process goes on alone")?;
        }
        writeln!(f, "     {:?}", self.broken)
    }
}

impl<M: Explored> Search<M> {
    pub fn report(&self, name: &str, time: std::time::Duration) {
        let Self { states, transitions, depth, .. } = self;
        println!("{name}: {states} states, {transitions} transitions, {depth} steps deep, {time:.1?}");
    }
}
