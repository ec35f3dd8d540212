//! How the search explores a [`Model`], and the path to a state in the original names of processes and calls.

use std::fmt;

use crate::canon::Places;
use crate::event::Event;
use crate::explored::{Explored, Retraced};
use crate::model::{Broken, Model};
use crate::steps::Transition;
use crate::world::{LATE, PROCESSES, World};

impl Explored for Model {
    type State = World;
    type Event = Event;
    type Broken = Broken;

    fn beginning(&self) -> World {
        self.first_state()
    }

    fn events(&self) -> Vec<Event> {
        Event::all(self)
    }

    fn step(&self, world: &World, event: Event) -> Transition {
        match self.step_unbounded(world, event) {
            Transition::To(next) if !self.is_within(&next) => Transition::Never,
            outcome => outcome,
        }
    }

    fn canonical(&self, world: World) -> World {
        world.canonical(self.bounds.processes).0
    }

    /// In the path, processes and tokens keep their names from step to step.
    fn retraced(&self, path: &[Event], last: Option<Event>) -> Retraced<Self> {
        let (mut named, mut events) = (self.first_state(), Vec::new());
        let (mut canonical, mut places) = named.canonical(self.bounds.processes);
        for &event in path {
            let named_event = event.at(&places);
            let (Transition::To(next), Transition::To(next_named)) =
                (self.step(&canonical, event), self.step(&named, named_event))
            else {
                unreachable!("{event:?} has happened before");
            };
            named = next_named;
            let (next, moved) = next.canonical(self.bounds.processes);
            canonical = next;
            places = Places {
                processes: core::array::from_fn::<_, PROCESSES, _>(|place| places.processes[moved.processes[place]]),
                late: core::array::from_fn::<_, LATE, _>(|place| places.late[moved.late[place]]),
            };
            // If both places were empty, a late call may have taken either place.
            if (0..LATE).any(|place| canonical.late[place].is_some() != named.late[places.late[place]].is_some()) {
                places.late.reverse();
            }
            events.push((named_event, named));
        }
        (events, last.map(|event| event.at(&places)))
    }

    fn show(world: &World, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for store in &world.stores {
            writeln!(f, "       now {} server {} {:?}", world.now, store.server, store.data.space)?;
            let rows = store.data.rows.iter().enumerate();
            for (worker, row) in rows.filter_map(|(worker, row)| Some((worker, (*row)?))) {
                writeln!(f, "       worker {worker} {row:?}")?;
            }
        }
        Ok(())
    }
}
