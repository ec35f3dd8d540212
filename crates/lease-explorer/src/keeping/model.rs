//! The models of keepers: a store by the shipped rules, and processes with the shipped keeper.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use casflake_lease::_simulation::{Event, Keeper, Now, Step};

use super::bounds::Limits;
use super::event::Happening;
use super::fault::Fault;
use super::rows::ROWS;
use super::state::{Doing, State};
use crate::explored::{Explored, Transition};
use crate::model::{Model, SHIPPED};

/// A function that decides as [`Keeper::step`] does. A test can replace it by one without a clause.
pub type Decide = fn(&Keeper, Event, &Now) -> (Keeper, Step);

/// Decides by the shipped [`Keeper::step`].
#[must_use]
pub fn decided(keeper: &Keeper, event: Event, now: &Now) -> (Keeper, Step) {
    keeper.clone().step(event, now)
}

/// A store, and two processes with a keeper.
pub struct Keepers {
    pub limits: Limits,
    pub(crate) decide: Decide,
    pub(crate) store: Model,
    /// The keepers that occur in the states. A state has only their numbers, because a keeper is large, and few of them
    /// differ.
    table: RefCell<Table>,
    /// How often each row of the keeper's table of transitions occurred in a step of the search.
    rows: RefCell<[u64; ROWS]>,
    /// The row of the last decision, if there was one in the last step.
    row: Cell<Option<usize>>,
}

#[derive(Default)]
struct Table {
    keepers: Vec<Keeper>,
    numbers: HashMap<Keeper, u32>,
}

impl Keepers {
    #[must_use]
    pub fn new(limits: Limits, decide: Decide) -> Self {
        let (table, rows, row) = (RefCell::default(), RefCell::new([0; ROWS]), Cell::new(None));
        Self { limits, decide, store: Model::new(limits.store, SHIPPED), table, rows, row }
    }

    /// Returns how often each row of the keeper's table of transitions occurred in the search so far. The index is the
    /// number of the row; the index 0 is for transitions that no row describes.
    #[must_use]
    pub fn rows(&self) -> [u64; ROWS] {
        *self.rows.borrow()
    }

    /// Records that a decision follows this row of the table.
    pub(crate) fn follows(&self, row: usize) {
        self.row.set(Some(row));
    }

    pub(crate) fn keeper(&self, number: u32) -> Keeper {
        self.table.borrow().keepers[number as usize].clone()
    }

    /// Returns the number of `keeper`.
    pub(crate) fn number(&self, keeper: Keeper) -> u32 {
        let Table { keepers, numbers } = &mut *self.table.borrow_mut();
        *numbers.entry(keeper).or_insert_with_key(|keeper| {
            keepers.push(keeper.clone());
            u32::try_from(keepers.len() - 1).expect("few keepers")
        })
    }

    /// Returns the TTL. In these models a tick takes a second, so that no clamp of a rest has an effect.
    pub(crate) fn ttl(&self) -> Duration {
        Duration::from_secs(self.limits.store.ttl.into())
    }

    fn is_within(&self, state: &State) -> bool {
        let bounds = &self.limits.store;
        let is_counted = state.store.data.rows.iter().flatten().all(|row| row.counter <= bounds.counter);
        let is_bounded = state
            .processes
            .iter()
            .all(|process| process.past.unanswered <= bounds.unanswered && process.past.draws <= self.limits.draws);
        is_counted && is_bounded && state.losses <= bounds.losses
    }

    /// Returns the state after `event`, also if it is outside the bounds of the model; `None` if the event can't happen.
    pub(crate) fn after(&self, state: &State, event: Happening) -> Result<Option<State>, Fault> {
        let mut next = state.clone();
        Ok(self.happens(&mut next, event)?.map(|()| next))
    }
}

impl Explored for Keepers {
    type State = State;
    type Event = Happening;
    type Broken = Fault;

    fn beginning(&self) -> State {
        State::of(&self.store.beginning())
    }

    fn events(&self) -> Vec<Happening> {
        Happening::all(&self.limits)
    }

    fn step(&self, state: &State, event: Happening) -> Transition<State, Fault> {
        self.row.set(None);
        let next = match self.after(state, event) {
            Err(fault) => return Transition::Breaks(fault),
            Ok(next) => next.filter(|next| self.is_within(next)),
        };
        let Some(next) = next else { return Transition::Never };
        if let Some(row) = self.row.get() {
            self.rows.borrow_mut()[row] += 1;
        }
        // An event that changes nothing leads to no new state.
        if next == *state { Transition::Never } else { Transition::To(next) }
    }

    fn show(state: &State, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "       now {} server {} {:?}", state.now, state.store.server, state.store.data.space)?;
        let rows = state.store.data.rows.iter().enumerate();
        for (worker, row) in rows.filter_map(|(worker, row)| Some((worker, (*row)?))) {
            writeln!(f, "       worker {worker} {row:?}")?;
        }
        let processes = state.processes.iter().enumerate();
        for (place, process) in processes.filter(|(_, process)| process.doing != Doing::Nothing) {
            writeln!(f, "       process {place} {process:?}")?;
        }
        Ok(())
    }
}
