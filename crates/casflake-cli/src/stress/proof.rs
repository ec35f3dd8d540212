//! The proof that IDs are distinct, and that the IDs of each thread increase. The proof has one bit for each slot that
//! an ID can come from. If an ID comes after the earlier IDs of its thread, the ID is in order, and the thread sets the
//! bit of the slot. An ID that is out of order sets no bit, but makes the proof fail.
//!
//! The proof compares slots, which are pairs of a tick and a sequence number, and not whole IDs. Two IDs of one worker
//! are the same exactly if their slots are the same. If a leased generator changes its worker, the new worker begins
//! after the last tick of the old worker. So no slot may come twice in this case, either.
//!
//! The slots are divided into numbered pages. Each thread marks its IDs on a page that only this thread writes to, so
//! that contention does not slow the threads down. When a thread leaves a page, it merges the page into a shared page
//! of the same number. If a bit is set in both pages, an ID was issued twice. A thread never returns to a page that it
//! has left, because the thread marks only increasing IDs. When every thread is on a page with a higher number or has
//! finished, a shared page is no longer needed, and its memory is freed.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use casflake::{Layout, Snowflake};

use crate::workers::Place;

/// The number of slots that one page covers. A page has one bit per slot, so it takes 512 KiB.
const PAGE_SLOTS: u64 = 1 << 22;

/// The page number of a thread that has finished. It is higher than the number of every page.
const FINISHED: u64 = u64::MAX;

/// The faults that the proof has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The number of repeats. If `n` threads get an ID from the same slot, this counts as `n - 1` repeats. An ID that
    /// is out of order in its thread does not count.
    pub(crate) repeats: u64,
    /// The number of IDs that are out of order in their thread. Each new ID is compared with the thread's last ID that
    /// was in order. The new ID is out of order if it is not larger than that last ID, or if its slot is not after the
    /// slot of that last ID.
    pub(crate) out_of_order: u64,
    /// The number of IDs that can't be decoded, that change if they are decoded and encoded again, or that do not carry
    /// the generator's worker. With a lease the worker is not checked.
    pub(crate) foreign: u64,
}

pub(crate) struct Proof {
    shared: Mutex<Pages>,
}

/// The shared pages, and the faults that were found.
struct Pages {
    /// The shared pages, by number. A shared page is created when the first thread leaves its own page of that number.
    /// It is freed when every thread is on a page with a higher number, or has finished.
    pages: BTreeMap<u64, Page>,
    /// For each thread, the number of the page that the thread is on.
    at: Vec<u64>,
    verdict: Verdict,
}

type Page = Vec<u64>;

fn blank() -> Page {
    vec![0; (PAGE_SLOTS / 64) as usize]
}

impl Proof {
    pub(crate) fn new(threads: usize) -> Self {
        Self { shared: Mutex::new(Pages { pages: BTreeMap::new(), at: vec![0; threads], verdict: Verdict::default() }) }
    }

    /// Returns the witness for thread number `thread`. The number must be less than the proof's number of threads.
    pub(crate) fn witness<S>(&self, thread: usize, layout: Layout, place: Option<Place>) -> Witness<'_, S> {
        Witness {
            proof: self,
            thread,
            layout,
            place,
            number: None,
            page: blank(),
            last: None,
            verdict: Verdict::default(),
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.lock().verdict
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Merges the page of a thread into the shared page of the same number, and counts repeats.
    fn merge(&mut self, number: u64, page: Page) {
        let Some(others) = self.pages.get_mut(&number) else {
            self.pages.insert(number, page);
            return;
        };
        for (mine, theirs) in page.iter().zip(others) {
            self.verdict.repeats += u64::from((mine & *theirs).count_ones());
            *theirs |= mine;
        }
    }

    /// Records that `thread` moves on to the page `number`, and frees the pages that every thread has left.
    #[expect(clippy::indexing_slicing, reason = "a wrong index must panic: otherwise the proof would have a gap")]
    fn move_on(&mut self, thread: usize, number: u64) {
        self.at[thread] = number;
        let first_in_use = self.at.iter().min().copied().unwrap_or(FINISHED);
        self.pages = self.pages.split_off(&first_in_use);
    }
}

/// The part of the proof that belongs to one thread. The thread shows each of its IDs to its witness.
pub(crate) struct Witness<'p, S> {
    proof: &'p Proof,
    thread: usize,
    /// The worker that all IDs must carry; `None` if a lease may change the worker.
    place: Option<Place>,
    layout: Layout,
    /// The number of `page`; `None` before the first ID.
    number: Option<u64>,
    page: Page,
    /// The last ID that was in order, and its slot.
    last: Option<(Snowflake<S>, u64)>,
    verdict: Verdict,
}

impl<S> Witness<'_, S> {
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "a wrong index must panic: otherwise the proof would have a gap")]
    pub(crate) fn see(&mut self, id: Snowflake<S>) {
        let Ok(parts) = self.layout.decode(id.as_u64()) else {
            self.verdict.foreign += 1;
            return;
        };
        let place = Place { datacenter: parts.datacenter, worker: parts.worker };
        let is_own = self.place.is_none_or(|own| own == place);
        let is_whole = self.layout.encode(parts) == Ok(id.as_u64());
        self.verdict.foreign += u64::from(!(is_own && is_whole));

        // Each slot has a bit of its own. The comment at the top says why slots are compared, and not IDs.
        let slot = (parts.tick << self.layout.sequence_bits()) | parts.sequence;
        if self.last.is_some_and(|(last_id, last_slot)| id <= last_id || slot <= last_slot) {
            self.verdict.out_of_order += 1;
            return;
        }
        self.last = Some((id, slot));
        if self.number != Some(slot / PAGE_SLOTS) {
            self.turn_to(slot / PAGE_SLOTS);
        }
        let bit = slot % PAGE_SLOTS;
        self.page[(bit / 64) as usize] |= 1 << (bit % 64);
    }

    #[cold]
    fn turn_to(&mut self, number: u64) {
        let mut shared = self.proof.lock();
        if let Some(before) = self.number.replace(number) {
            shared.merge(before, mem::replace(&mut self.page, blank()));
        }
        shared.move_on(self.thread, number);
    }

    /// Merges the thread's last page, and adds the faults that this witness has found to the verdict of the proof. From
    /// then on, no shared page is kept for this thread.
    pub(crate) fn finish(self) {
        let mut shared = self.proof.lock();
        if let Some(number) = self.number {
            shared.merge(number, self.page);
        }
        shared.move_on(self.thread, FINISHED);
        shared.verdict.out_of_order += self.verdict.out_of_order;
        shared.verdict.foreign += self.verdict.foreign;
    }
}

#[cfg(test)]
mod tests {
    use casflake::{Parts, Scheme, Snowflake, Standard};

    use super::{Place, Proof, Verdict};

    fn id(tick: u64) -> Snowflake {
        Snowflake::from_parts(Parts { tick, datacenter: 1, worker: 2, sequence: 7 }).unwrap()
    }

    /// Returns the verdict on threads that run one after the other. `threads` has one list of ticks for each thread.
    /// The thread gets one ID from each tick in its list.
    fn verdict(threads: &[&[u64]]) -> Verdict {
        let proof = Proof::new(threads.len());
        for (thread, ticks) in threads.iter().enumerate() {
            let mut witness = proof.witness(thread, Standard::LAYOUT, Some(Place { datacenter: 1, worker: 2 }));
            ticks.iter().for_each(|&tick| witness.see(id(tick)));
            witness.finish();
        }
        assert!(proof.lock().pages.is_empty(), "pages that every thread has left are freed");
        proof.verdict()
    }

    fn repeats(count: u64) -> Verdict {
        Verdict { repeats: count, ..Verdict::default() }
    }

    #[test]
    fn distinct_ids_in_order_are_good() {
        assert_eq!(verdict(&[&[1, 3, 5, 5000, 9000], &[2, 4, 6, 4999, 9001], &[]]), Verdict::default());
        assert_eq!(verdict(&[&[Standard::LAYOUT.max_tick()], &[0]]), Verdict::default());
    }

    #[test]
    fn an_id_that_two_threads_got_is_a_repeat() {
        assert_eq!(verdict(&[&[1, 3, 9000], &[2, 3, 9000]]), repeats(2));
        assert_eq!(verdict(&[&[7], &[7], &[7]]), repeats(2));
        assert_eq!(verdict(&[&[1], &[7], &[7]]), repeats(1), "between the later two");
        assert_eq!(verdict(&[&[1023, 1024], &[1023], &[1024]]), repeats(2));
    }

    #[test]
    fn a_thread_without_an_id_hides_no_repeat() {
        assert_eq!(verdict(&[&[], &[7], &[7]]), repeats(1));
        assert_eq!(verdict(&[&[7], &[], &[7], &[]]), repeats(1));
    }

    /// One thread runs several pages ahead while the other thread is still on its first page.
    #[test]
    fn pages_wait_for_the_slowest_thread() {
        let proof = Proof::new(2);
        let witness =
            |thread| proof.witness::<Standard>(thread, Standard::LAYOUT, Some(Place { datacenter: 1, worker: 2 }));
        let (mut fast, mut slow) = (witness(0), witness(1));
        slow.see(id(5000));
        (5000..9000).for_each(|tick| fast.see(id(tick)));
        assert_eq!(proof.lock().pages.len(), 4);
        (8000..8100).for_each(|tick| slow.see(id(tick)));
        assert_eq!(proof.lock().pages.len(), 1, "the slow one is on the page before the fast one's");
        fast.finish();
        slow.finish();
        assert_eq!(proof.verdict(), repeats(1 + 100));
    }

    #[test]
    fn an_id_that_one_thread_got_twice_or_too_late_is_out_of_order() {
        assert_eq!(verdict(&[&[1, 1]]), Verdict { out_of_order: 1, ..Verdict::default() });
        assert_eq!(verdict(&[&[9000, 1, 9001]]), Verdict { out_of_order: 1, ..Verdict::default() });
    }

    #[test]
    fn an_id_of_another_worker_is_foreign() {
        let proof = Proof::new(1);
        let mut witness = proof.witness(0, Standard::LAYOUT, Some(Place { datacenter: 1, worker: 3 }));
        witness.see(id(1));
        witness.finish();
        assert_eq!(proof.verdict(), Verdict { foreign: 1, ..Verdict::default() });
    }
}
