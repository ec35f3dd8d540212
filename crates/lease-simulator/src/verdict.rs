//! The verdict on IDs: every ID of every process is compared.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use casflake::{GenerateError, Scheme, Snowflake};
use casflake_lease::Token;

use crate::host::{EPOCH_MS, Ids};
use crate::process::{Proc, State};
use crate::violation::Kind;
use crate::world::World;

/// The facts that the verdict knows about all processes.
#[derive(Default)]
pub(crate) struct Ledger {
    ids: HashSet<u64, BuildHasherDefault<Mixing>>,
    /// The process and the lease that have used a tick of a worker.
    ticks: HashMap<u64, (usize, Token), BuildHasherDefault<Mixing>>,
    /// The highest tick of each worker in which an ID was issued.
    pub(crate) last_ticks: HashMap<u64, u64>,
    /// The leases that may stay taken, because a message was lost, or a process was killed.
    pub(crate) excused: HashSet<Token>,
    /// The leases that were granted.
    pub(crate) tokens: HashSet<Token>,
    /// Whether a store has broken its contract so that it never grants a lease again.
    pub(crate) is_ruined: bool,
    /// Whether the store has lost something, or an operator has changed something.
    pub(crate) has_lost: bool,
    /// How many calls have begun.
    pub(crate) calls: u64,
}

/// A hasher for random numbers.
#[derive(Default)]
pub(crate) struct Mixing(u64);

impl Hasher for Mixing {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

/// What was true when a call began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    /// The number of calls that had begun before.
    pub(crate) nth: u64,
    pub(crate) at: u64,
    highest_id: Option<u64>,
    reading_ms: u64,
    /// The highest reading of the clock that the call has got.
    pub(crate) seen_ms: u64,
}

pub(crate) fn begin(world: &World, process: &Proc) -> Began {
    let nth = {
        let mut ledger = world.ledger.borrow_mut();
        ledger.calls += 1;
        ledger.calls
    };
    process.note_clocks(world);
    let reading_ms = process.reading_ms(world);
    let mut account = process.account.borrow_mut();
    account.highest_ms = account.highest_ms.max(reading_ms);
    let highest_id = account.highest_id;
    Began { nth, at: world.now.get(), highest_id, reading_ms, seen_ms: reading_ms }
}

/// Judges the IDs that a call has returned, also those in its error.
pub(crate) fn judge(world: &World, process: &Proc, began: &Began, ids: &[Snowflake<Ids>]) {
    let Some(last) = ids.last() else { return };
    let name = &process.plan.owner;
    let reading_ms = process.reading_ms(world);
    process.note_clocks(world);
    let mut account = process.account.borrow_mut();
    account.highest_ms = account.highest_ms.max(reading_ms).max(began.seen_ms);
    account.ids += ids.len() as u64;
    account.issued_at = Some(world.now.get());
    if process.state.get() == State::Forked {
        if began.reading_ms > account.fork_ms {
            world.broken(Kind::Fork, || format!("{name} got {last} at {reading_ms}, forked at {}", account.fork_ms));
        }
        return;
    }
    if account.ended.is_some_and(|ended| began.nth > ended) {
        world.broken(Kind::AfterEnd, || format!("{name} got an ID after its end"));
    }
    // A call that has seen the clocks only after a jump gets no ID until a request that was sent after the jump is answered.
    // The calls are counted, because a host that was suspended goes on in the same nanosecond in which its clock has jumped.
    let has_jumped = account.last_in_step < began.nth;
    let (first_ms, last_ms) = (began.reading_ms.min(reading_ms), began.seen_ms.max(reading_ms));
    if has_jumped && !account.may_be_checked(first_ms..=last_ms) {
        world.broken(Kind::AfterJump, || {
            format!(
                "{name} got {last} at {first_ms}..={last_ms}, the last reading before a jump was {}",
                account.before_jump_ms
            )
        });
    }
    let tick_at = |ms: u64| ms.saturating_sub(EPOCH_MS);
    let lead = process.plan.max_lead;
    let mut before = began.highest_id;
    let mut ledger = world.ledger.borrow_mut();
    for id in ids {
        let (tick, worker) = (id.tick(), id.worker());
        if before.is_some_and(|before| id.as_u64() <= before) {
            world.broken(Kind::Order, || format!("{name} got {id}, but had {before:?} before"));
        }
        before = Some(id.as_u64());
        let holds = |w: &&crate::account::Window| w.worker == worker && (w.from..w.until).contains(&tick);
        let Some(window) = account.windows.iter().rev().find(holds) else {
            world.broken(Kind::OutsideWindow, || {
                format!("{name} got tick {tick} of worker {worker}, granted: {:?}", account.windows.last())
            });
            return;
        };
        if window.revoked.is_some_and(|revoked| began.nth > revoked) {
            world.broken(Kind::AfterLoss, || format!("{name} got an ID of worker {worker} after it was told"));
        }
        let used = ledger.ticks.entry(worker << 40 | tick).or_insert((process.index, window.token));
        if *used != (process.index, window.token) {
            let other = used.0;
            world.broken(Kind::Duplicate, || format!("{name} and process-{other} use tick {tick} of worker {worker}"));
        }
        if !ledger.ids.insert(id.as_u64()) {
            world.broken(Kind::Duplicate, || format!("{name} got {id}, which was issued before"));
        }
        if tick > tick_at(account.highest_ms) + lead {
            world.broken(Kind::Lead, || format!("{name} got tick {tick}, {} at most", tick_at(account.highest_ms)));
        }
        if process.plan.strict && tick > tick_at(began.seen_ms) + lead {
            world.broken(Kind::Setting, || {
                format!("{name} is strict, but got tick {tick} at {}", tick_at(began.seen_ms))
            });
        }
        let highest = ledger.last_ticks.entry(worker).or_default();
        *highest = tick.max(*highest);
    }
    account.highest_id = account.highest_id.max(Some(last.as_u64()));
}

/// Judges the error of a call.
pub(crate) fn judge_error(world: &World, process: &Proc, began: &Began, error: GenerateError) {
    let account = process.account.borrow();
    let is_fork = process.state.get() == State::Forked;
    let reading_ms = process.reading_ms(world).max(began.reading_ms).max(account.highest_since(began.at));
    let is_past_the_end = reading_ms > EPOCH_MS + Ids::LAYOUT.max_tick();
    // In the millisecond of the fork, the clock is still trusted, so the generator itself may refuse the call.
    let is_fork = is_fork && began.reading_ms > account.fork_ms;
    let is_right = match error {
        GenerateError::ShutDown => account.ended.is_some() && !is_fork,
        GenerateError::OtherProcess => process.state.get() == State::Forked,
        GenerateError::ClockBehind { .. } => !process.is_by_store(),
        GenerateError::OutOfTicks { .. } => is_past_the_end,
        GenerateError::LeaseExpired { .. } | GenerateError::StoreClockBehind { .. } => !is_fork,
        GenerateError::Exhausted { .. } | GenerateError::ClockStalled { .. } | GenerateError::TooEarly { .. } => true,
        _ => false,
    };
    if !is_right {
        world.broken(Kind::WrongError, || format!("{} got {error:?}", process.plan.owner));
    }
    let is_after = account.ended.is_some_and(|ended| began.nth > ended);
    if is_after && !is_fork && error != GenerateError::ShutDown {
        world.broken(Kind::AfterEnd, || format!("{} got {error:?} after its end", process.plan.owner));
    }
}
