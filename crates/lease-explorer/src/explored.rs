//! `Explored`: the description of a family of models for the search.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A model that [`search`](crate::search) can explore.
pub trait Explored {
    type State: Clone + Serialize + DeserializeOwned;
    type Event: Copy + fmt::Debug;
    /// A property that does not hold.
    type Broken: fmt::Debug;

    fn beginning(&self) -> Self::State;

    /// Returns all events that the bounds of this model allow.
    fn events(&self) -> Vec<Self::Event>;

    /// Returns the result of `event`. The result is also `Never` if the next state is outside the bounds of the model.
    fn step(&self, state: &Self::State, event: Self::Event) -> Transition<Self::State, Self::Broken>;

    /// Returns the canonical form of `state`. The search counts two states as one state if they have the same canonical
    /// form.
    fn canonical(&self, state: Self::State) -> Self::State {
        state
    }

    /// Returns the events of `path`, each with the state after it, and the event `last`. Each event of `path`, and
    /// `last`, is an event of the canonical form of the state before it.
    fn retraced(&self, path: &[Self::Event], last: Option<Self::Event>) -> Retraced<Self> {
        let mut state = self.canonical(self.beginning());
        let events = path.iter().map(|&event| {
            let Transition::To(next) = self.step(&state, event) else { unreachable!("{event:?} has happened before") };
            state = self.canonical(next);
            (event, state.clone())
        });
        (events.collect(), last)
    }

    /// Writes `state` for people, in indented lines.
    ///
    /// # Errors
    /// Fails if `f` fails.
    fn show(state: &Self::State, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// The result of [`Explored::retraced`].
pub type Retraced<M> = (Vec<(<M as Explored>::Event, <M as Explored>::State)>, Option<<M as Explored>::Event>);

/// The result of an event.
pub enum Transition<S, B> {
    /// The event can't happen in this state, changes nothing, or leads to a state outside the model.
    Never,
    To(S),
    Breaks(B),
}
