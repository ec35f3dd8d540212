//! The CAS loop, and the two ways into it: quick, by a look at the clock that may lag, and precise.

use crate::backoff::after_a_loss;
use crate::clock::{Clock, ns_to_ms};
use crate::error::GenerateError;
use crate::refusal::Held;
use crate::scheme::Scheme;
use crate::settings::end;
use crate::sync::Ordering;
use crate::wait::Waiting;
use crate::word::{Cause, Limits, Refusal, Reservation, reserve, reserve_fast, signed};

use super::Generator;

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// 1 to `count` slots of one tick, after a wait where there are none.
    #[inline]
    pub(crate) fn reserve_or_wait(&self, count: u64) -> Result<Reservation, GenerateError> {
        match self.advance_at_once(count) {
            Some(slots) => Ok(slots),
            None => self.wait_for_slots(count),
        }
    }

    /// 1 to `count` slots of one tick, without a wait.
    #[inline]
    pub(crate) fn try_reserve(&self, count: u64) -> Result<Reservation, GenerateError> {
        match self.advance_at_once(count) {
            Some(slots) => Ok(slots),
            None => self.try_reserve_precisely(count),
        }
    }

    #[cold]
    fn wait_for_slots(&self, count: u64) -> Result<Reservation, GenerateError> {
        let waiting =
            Waiting { clock: &self.clock, settings: &self.settings, ledger: &self.ledger, lateness: &self.lateness };
        waiting.wait_for(|| self.advance_precisely(count))
    }

    #[cold]
    fn try_reserve_precisely(&self, count: u64) -> Result<Reservation, GenerateError> {
        self.advance_precisely(count).map_err(|held| {
            if held.is_behind() {
                self.ledger.book_clock_behind();
            }
            if held.is_exhausted() {
                self.ledger.book_exhausted();
            }
            held.error()
        })
    }

    /// `advance` by a look at the clock on the hot path, or `None` where a precise one has to decide.
    ///
    /// Read before the word, which takes a processor a quarter less than the other way round: the word's cache line is
    /// busy for a moment after the exchange of the call before. And read once, whatever is lost to others: the older it
    /// is the less it grants, and it refuses nothing.
    #[inline]
    fn advance_at_once(&self, count: u64) -> Option<Reservation> {
        let now = self.reading();
        self.advance(|word| reserve_fast(word, now, count, &self.limits()).ok_or(())).ok()
    }

    /// The CAS loop: the only code that hands out slots. `reserve` says which of them follow a word.
    #[inline]
    fn advance<E>(&self, mut reserve: impl FnMut(u64) -> Result<Reservation, E>) -> Result<Reservation, E> {
        let mut losses = 0;
        let outcome = loop {
            // ORDERING: Acquire, paired with the Release in the exchange: a clock that is read from here on is read
            // after the reading that the word rests on. Uniqueness and order would hold with Relaxed: slots are told
            // apart and put in order by the modification order of this one word, which all threads agree on.
            let word = self.word.load(Ordering::Acquire);
            let slots = match reserve(word) {
                Ok(slots) => slots,
                Err(refusal) => break Err(refusal),
            };
            // ORDERING: Release, paired with the load above; Relaxed on failure, for the word is loaded anew then. A
            // call that begins after another returned (happens-before) can't load an older word than that one wrote
            // (coherence), so that its slots come later.
            let exchange = self.word.compare_exchange_weak(word, slots.next(), Ordering::Release, Ordering::Relaxed);
            if exchange.is_ok() {
                if (word ^ slots.next()) >> S::LAYOUT.sequence_bits() != 0 {
                    self.book_ticks(word, slots);
                }
                break Ok(slots);
            }
            after_a_loss(losses);
            losses += 1;
        };
        if losses > 0 {
            self.ledger.book_cas_retries(losses);
        }
        outcome
    }

    /// Books the ticks that `slots` have moved `word` out of.
    #[cold]
    fn book_ticks(&self, word: u64, slots: Reservation) {
        for ids in slots.finished(word, S::LAYOUT.sequence_bits()) {
            if ids != 0 {
                self.ledger.book_tick(ids);
            }
        }
    }

    /// `advance` by the precise clock, before a refusal is final.
    ///
    /// Read after the word: whoever moved the word on had read the clock before, so that a word ahead of this reading
    /// tells of a clock that stepped back, and not of a reading that was old.
    #[cold]
    fn advance_precisely(&self, count: u64) -> Result<Reservation, Held<'_>> {
        let mut confirmed = false;
        loop {
            let outcome = self.advance(|word| {
                let unix_nanos = self.clock.unix_nanos();
                let now = S::LAYOUT.reading(ns_to_ms(unix_nanos));
                reserve(word, now, count, &self.limits()).map_err(|refusal| self.hold(refusal, unix_nanos))
            });
            match outcome {
                // One reading alone is no proof that the clock stepped back.
                Err(held) if held.is_behind() && !confirmed => confirmed = true,
                outcome => return outcome,
            }
        }
    }

    const fn hold(&self, refusal: Refusal, unix_nanos: u128) -> Held<'_> {
        Held { layout: S::LAYOUT, settings: &self.settings, refusal, unix_nanos }
    }

    #[inline]
    fn limits(&self) -> Limits {
        Limits {
            sequence_bits: S::LAYOUT.sequence_bits(),
            end: end::<S>(),
            initial: self.initial(),
            fence: self.fence(),
            max_lead: self.settings.max_lead,
            strict: self.settings.strict,
        }
    }

    /// For slots that were reserved before: refuses where a strict generator's clock has stepped back behind the last
    /// tick. `now` is a reading of the hot path.
    pub(crate) fn check_strictly(&self, now: i64) -> Result<(), GenerateError> {
        let max_lead = signed(self.settings.max_lead);
        let ahead_of = |now: i64, last: Option<u64>| last.filter(|&last| signed(last) > now.saturating_add(max_lead));
        if !self.settings.strict || ahead_of(now, self.last_tick()).is_none() {
            return Ok(());
        }
        let mut outcome = Ok(());
        // One reading alone is no proof that the clock stepped back.
        for _ in 0..2 {
            // Looked at before the clock, as in `advance_precisely`.
            let last = self.last_tick();
            let unix_nanos = self.clock.unix_nanos();
            let Some(last) = ahead_of(S::LAYOUT.reading(ns_to_ms(unix_nanos)), last) else { return Ok(()) };
            let refusal = Refusal::NotBegun { tick: last, cause: Cause::Behind { last } };
            outcome = Err(self.hold(refusal, unix_nanos).error());
        }
        self.ledger.book_clock_behind();
        outcome
    }

    /// The tick that the clock says it is, as the hot path reads it: it may lag.
    #[inline]
    pub(crate) fn reading(&self) -> i64 {
        S::LAYOUT.reading(self.clock.unix_millis())
    }
}
