//! Packed states. A packed [`World`](crate::world::World) takes at most a third of the memory of a `World`.

use std::iter;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest length of a block, in bytes.
const BLOCK: usize = 1 << 20;

/// The packed states at one depth of the search, in blocks. The states are in the order in which the search added them.
#[derive(Default)]
pub(crate) struct Layer {
    blocks: Vec<Block>,
}

/// A part of a layer: some packed states, one directly behind the other.
pub(crate) struct Block {
    bytes: Vec<u8>,
}

/// The packed form of one state. Two states have the same packed form only if they are equal.
#[derive(Default)]
pub(crate) struct Packed {
    bytes: Vec<u8>,
}

impl Layer {
    pub(crate) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    pub(crate) fn push(&mut self, packed: &[u8]) {
        if self.blocks.last().is_none_or(|block| block.bytes.len() + packed.len() > BLOCK) {
            self.blocks.push(Block { bytes: Vec::with_capacity(BLOCK) });
        }
        self.blocks.last_mut().expect("there is a block").bytes.extend_from_slice(packed);
    }

    /// Returns an iterator over the blocks. The caller can drop each block before taking the next one.
    pub(crate) fn blocks(self) -> impl Iterator<Item = Block> {
        self.blocks.into_iter()
    }
}

impl Block {
    /// Returns each state and its packed form.
    pub(crate) fn states<S: DeserializeOwned>(&self) -> impl Iterator<Item = (S, &[u8])> {
        let mut rest = &self.bytes[..];
        iter::from_fn(move || {
            let (state, after) =
                (!rest.is_empty()).then(|| postcard::take_from_bytes(rest).expect("a packed state"))?;
            let packed = &rest[..rest.len() - after.len()];
            rest = after;
            Some((state, packed))
        })
    }
}

impl Packed {
    /// Replaces this value with the packed form of `state`, and returns the bytes of this form.
    pub(crate) fn set(&mut self, state: &impl Serialize) -> &[u8] {
        let mut buffer = std::mem::take(&mut self.bytes);
        buffer.clear();
        self.bytes = postcard::to_extend(state, buffer).expect("a vector takes every byte");
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, Layer, Packed};
    use crate::world::World;

    /// Would catch: a block or a state that gets lost, so that a search ends early and finds nothing.
    #[test]
    fn a_layer_returns_each_state_that_was_added() {
        let (mut layer, mut packed) = (Layer::default(), Packed::default());
        let added = |number: u16| {
            let mut world = World::start();
            [world.now, world.high] = number.to_le_bytes();
            world.owners[1][13] = world.now;
            world
        };
        let mut length = 0;
        for number in 0..=u16::MAX {
            let bytes = packed.set(&added(number));
            length += bytes.len();
            layer.push(bytes);
        }
        assert!(length > 3 * BLOCK, "several blocks");
        assert!(length / 65_536 < size_of::<World>() / 3, "{} of {} bytes", length / 65_536, size_of::<World>());
        let mut numbers = 0..=u16::MAX;
        for block in layer.blocks() {
            assert!(block.bytes.len() <= BLOCK);
            for (world, bytes) in block.states() {
                assert_eq!(Some(world), numbers.next().map(added));
                assert_eq!(bytes, packed.set(&world));
            }
        }
        assert_eq!(numbers.next(), None);
    }
}
