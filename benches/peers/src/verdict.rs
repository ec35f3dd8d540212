//! Whether the IDs of a run were what they should be, looked at after the clock has stopped.

use crate::source::Id;

/// What is wrong with IDs; nothing, by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// How many equal another one.
    pub repeats: usize,
    /// How many are no larger than the one before of the same thread.
    pub disorders: usize,
    /// How many milliseconds the last of them was ahead of the wall clock.
    pub ahead_ms: u64,
    /// How many it was behind.
    pub behind_ms: u64,
}

/// How an ID's time differs from the wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offset {
    ahead_ms: u64,
    behind_ms: u64,
}

impl Offset {
    /// Of an ID of the time `id_ms` that is the latest at `now_ms`.
    pub const fn of(id_ms: u64, now_ms: u64) -> Self {
        Self { ahead_ms: id_ms.saturating_sub(now_ms), behind_ms: now_ms.saturating_sub(id_ms) }
    }

    /// The largest of each kind.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |a, b| Self {
            ahead_ms: a.ahead_ms.max(b.ahead_ms),
            behind_ms: a.behind_ms.max(b.behind_ms),
        })
    }
}

impl Verdict {
    /// The verdict on each thread's IDs.
    pub fn on<I: Id>(logs: &[impl AsRef<[I]>], Offset { ahead_ms, behind_ms }: Offset) -> Self {
        let disorders = logs.iter().map(|log| failures(log.as_ref(), |a, b| a < b)).sum();
        let repeats = match logs {
            [_] if disorders == 0 => 0,
            _ => {
                let mut ids: Vec<I> = logs.iter().flat_map(|log| log.as_ref()).copied().collect();
                // Stable, which is quick where whole stretches are in order.
                ids.sort();
                failures(&ids, |a, b| a != b)
            }
        };
        Self { repeats, disorders, ahead_ms, behind_ms }
    }

    /// Whether the IDs' time ran ahead: an ID of this very millisecond does not, and a clock that is set meanwhile may
    /// be off by one.
    pub const fn is_ahead(&self) -> bool {
        self.ahead_ms > 1
    }

    /// Whether the IDs' time fell behind, by more than a clock lags or a thread waits for its core.
    pub const fn is_behind(&self) -> bool {
        self.behind_ms > 1000
    }

    /// The worst of several.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self::default(), |a, b| Self {
            repeats: a.repeats.max(b.repeats),
            disorders: a.disorders.max(b.disorders),
            ahead_ms: a.ahead_ms.max(b.ahead_ms),
            behind_ms: a.behind_ms.max(b.behind_ms),
        })
    }
}

/// How many neighbours don't `hold`.
fn failures<I: Id>(ids: &[I], hold: impl Fn(I, I) -> bool) -> usize {
    ids.windows(2).filter(|pair| matches!(pair, [a, b] if !hold(*a, *b))).count()
}
