//! The operations of operators. An operator looks at a store, decides, and writes. If an operator vouches that no lease
//! is in use, the model also takes ticks away from their owners.

use casflake_lease::_protocol::Operation;

use crate::bounds::Operators;
use crate::model::{Broken, FIRST, Model, Tokens};
use crate::world::{NO_OWNER, Operator, TICKS, WORKERS, World};

impl Model {
    /// Makes an operator look at the store, and returns the operator's decision. If `vouches` is `true`, the operator
    /// wants to vouch that no lease is in use. Otherwise the operator wants to create a space. Returns `None` if there
    /// is nothing to write, or if the operator must not vouch now.
    fn operate(&self, world: &World, vouches: bool) -> Option<Operator> {
        let view = self.view(world, FIRST, Tokens::default());
        let operation = if vouches {
            (self.rules.init_immediately)(&view, self.terms.workers, &self.terms).ok()?
        } else {
            (self.rules.init)(&view, self.terms.workers, &self.terms)?
        };
        let (change, is_last) = match operation {
            Operation::Begin(change) => (change, false),
            Operation::Finish(change) => (change, true),
        };
        if vouches && is_last && is_any_in_use(world) && self.bounds.operators == Operators::Vouch {
            return None;
        }
        Some(Operator { vouches, swap: Some(self.decided(world, FIRST, &change, None)), is_last })
    }

    pub fn operator_begins(&self, world: &mut World) -> Option<()> {
        if world.operator.is_some() || world.operations >= self.bounds.operations {
            return None;
        }
        world.operations += 1;
        let vouches = self.bounds.operators != Operators::Create;
        world.operator = Some(self.operate(world, vouches)?);
        free_ticks_vouched_for(world);
        Some(())
    }

    pub fn operator_looks(&self, world: &mut World) -> Option<()> {
        let operator = world.operator.filter(|operator| operator.swap.is_none())?;
        // If there is nothing to create, the operation is finished.
        let decided = self.operate(world, operator.vouches);
        if operator.vouches && decided.is_none() {
            return None;
        }
        world.operator = decided;
        free_ticks_vouched_for(world);
        Some(())
    }

    pub fn operator_writes(&self, world: &mut World) -> Result<Option<()>, Broken> {
        let Some(Operator { swap: Some(swap), vouches, is_last }) = world.operator else { return Ok(None) };
        let is_done = self.land(world, &swap)?;
        world.operator = (!is_done || !is_last).then_some(Operator { vouches, swap: None, is_last: false });
        if is_done && is_last && self.bounds.operators == Operators::Deceive {
            deceive(world);
        }
        Ok(Some(()))
    }
}

/// Returns whether a process that was ever granted a lease still runs.
fn is_any_in_use(world: &World) -> bool {
    world.processes.iter().any(|process| process.home.is_some())
}

/// Frees all ticks from the present one on, if two conditions hold: an operator is about to write that no lease is in
/// use, and every process that was ever granted a lease has ended. The model assumes that the ended processes have
/// issued no IDs ahead of the store's clock.
fn free_ticks_vouched_for(world: &mut World) {
    if world.operator.is_some_and(|operator| operator.vouches && operator.is_last) && !is_any_in_use(world) {
        let now = usize::from(world.now);
        world.owners.iter_mut().for_each(|ticks| ticks[now..].fill(NO_OWNER));
    }
}

/// Frees all ticks, because an operator has vouched that no lease is in use. If a lease is in use after all, its holder
/// uses the lease until the holder hears from the store.
fn deceive(world: &mut World) {
    world.owners = [[NO_OWNER; TICKS]; WORKERS];
    world.is_deceived = is_any_in_use(world);
    world.processes.iter_mut().for_each(|process| process.is_warned = false);
}
