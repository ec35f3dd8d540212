//! The loop around [`Start::step`]: it calls the store, waits and makes the first generator, on the thread that calls
//! `build`.

use std::thread;
use std::time::Duration;

use casflake::{Clock, Generator, Scheme};

use super::{Start, StartEvent, StartNext};
use crate::error::StoreError;
use crate::generator::events::Events;
use crate::generator::keeper::Effect;
use crate::generator::keeper::run::{asked, token};
use crate::generator::process::Parts;
use crate::generator::store_clock::StoreClock;
use crate::generator::watch::Watched;
use crate::lease::Lease;
use crate::panics::catching_panics;
use crate::store::LeaseStore;

/// The first lease of a generator.
pub(crate) struct First<S, C> {
    pub(crate) lease: Lease,
    pub(crate) generator: Generator<S, Watched<C>>,
    /// The time by which the store's clock was behind the `StoreClock`, if the `StoreClock` was moved back.
    pub(crate) behind: Option<Duration>,
}

/// Acquires the first lease, and makes its generator. Waits as long as [`Start`] says.
pub(crate) fn first_lease<S: Scheme, C: Clock + Clone>(
    store: &mut impl LeaseStore,
    parts: &mut Parts<C>,
    patience: Duration,
    creates: bool,
    events: &mut Events,
) -> Result<First<S, C>, StoreError> {
    let (mut start, mut next) = Start::new(parts.plan.ttl, patience, creates, parts.host.at());
    let mut made = None;
    loop {
        let event = match next {
            StartNext::DrawToken => StartEvent::Drawn(token()),
            StartNext::Acquire { token, missing } => {
                let request = parts.plan.request::<S>(token, None, missing);
                StartEvent::Granted(asked(|| store.acquire(&request)))
            }
            StartNext::Make(lease) => StartEvent::Made(parts.generator(&lease, lease.from).map(|generator| {
                made = Some(generator);
            })),
            StartNext::Release(lease) => {
                // If the release fails, the lease expires. The error may panic when it is dropped.
                let _ = catching_panics(|| drop(asked(|| store.release(&lease, None))));
                StartEvent::Released
            }
            StartNext::ListOthers => StartEvent::Listed(asked(|| store.others())),
            StartNext::Pause(time) => {
                thread::sleep(time);
                StartEvent::Paused
            }
            StartNext::Done { lease, behind } => match made.take() {
                Some(generator) => return Ok(First { lease, generator, behind }),
                // Never, because `Make` has made it.
                None => StartEvent::Paused,
            },
            StartNext::Fail(error) => return Err(error),
        };
        let store_clock_ns = parts.store_clock.as_ref().map(StoreClock::nanos);
        let (decided, step) = start.step(event, parts.host.at(), store_clock_ns);
        step.effects.into_iter().for_each(|effect| carry_out(effect, parts, events));
        (start, next) = (decided, step.next);
    }
}

/// Carries out an effect while there is no generator yet.
pub(crate) fn carry_out<C: Clock + Clone>(effect: Effect, parts: &mut Parts<C>, events: &mut Events) {
    match effect {
        Effect::Measure => parts.measure(),
        Effect::Trust => parts.trust(),
        Effect::SetClock { unix_ns, may_move_back } => parts.set_clock(unix_ns, may_move_back),
        Effect::Waiting(error) => events.waiting(&error, parts.host.at()),
        // `Start` decides no other effect.
        _ => {}
    }
}
