//! Checks of the IDs of a run, made after the clock has stopped.

use crate::source::Id;

/// The faults of IDs. The default is a verdict without a fault.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// The number of IDs that equal another.
    pub repeats: usize,
    /// The number of IDs that are not larger than the one before of the same thread.
    pub disorders: usize,
    /// By how many milliseconds the last ID was ahead of the wall clock.
    pub ahead_ms: u64,
    /// By how many milliseconds the last ID was behind the wall clock.
    pub behind_ms: u64,
}

/// The difference of an ID's time from the wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offset {
    ahead_ms: u64,
    behind_ms: u64,
}

impl Offset {
    /// Returns the offset of the latest ID, of the time `id_ms`, at the time `now_ms`.
    pub const fn of(id_ms: u64, now_ms: u64) -> Self {
        Self { ahead_ms: id_ms.saturating_sub(now_ms), behind_ms: now_ms.saturating_sub(id_ms) }
    }

    /// Returns the largest of each kind.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |a, b| Self {
            ahead_ms: a.ahead_ms.max(b.ahead_ms),
            behind_ms: a.behind_ms.max(b.behind_ms),
        })
    }
}

impl Verdict {
    /// Returns the verdict on all threads' IDs.
    pub fn on<I: Id>(logs: &[impl AsRef<[I]>], Offset { ahead_ms, behind_ms }: Offset) -> Self {
        let disorders = logs.iter().map(|log| failures(log.as_ref(), |a, b| a < b)).sum();
        let repeats = match logs {
            [_] if disorders == 0 => 0,
            _ => {
                let mut ids: Vec<I> = logs.iter().flat_map(|log| log.as_ref()).copied().collect();
                // A stable sort, which is fast if whole stretches are in order.
                ids.sort();
                failures(&ids, |a, b| a != b)
            }
        };
        Self { repeats, disorders, ahead_ms, behind_ms }
    }

    /// Returns whether the IDs' time ran ahead. An offset of 1 ms is allowed, because the clock may be adjusted during
    /// the run.
    pub const fn is_ahead(&self) -> bool {
        self.ahead_ms > 1
    }

    /// Returns whether the IDs' time fell behind by more than a clock may lag or a thread may wait for its core.
    pub const fn is_behind(&self) -> bool {
        self.behind_ms > 1000
    }

    /// Returns the worst of several.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |a, b| Self {
            repeats: a.repeats.max(b.repeats),
            disorders: a.disorders.max(b.disorders),
            ahead_ms: a.ahead_ms.max(b.ahead_ms),
            behind_ms: a.behind_ms.max(b.behind_ms),
        })
    }
}

/// Returns how many pairs of neighbours don't `hold`.
fn failures<I: Id>(ids: &[I], hold: impl Fn(I, I) -> bool) -> usize {
    ids.windows(2).filter(|pair| matches!(pair, [a, b] if !hold(*a, *b))).count()
}
