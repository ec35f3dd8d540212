//! Reservations of slots: the fast path, and the CAS loop. The slow path is in `precise.rs`.

use crate::backoff::back_off;
use crate::clock::Clock;
use crate::error::GenerateError;
use crate::scheme::Scheme;
use crate::settings::end;
use crate::sync::Ordering;
use crate::word::{Limits, Reservation, reserve_fast};

use super::Generator;

impl<S: Scheme, C: Clock> Generator<S, C> {
    /// Reserves 1 to `count` slots of one tick. If the current tick is full, waits for the next tick.
    #[inline]
    pub(crate) fn reserve(&self, count: u64) -> Result<Reservation, GenerateError> {
        match self.reserve_fast(count) {
            Some(slots) => Ok(slots),
            None => self.reserve_precisely(count, true),
        }
    }

    /// Reserves 1 to `count` slots of one tick. Never waits.
    #[inline]
    pub(crate) fn try_reserve(&self, count: u64) -> Result<Reservation, GenerateError> {
        match self.reserve_fast(count) {
            Some(slots) => Ok(slots),
            None => self.reserve_precisely(count, false),
        }
    }

    /// Reserves slots according to the clock's fast reading. Returns `None` if the precise reading has to decide.
    ///
    /// Reads the clock before it loads the word. This order is a quarter faster than the opposite order, because the
    /// word's cache line stays busy for a moment after the previous call's compare-and-swap. `reserve_fast` reads the
    /// clock only once, even if its compare-and-swap fails and is repeated. The reading may then be old. This does no
    /// harm: an old reading never allows a tick that is later than the clock's highest reading allows. If the old
    /// reading allows no slot, the precise reading decides whether the call is refused.
    #[inline]
    fn reserve_fast(&self, count: u64) -> Option<Reservation> {
        let now_tick = self.now_tick();
        self.advance(|word| reserve_fast(word, now_tick, count, &self.limits()).ok_or(())).ok()
    }

    /// Runs the CAS loop. No other code hands out slots. In each round, calls `reserve` with the word. `reserve`
    /// returns the slots to reserve, or a refusal. A refusal ends the loop.
    #[inline]
    pub(super) fn advance<E>(&self, mut reserve: impl FnMut(u64) -> Result<Reservation, E>) -> Result<Reservation, E> {
        let mut failures = 0;
        let outcome = loop {
            // ORDERING: Acquire, paired with the Release of the exchange. A clock reading after this load is later than
            // the reading from which the word was computed. Uniqueness and order would hold with Relaxed, because they
            // follow from the modification order of this one word, on which all threads agree.
            let word = self.word.load(Ordering::Acquire);
            let slots = match reserve(word) {
                Ok(slots) => slots,
                Err(refusal) => break Err(refusal),
            };
            // ORDERING: Release, paired with the load above. Relaxed on failure, because the word is then loaded again.
            // If a call returns before another begins (happens-before), the second call can't load an older word than
            // the first call wrote (coherence). So the slots of the second call come later.
            let exchange = self.word.compare_exchange_weak(word, slots.next(), Ordering::Release, Ordering::Relaxed);
            if exchange.is_ok() {
                if (word ^ slots.next()) >> S::LAYOUT.sequence_bits() != 0 {
                    self.record_ticks(word, slots);
                }
                break Ok(slots);
            }
            back_off(failures);
            failures += 1;
        };
        if failures > 0 {
            self.counters.record_cas_retries(failures);
        }
        outcome
    }

    /// Records in the statistics the ticks that the reservation `slots` has finished. `word` is the word before the
    /// reservation. A tick is finished if no call will reserve a slot of the tick any more. A tick without reserved
    /// slots is not recorded. `advance` calls this function if the reservation has moved the word to a later tick.
    #[cold]
    fn record_ticks(&self, word: u64, slots: Reservation) {
        for ids in slots.finished(word, S::LAYOUT.sequence_bits()) {
            if ids != 0 {
                self.counters.record_tick(ids);
            }
        }
    }

    /// Returns the limits for a reservation. One of the limits is the present fence.
    #[inline]
    pub(super) fn limits(&self) -> Limits {
        Limits {
            sequence_bits: S::LAYOUT.sequence_bits(),
            end: end::<S>(),
            initial: self.initial(),
            fence: self.fence(),
            max_lead: self.settings.max_lead,
            strict: self.settings.strict,
        }
    }

    /// Returns the tick of the clock's fast reading, which may lag.
    #[inline]
    pub(crate) fn now_tick(&self) -> i64 {
        S::LAYOUT.signed_tick_at(self.clock.unix_ms())
    }
}
