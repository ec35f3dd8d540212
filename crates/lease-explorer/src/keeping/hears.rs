//! Gives an answer to a keeper: lets the keeper decide, carries out the effects, and checks the properties that a decision
//! can break.

use std::time::Duration;

use casflake_lease::_simulation::{Effect, Event, Next, Now, Step};

use super::answer::Answer;
use super::event::Reading;
use super::fault::Fault;
use super::model::Keepers;
use super::reports::check_reports;
use super::rows::row_of;
use super::state::{Doing, Loss, News, Process, Request, Told};
use crate::model::{held, name, small};
use crate::world::Held;

impl Keepers {
    /// Gives the keeper of a process an answer. `clock` is what the generator's clock reads. Returns `None` if the clock
    /// can't read that.
    pub(crate) fn hears(&self, process: &mut Process, answer: Answer, clock: Reading) -> Result<Option<()>, Fault> {
        let is_open = process.issuer().is_some();
        let remaining = match clock {
            // If no IDs can be issued, the window counts as over.
            Reading::Within => Some(if is_open { self.ttl() } else { Duration::ZERO }),
            Reading::Over if is_open => Some(Duration::ZERO),
            Reading::Over => return Ok(None),
            Reading::Panics => None,
        };
        let at = Duration::from_secs(process.at.into());
        let now = Now { at, remaining, store_clock_ns: None, has_ended: process.has_ended };
        let asked = match process.doing {
            Doing::Asks { request: Request::Renew { held, .. }, .. } => Some(held),
            _ => None,
        };
        let before = self.keeper(process.keeper);
        let event: Event = answer.event();
        let (after, Step { effects, next }) = (self.decide)(&before, event, &now);
        self.follows(row_of(answer, &before.held(), &after.held(), &effects, &next));
        let has_panicked = answer == Answer::Woken && clock == Reading::Panics && !matches!(next, Next::Close);
        let is_failure = answer.is_failure(asked.as_ref()) || has_panicked;
        check_reports(process, answer, is_failure, &now, &effects, &next)?;
        effects.iter().for_each(|effect| carry_out(process, effect));
        process.keeper = self.number(after.without_failures());
        self.check_the_window(process, answer, &now, &next)?;
        self.does(process, next)?;
        Ok(Some(()))
    }

    /// Checks that a generator is closed in time, and not too early.
    fn check_the_window(&self, process: &Process, answer: Answer, now: &Now, next: &Next) -> Result<(), Fault> {
        let is_open = process.generator.is_some_and(|generator| generator.is_open);
        let has_told = matches!(answer, Answer::NotRenewed { loss: Some(Loss::StoreChanged), .. });
        let knows_time = has_told || answer == Answer::Woken;
        let is_overdue = match process.past.told {
            Told::Forgotten(since) => {
                // A clock that panics does not say whether the window is over.
                let is_over = now.remaining.is_some_and(|remaining| remaining.is_zero());
                is_over || process.at - since >= self.limits.store.ttl
            }
            Told::Held | Told::Lost => false,
        };
        let may_go_on = !is_overdue && process.past.told != Told::Lost;
        match next {
            Next::Close if is_open && may_go_on => Err(Fault::ClosedEarly),
            Next::Close | Next::End => Ok(()),
            _ if is_open && process.past.told == Told::Lost => Err(Fault::Unclosed),
            _ if is_open && is_overdue && knows_time => Err(Fault::Overdue),
            _ => Ok(()),
        }
    }

    /// Begins what the keeper has decided to do next.
    fn does(&self, process: &mut Process, next: Next) -> Result<(), Fault> {
        process.doing = match next {
            Next::Rest(_) => {
                process.past.asks = 0;
                check_that_all_is_told(process)?;
                if !process.watch.is_settled && !process.watch.is_stale {
                    return Err(Fault::Distrusted);
                }
                Doing::Rests
            }
            Next::Look => Doing::Looks,
            Next::Renew { lease, unanswered } => {
                if unanswered > process.past.unanswered.into() {
                    return Err(Fault::Miscounted);
                }
                asks(process, Request::Renew { held: held(&lease, 0), unanswered: small(unanswered) })?
            }
            Next::Close => {
                // A loss is followed by one request for another lease.
                process.past.asks = 0;
                Doing::Closes
            }
            Next::DrawToken => Doing::Draws,
            Next::Acquire { token, after } => {
                let token = name(token);
                if process.past.outstanding.is_some_and(|outstanding| outstanding != token) {
                    return Err(Fault::TokenDropped);
                }
                if process.past.granted == Some(token) {
                    return Err(Fault::TokenReused);
                }
                process.past.outstanding = Some(token);
                asks(process, Request::Acquire { token, after: after.map(small) })?
            }
            Next::Publish { lease, from } => {
                let (lease, from): (Held, u8) = (held(&lease, 0), small(from));
                if from >= lease.until && !self.limits.deaf {
                    return Err(Fault::Useless { from, until: lease.until });
                }
                Doing::Publishes { lease, from }
            }
            Next::Release { lease, last_tick } => {
                let held = held(&lease, 0);
                let used = process.generator.filter(|generator| generator.token == held.token);
                let issued = used.and_then(|generator| generator.last);
                let request = Request::Release { held, last: last_tick.map(small), issued };
                Doing::Asks { request, reply: None, is_fresh: true }
            }
            Next::End => Doing::Ends,
            Next::Done { .. } => {
                check_that_all_is_told(process)?;
                Doing::Nothing
            }
        };
        Ok(())
    }
}

fn asks(process: &mut Process, request: Request) -> Result<Doing, Fault> {
    process.past.asks += 1;
    if process.past.asks > 1 {
        return Err(Fault::TooOften);
    }
    Ok(Doing::Asks { request, reply: None, is_fresh: true })
}

fn check_that_all_is_told(process: &Process) -> Result<(), Fault> {
    if process.past.owes.is_some() {
        return Err(Fault::Misreported);
    }
    if process.past.is_untold { Err(Fault::Untold) } else { Ok(()) }
}

fn carry_out(process: &mut Process, effect: &Effect) {
    match effect {
        Effect::Measure => process.watch.is_measured = true,
        Effect::Trust => process.watch.is_settled = process.watch.is_measured,
        Effect::ExtendFence(until) => {
            let Some(generator) = process.generator.as_mut().filter(|generator| generator.is_open) else { return };
            generator.fence = generator.fence.max(small(*until));
            process.past.is_untold = true;
        }
        Effect::Tell => process.past.is_untold = false,
        Effect::Renewed { .. } | Effect::Acquired { .. } => process.past.owes = None,
        Effect::Lost { .. } => process.past.owes_loss = false,
        Effect::SetClock { .. } | Effect::Recorded { .. } | Effect::Behind(_) => {}
        Effect::Failed { .. } | Effect::NotReleased { .. } | Effect::WindowEnded | Effect::Waiting(_) => {}
    }
}

impl Process {
    /// Records that the process was told that its lease is lost.
    pub(crate) fn is_told(&mut self, held: &Held, loss: Loss) {
        self.excuse(held.token);
        // While the window is used up, each renewal is answered with `StoreChanged`.
        self.past.owes_loss = loss != Loss::StoreChanged || self.past.told == Told::Held;
        self.past.told = match (loss, self.past.told) {
            (Loss::StoreChanged, told @ Told::Forgotten(_)) => told,
            (Loss::StoreChanged, _) => Told::Forgotten(self.at),
            _ => Told::Lost,
        };
    }

    /// Returns whether the keeper owes this report.
    pub(crate) fn owes(&self, news: News) -> bool {
        self.past.owes == Some(news)
    }
}
