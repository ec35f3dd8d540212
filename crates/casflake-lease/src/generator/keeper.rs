//! `Keeper`: everything that the keeper of a lease decides, as a pure function. It has no thread, no clock and no store.
//!
//! [`Keeper::step`] takes one event and the time, and returns the effects that must be carried out now, and the one thing
//! to do next. The answer to that thing is the next event. The module `run` is the loop around `step`: it calls the store
//! and sleeps. The module `process` carries out the effects.
//!
//! # States
//! A keeper has a [`Held`], and awaits the answer to the last [`Next`].
//!
//! | `Held` | the store | the current generator |
//! |---|---|---|
//! | `Lease` | has recorded the lease for this process | issues IDs in the window |
//! | `Forgotten` | no longer knows the lease, because it has lost data | uses up the window, for one TTL at most, and for the call of the store that is under way then |
//! | `Nothing` | may have recorded a lease that this process does not use, or not yet: its request got no answer, or its generator is not published | is closed, or is closed next |
//!
//! # Transitions
//! Each row is one decision of `step`. In the column `next`, "rest" is [`Next::Rest`]; a rest is "failing" if the
//! keeper backs off because of a failure. Each `next` but `Done` has an answer, which the keeper then awaits. After a
//! `Release`, it awaits `Return` (row 22) or `LastRelease` (rows 23 and 25).
//!
//! There is "time left" while the window has not ended and the lease was forgotten less than one TTL ago. If the clock
//! of the generator has panicked, the end of the window is not known. Then row 11 applies, but row 4 waits for the TTL.
//!
//! | # | awaits | event | condition | held then | effects | next |
//! |---|---|---|---|---|---|---|
//! | 1 | `Rest` | `Woken` | the clock has panicked, and row 4 does not apply | as before | `Failed` | rest, failing |
//! | 2 | `Rest` | `Woken` | holds a lease | as before | `Measure` | `Renew` |
//! | 3 | `Rest` | `Woken` | forgotten, time left | as before | `Measure` | `Renew` |
//! | 4 | `Rest` | `Woken` | forgotten, no time left | `Nothing` | | `Close` |
//! | 5 | `Rest` | `Woken` | holds nothing, has a token | as before | `Measure` | `Acquire` |
//! | 6 | `Rest` | `Woken` | holds nothing, has no token | as before | | `DrawToken` |
//! | 7 | `Rest` | `Stopped` | | as before | | `End` |
//! | 8 | `Renewal` | `Renewed` | granted, the same lease | `Lease`, renewed | `ExtendFence`, `SetClock`, `Trust` | `Look` |
//! | 9 | `Renewal` | `Renewed` | granted, another lease | as before | `Failed` | rest, failing |
//! | 10 | `Renewal` | `Renewed` | lost, `StoreChanged`, time left | `Forgotten` | `Lost`, the first time | rest |
//! | 11 | `Renewal` | `Renewed` | lost, `StoreChanged`, no time left | `Nothing` | | `Close` |
//! | 12 | `Renewal` | `Renewed` | lost, another reason | `Nothing` | | `Close` |
//! | 13 | `Renewal` | `Renewed` | another error | as before | `Failed` | rest, failing |
//! | 14 | `Look` | `Looked` | after a renewal | as before | `Recorded`, `Tell`, `Renewed` | rest |
//! | 15 | `Look` | `Looked` | after a grant | as before | `Behind`, if the `StoreClock` was moved back; `Tell`, `Acquired` | rest |
//! | 16 | `Closing` | `Closed` | | as before | `Lost`, unless reported | `DrawToken` |
//! | 17 | `Token` | `Drawn` | a token | as before | `Measure` | `Acquire` |
//! | 18 | `Token` | `Drawn` | an error | as before | `Failed` | rest, failing |
//! | 19 | `Grant` | `Granted` | granted, with the token | as before | `SetClock`, `Trust` | `Publish` |
//! | 20 | `Grant` | `Granted` | an error, or another token | as before | `Failed` | rest, failing |
//! | 21 | `Publication` | `Published` | a generator | `Lease` | | `Look` |
//! | 22 | `Publication` | `Published` | no generator can be made | as before | `Failed` | `Release` |
//! | 23 | `Publication` | `Published` | the switch has ended | as before | | `Release` |
//! | 24 | `Return` | `Released` | | as before | `NotReleased`, if the release has failed | rest, failing |
//! | 25 | `Ending` | `Ended` | holds a lease | `Nothing` | `Tell` | `Release` |
//! | 26 | `Ending` | `Ended` | forgotten, or holds nothing | `Nothing` | `Tell` | `Done` |
//! | 27 | `LastRelease` | `Released` | | as before | | `Done` |
//!
//! The rows 1 to 6, and each row with `Failed`, also have the effect `WindowEnded` if the window has ended. A clock
//! that has panicked counts as the end. After a shutdown of the generator, `WindowEnded` is left out, and a failure is
//! recorded but not reported. The loop sends only the event that a keeper awaits. If `step` gets another event, the
//! keeper rests, failing.
//!
//! # What the keeper upholds
//! L1 to L11 are the invariants of a [store](crate::LeaseStore#invariants). These are the invariants of its client:
//!
//! | | invariant | where |
//! |---|---|---|
//! | L12 | No ID is issued outside the window, also after a jump of a clock, a suspend, a fork or a late reply. | `Measure` before each request, `Trust` after the answer; the fence; the watch |
//! | L13 | The old generator is closed before the next one is published, and the next window begins after the old one's last tick. | rows 4, 11, 12: except at the end, `Close` is the only way to `Nothing`; only `Nothing` leads to `Acquire` |
//! | L14 | A lease that was granted, but is not used, is released. | rows 22, 23, 25 |
//! | L15 | The fence follows the grant, never the request, and only the grant of the generator's own lease. | rows 8, 9 |
//! | L16 | A token is kept until a grant answers it, so that a retry after a lost reply gets the same lease. | rows 5, 19, 20 |
//! | L17 | Each setting reaches the generator. | `process::Plan` |
//! | L18 | No call loses IDs that it holds already. | `generator::progress` |
//! | L19 | Each wait is bounded. A call waits for `max_wait` in all, however often the lease changes. | `generator::call` |
//! | L20 | Between two rests, the store is asked at most once to grant or renew a lease, and a rest is not shorter than `FIRST_RETRY`. A loss is followed by one request for another lease without a rest. | rows 2, 3, 5, 6 follow a rest; row 17 follows row 6 or a loss |

mod answer;
#[cfg(feature = "_simulation")]
mod observed;
mod rest;
pub(super) mod run;
#[cfg(test)]
mod tests;
mod words;

use std::time::Duration;

use self::answer::is_renewal_of;
pub(super) use self::answer::{behind, require_token, set_clock};
pub use self::rest::{FIRST_RETRY, Rest};
pub use self::words::{Effect, Event, Held, Next, Now, Step, Unpublished};
use crate::error::{LostReason, StoreError};
use crate::lease::Lease;
use crate::request::Grant;
use crate::token::Token;

/// The state of the keeper of one leased generator. See the module's table of states.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Keeper {
    ttl: Duration,
    held: Held,
    awaits: Awaits,
    /// The number of renewals of the held lease that failed with an error other than `Lost` since the last grant or
    /// successful renewal. The store may have written any of these renewals, because perhaps only the reply was lost.
    unanswered: u64,
    /// The number of failures since the last success.
    failures: u32,
    /// The token of the last request for a lease, if that request got no reply that grants a lease.
    token: Option<Token>,
    /// The last tick in which any of the closed generators issued an ID.
    last_tick: Option<u64>,
}

/// The answer that the keeper awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Awaits {
    Rest,
    /// `asked_ns` is the reading of the `StoreClock` when the request was decided. The store reads its clock later than
    /// that, however long its answer takes.
    Renewal {
        asked_ns: Option<u64>,
    },
    Look(News),
    /// `lost` is the reason why the lease was lost, if that was not reported yet.
    Closing {
        lost: Option<LostReason>,
        worker: u64,
    },
    Token,
    /// `asked_ns` is the same as in `Renewal`.
    Grant {
        asked_ns: Option<u64>,
    },
    Publication {
        lease: Lease,
        behind: Option<Duration>,
    },
    /// The release of a lease of which no generator could be made.
    Return {
        worker: u64,
    },
    Ending,
    LastRelease {
        worker: u64,
    },
}

/// What the keeper reports after its next look at the clock. `behind` is the time by which the store's clock was behind
/// the `StoreClock`, if the `StoreClock` was moved back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum News {
    Acquired { behind: Option<Duration> },
    Renewed { behind: Option<Duration> },
}

impl Keeper {
    /// Returns the keeper of a lease that was just granted. The generator of this lease is published already. The first
    /// event of the keeper is `Looked`.
    pub fn of(ttl: Duration, lease: Lease, behind: Option<Duration>) -> Self {
        Self {
            ttl,
            held: Held::Lease(lease),
            awaits: Awaits::Look(News::Acquired { behind }),
            unanswered: 0,
            failures: 0,
            token: None,
            last_tick: None,
        }
    }

    /// Decides what follows from `event`. See the module's table of transitions.
    #[must_use]
    pub fn step(mut self, event: Event, now: &Now) -> (Self, Step) {
        let step = self.take(event, now);
        (self, step)
    }

    fn take(&mut self, event: Event, now: &Now) -> Step {
        match (self.awaits, event) {
            (Awaits::Rest, Event::Woken) => self.woken(now),
            (Awaits::Rest, Event::Stopped) => self.then(Awaits::Ending, Next::End),
            (Awaits::Renewal { asked_ns }, Event::Renewed(answer)) => self.renewed(answer, asked_ns, now),
            (Awaits::Look(news), Event::Looked) => self.looked(news, now),
            (Awaits::Closing { lost, worker }, Event::Closed(last_tick)) => {
                self.last_tick = self.last_tick.max(last_tick);
                // The grant of the lease that was lost has used up the token.
                self.then(Awaits::Token, Next::DrawToken).with(lost.map(|reason| self.lost(worker, reason)))
            }
            (Awaits::Token, Event::Drawn(Ok(token))) => {
                self.token = Some(token);
                self.ask_for_a_lease(now)
            }
            (Awaits::Grant { asked_ns }, Event::Granted(Ok(grant))) => self.granted(&grant, asked_ns, now),
            (Awaits::Token, Event::Drawn(Err(error))) | (Awaits::Grant { .. }, Event::Granted(Err(error))) => {
                self.failed(error, now)
            }
            (Awaits::Publication { lease, behind }, Event::Published(outcome)) => {
                self.published(lease, behind, outcome, now)
            }
            // The failure is counted already.
            (Awaits::Return { worker }, Event::Released(outcome)) => {
                let step = self.rest(Rest::after_failures(self.failures.saturating_sub(1), self.ttl));
                step.with(outcome.err().map(|error| Effect::NotReleased { worker, error }))
            }
            (Awaits::Ending, Event::Ended(last_tick)) => self.ended(last_tick),
            (Awaits::LastRelease { worker }, Event::Released(outcome)) => {
                Step { effects: Vec::new(), next: Next::Done { released: Some(worker), outcome } }
            }
            _ => self.rest(self.backing_off()),
        }
    }

    fn woken(&mut self, now: &Now) -> Step {
        // After one TTL a forgotten lease is given up even if the clock panics each time.
        let is_over = |since| now.remaining == Some(Duration::ZERO) || now.at.saturating_sub(since) >= self.ttl;
        let mut step = match self.held {
            Held::Forgotten { lease, since } if is_over(since) => self.give_up_the_lease(lease.worker, None),
            _ if now.remaining.is_none() => return self.failed(clock_panicked(), now),
            Held::Lease(lease) | Held::Forgotten { lease, .. } => self.ask_to_renew(lease, now),
            Held::Nothing => self.ask_for_a_lease(now),
        };
        if now.remaining.unwrap_or_default().is_zero() && !now.has_ended {
            step.effects.insert(0, Effect::WindowEnded);
        }
        step
    }

    fn renewed(&mut self, answer: Result<Grant, StoreError>, asked_ns: Option<u64>, now: &Now) -> Step {
        let (Held::Lease(lease) | Held::Forgotten { lease, .. }) = self.held else {
            return self.rest(self.backing_off());
        };
        match answer {
            Ok(grant) if is_renewal_of(&lease, &grant.lease) => self.is_renewed(&grant, asked_ns),
            Ok(Grant { lease: other, .. }) => {
                self.unanswered += 1;
                let why = format!("the store was asked to renew {lease:?}, but returned {other:?}");
                self.failed(StoreError::corrupt("the lease that was renewed", why), now)
            }
            Err(StoreError::Lost { reason: LostReason::StoreChanged, worker }) => self.forgotten(lease, worker, now),
            Err(StoreError::Lost { reason, worker }) => self.give_up_the_lease(worker, Some(reason)),
            Err(error) => {
                self.unanswered += 1;
                self.failed(error, now)
            }
        }
    }

    /// Uses the new end of the window. The fence is moved before the clock, because the clock may move beyond the old
    /// fence, and calls would then be refused.
    fn is_renewed(&mut self, grant: &Grant, asked_ns: Option<u64>) -> Step {
        (self.held, self.unanswered, self.failures) = (Held::Lease(grant.lease), 0, 0);
        let behind = behind(asked_ns, grant, self.ttl);
        let step = self.then(Awaits::Look(News::Renewed { behind }), Next::Look);
        step.with([Effect::ExtendFence(grant.lease.until), set_clock(grant, behind), Effect::Trust])
    }

    /// Lets the generator use up the window of a lease that the store has lost. No other process has the worker in this
    /// window. But if the generator's clock is behind the true time, the window would last too long by that clock. So
    /// the generator goes on for one TTL at most, and for the call of the store that is under way then.
    fn forgotten(&mut self, lease: Lease, worker: u64, now: &Now) -> Step {
        let (since, lost) = match self.held {
            Held::Forgotten { since, .. } => (since, None),
            _ => (now.at, Some(LostReason::StoreChanged)),
        };
        self.failures = 0;
        let left = self.left(since, now);
        if left.is_zero() {
            return self.give_up_the_lease(worker, lost);
        }
        self.held = Held::Forgotten { lease, since };
        let step = self.rest(Rest::after_success(left.min(self.ttl / 3), self.ttl));
        step.with(lost.map(|reason| self.lost(worker, reason)))
    }

    fn looked(&mut self, news: News, now: &Now) -> Step {
        let remaining = now.remaining.unwrap_or_default();
        let step = self.rest(Rest::until_renewal(remaining, self.ttl));
        let Held::Lease(lease) = self.held else { return step };
        match news {
            News::Renewed { behind } => {
                step.with([Effect::Recorded { lease, behind }, Effect::Tell, Effect::Renewed { lease, remaining }])
            }
            News::Acquired { behind } => {
                let step = step.with(behind.map(Effect::Behind));
                step.with([Effect::Tell, Effect::Acquired { lease, remaining }])
            }
        }
    }

    fn granted(&mut self, grant: &Grant, asked_ns: Option<u64>, now: &Now) -> Step {
        if let Err(error) = require_token(grant, self.token) {
            return self.failed(error, now);
        }
        self.token = None;
        let (lease, behind) = (grant.lease, behind(asked_ns, grant, self.ttl));
        // Even if a store ignores `after` in the request, the IDs of this process must not decrease.
        let from = self.last_tick.map_or(0, |last| last.saturating_add(1)).max(lease.from);
        let step = self.then(Awaits::Publication { lease, behind }, Next::Publish { lease, from });
        step.with([set_clock(grant, behind), Effect::Trust])
    }

    fn published(
        &mut self,
        lease: Lease,
        behind: Option<Duration>,
        outcome: Result<(), Unpublished>,
        now: &Now,
    ) -> Step {
        let release = Next::Release { lease, last_tick: None };
        match outcome {
            Ok(()) => {
                (self.held, self.unanswered, self.failures) = (Held::Lease(lease), 0, 0);
                self.then(Awaits::Look(News::Acquired { behind }), Next::Look)
            }
            Err(Unpublished::Unfit(error)) => {
                let Step { effects, .. } = self.failed(error, now);
                self.awaits = Awaits::Return { worker: lease.worker };
                Step { effects, next: release }
            }
            Err(Unpublished::Ended) => self.then(Awaits::LastRelease { worker: lease.worker }, release),
        }
    }

    fn ended(&mut self, last_tick: Option<u64>) -> Step {
        let held = std::mem::replace(&mut self.held, Held::Nothing);
        let step = match held {
            Held::Lease(lease) => {
                self.then(Awaits::LastRelease { worker: lease.worker }, Next::Release { lease, last_tick })
            }
            Held::Forgotten { .. } | Held::Nothing => {
                Step { effects: Vec::new(), next: Next::Done { released: None, outcome: Ok(()) } }
            }
        };
        step.with([Effect::Tell])
    }

    fn ask_to_renew(&mut self, lease: Lease, now: &Now) -> Step {
        let step = self
            .then(Awaits::Renewal { asked_ns: now.store_clock_ns }, Next::Renew { lease, unanswered: self.unanswered });
        step.with([Effect::Measure])
    }

    /// Closes the generator. The reason `lost` is reported afterwards, because the callback of the program may take a
    /// while.
    fn give_up_the_lease(&mut self, worker: u64, lost: Option<LostReason>) -> Step {
        self.held = Held::Nothing;
        self.then(Awaits::Closing { lost, worker }, Next::Close)
    }

    fn lost(&self, worker: u64, reason: LostReason) -> Effect {
        Effect::Lost { worker, reason, pause: rest::pause(self.ttl) }
    }

    fn ask_for_a_lease(&mut self, now: &Now) -> Step {
        let Some(token) = self.token else { return self.then(Awaits::Token, Next::DrawToken) };
        self.then(Awaits::Grant { asked_ns: now.store_clock_ns }, Next::Acquire { token, after: self.last_tick })
            .with([Effect::Measure])
    }

    fn failed(&mut self, error: StoreError, now: &Now) -> Step {
        let remaining = now.remaining.unwrap_or_default();
        let (pause, is_reported) = (rest::pause(self.ttl), !now.has_ended);
        let step = self.rest(self.backing_off().within(self.time_left(now)));
        self.failures = self.failures.saturating_add(1);
        let has_window_ended = remaining.is_zero() && is_reported;
        let step = step.with([Effect::Failed { error, remaining, pause, is_reported }]);
        step.with(has_window_ended.then_some(Effect::WindowEnded))
    }

    /// Returns how long the generator may still use the window of the forgotten lease; `Duration::MAX` if the lease is
    /// not forgotten.
    fn time_left(&self, now: &Now) -> Duration {
        match self.held {
            Held::Forgotten { since, .. } => self.left(since, now),
            Held::Lease(_) | Held::Nothing => Duration::MAX,
        }
    }

    /// Returns how long the generator may still use the window of a lease that is forgotten since the moment `since`.
    fn left(&self, since: Duration, now: &Now) -> Duration {
        let passed = now.at.saturating_sub(since);
        now.remaining.unwrap_or_default().min(self.ttl.saturating_sub(passed))
    }

    fn backing_off(&self) -> Rest {
        Rest::after_failures(self.failures, self.ttl)
    }

    fn rest(&mut self, rest: Rest) -> Step {
        self.then(Awaits::Rest, Next::Rest(rest))
    }

    fn then(&mut self, awaits: Awaits, next: Next) -> Step {
        self.awaits = awaits;
        Step { effects: Vec::new(), next }
    }
}

fn clock_panicked() -> StoreError {
    StoreError::unavailable("reading the clock of the generator", "it has panicked")
}
