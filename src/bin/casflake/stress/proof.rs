//! The proof: one bit for each slot that an ID can come from, and no ID forgotten.
//!
//! Each thread marks its IDs on a page of its own, so that proving does not slow the threads down by contention. A
//! thread whose IDs increase never comes back to a page that it has left: it lays that page over the others' there,
//! where a bit that both have set is a repeat. A page that every thread has left is done, and its memory is free again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use casflake::{Layout, Scheme, Snowflake, WorkerId};

/// Slots on a page: 512 KiB of bits.
const PAGE_SLOTS: u64 = 1 << 22;

/// What was found wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// IDs that two threads got.
    pub(crate) repeats: u64,
    /// IDs that are not larger than the one that the same thread got before.
    pub(crate) out_of_order: u64,
    /// IDs that do not carry the generator's worker.
    pub(crate) foreign: u64,
}

pub(crate) struct Proof {
    shared: Mutex<Shared>,
}

struct Shared {
    /// Pages that some thread has left and some other has not.
    pages: BTreeMap<u64, Vec<u64>>,
    /// The page that each thread is on.
    at: Vec<u64>,
    verdict: Verdict,
}

impl Proof {
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            shared: Mutex::new(Shared { pages: BTreeMap::new(), at: vec![0; threads], verdict: Verdict::default() }),
        }
    }

    pub(crate) fn witness<S: Scheme>(&self, thread: usize, worker: WorkerId<S>) -> Witness<'_> {
        Witness {
            proof: self,
            thread,
            layout: S::LAYOUT,
            worker: (worker.datacenter(), worker.worker()),
            number: 0,
            page: Vec::new(),
            last: None,
            verdict: Verdict::default(),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).verdict
    }

    /// Lays `page` over the others' page of that number, and notes that `thread` goes on to the page `next`.
    fn leave(&self, thread: usize, number: u64, page: Vec<u64>, next: u64) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Shared { pages, at, verdict } = &mut *shared;
        match pages.get_mut(&number) {
            Some(others) => {
                for (mine, theirs) in page.iter().zip(others) {
                    verdict.repeats += u64::from((mine & *theirs).count_ones());
                    *theirs |= mine;
                }
            }
            None => {
                pages.insert(number, page);
            }
        }
        if let Some(at) = at.get_mut(thread) {
            *at = next;
        }
        let first_in_use = at.iter().min().copied().unwrap_or(u64::MAX);
        *pages = pages.split_off(&first_in_use);
    }
}

/// One thread's part in the proof: it is shown each ID that the thread gets.
pub(crate) struct Witness<'p> {
    proof: &'p Proof,
    thread: usize,
    layout: Layout,
    worker: (u64, u64),
    number: u64,
    page: Vec<u64>,
    last: Option<u64>,
    verdict: Verdict,
}

impl Witness<'_> {
    #[inline]
    pub(crate) fn see<S: Scheme>(&mut self, id: Snowflake<S>) {
        let parts = id.parts();
        self.verdict.foreign += u64::from((parts.datacenter, parts.worker) != self.worker);
        // IDs of one worker differ and are ordered just as their slots: no two slots share a bit.
        let slot = (parts.tick << self.layout.sequence_bits()) | parts.sequence;
        if self.last.is_some_and(|last| slot <= last) {
            self.verdict.out_of_order += 1;
            return;
        }
        self.last = Some(slot);
        if self.page.is_empty() || slot / PAGE_SLOTS != self.number {
            self.turn_to(slot / PAGE_SLOTS);
        }
        let at = slot % PAGE_SLOTS;
        if let Some(bits) = self.page.get_mut((at / 64) as usize) {
            *bits |= 1 << (at % 64);
        }
    }

    #[cold]
    fn turn_to(&mut self, number: u64) {
        let blank = vec![0; (PAGE_SLOTS / 64) as usize];
        let page = std::mem::replace(&mut self.page, blank);
        if !page.is_empty() {
            self.proof.leave(self.thread, self.number, page, number);
        }
        self.number = number;
    }

    /// Ends this thread's part.
    pub(crate) fn finish(mut self) {
        let page = std::mem::take(&mut self.page);
        self.proof.leave(self.thread, self.number, page, u64::MAX);
        let mut shared = self.proof.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.verdict.out_of_order += self.verdict.out_of_order;
        shared.verdict.foreign += self.verdict.foreign;
    }
}

#[cfg(test)]
mod tests {
    use casflake::{Parts, Scheme, Snowflake, Standard, WorkerId};

    use super::{Proof, Verdict};

    /// What the proof says of these ticks (each with its sequence 7), a list for each thread.
    fn verdict(threads: &[&[u64]]) -> Verdict {
        let proof = Proof::new(threads.len());
        for (thread, ticks) in threads.iter().enumerate() {
            let mut witness = proof.witness(thread, WorkerId::fixed::<1, 2>());
            for &tick in *ticks {
                let parts = Parts { tick, datacenter: 1, worker: 2, sequence: 7 };
                witness.see(Snowflake::<Standard>::from_parts(parts).unwrap());
            }
            witness.finish();
        }
        let shared = proof.shared.lock().unwrap();
        assert!(shared.pages.is_empty(), "pages that every thread has left are freed");
        shared.verdict
    }

    #[test]
    fn distinct_ids_in_order_are_good() {
        assert_eq!(verdict(&[&[1, 3, 5, 5000, 9000], &[2, 4, 6, 4999, 9001], &[]]), Verdict::default());
        assert_eq!(verdict(&[&[Standard::LAYOUT.max_tick()], &[0]]), Verdict::default());
    }

    #[test]
    fn an_id_that_two_threads_got_is_a_repeat() {
        assert_eq!(verdict(&[&[1, 3, 9000], &[2, 3, 9000]]), Verdict { repeats: 2, ..Verdict::default() });
        assert_eq!(verdict(&[&[7], &[7], &[7]]), Verdict { repeats: 2, ..Verdict::default() });
    }

    #[test]
    fn an_id_that_one_thread_got_twice_or_too_late_is_out_of_order() {
        assert_eq!(verdict(&[&[1, 1]]), Verdict { out_of_order: 1, ..Verdict::default() });
        assert_eq!(verdict(&[&[9000, 1, 9001]]), Verdict { out_of_order: 1, ..Verdict::default() });
    }

    #[test]
    fn an_id_of_another_worker_is_foreign() {
        let proof = Proof::new(1);
        let mut witness = proof.witness(0, WorkerId::fixed::<1, 3>());
        let parts = Parts { tick: 1, datacenter: 1, worker: 2, sequence: 0 };
        witness.see(Snowflake::<Standard>::from_parts(parts).unwrap());
        witness.finish();
        assert_eq!(proof.verdict(), Verdict { foreign: 1, ..Verdict::default() });
    }
}
