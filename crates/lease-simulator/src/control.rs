//! `Control`: a fault that is planted in the simulator's own loops, in a setting or in the store. It proves that a
//! verdict can fail. No control is part of a normal run.

use casflake_lease::_simulation::{Effect, Event, Next, Step};
use casflake_lease::Token;

/// A planted fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The store takes the windows of other processes to be over.
    StoreGrantsTwice,
    /// The store is restored from a backup, and does not notice.
    UnnoticedRestore,
    /// The fence is not moved after a renewal.
    NoExtendFence,
    /// The fence is moved when a renewal is requested.
    FenceFollowsRequest,
    /// The clocks are not trusted again.
    NoTrust,
    /// The old generator stays open.
    NoClose,
    /// `Measure` follows the answer, and does not precede the request.
    MeasureAfterAnswer,
    /// The calls that wait are not told.
    NoTell,
    /// A release is not sent.
    NoRelease,
    /// A lease of which no generator is published is not released.
    NoReturn,
    /// A retry has another token.
    TokenRedrawn,
    /// A renewal does not count the unanswered renewals.
    NoUnanswered,
    /// A release says that no ID was issued.
    ReleaseWithoutLastTick,
    /// A new generator begins at the window of its lease, and not after the process' last tick. The store ignores this
    /// tick, too.
    FromTheWindow,
    /// The keeper does not rest.
    NoRest,
    /// The keeper ends after a failure.
    KeeperDies,
    /// A renewal is not recorded.
    NoRecord,
    /// The events forget what was reported.
    EventsForget,
    /// `strict` does not reach the generator.
    NotStrict,
    /// A longer lead reaches the generator.
    LongerLead,
    /// A longer wait reaches the calls.
    LongerWait,
    /// A longer TTL reaches the store.
    LongerTtl,
    /// Another owner reaches the store.
    OtherOwner,
    /// A call that goes on with another lease loses the IDs that it has.
    IdsLost,
    /// The wait of a call begins anew with each refusal.
    WaitAnew,
    /// The shutdown does not end the switch.
    NoEnd,
    /// A fork has the process ID of its parent.
    SameProcess,
}

impl Control {
    /// Alters what the keeper has decided. `event` is the name of the event that it has got.
    pub(crate) fn alter(self, event: &'static str, step: &mut Step) {
        let Step { effects, next } = step;
        match self {
            Self::NoExtendFence => effects.retain(|effect| !matches!(effect, Effect::ExtendFence(_))),
            Self::NoTrust => effects.retain(|effect| !matches!(effect, Effect::Trust)),
            Self::NoTell => effects.retain(|effect| !matches!(effect, Effect::Tell)),
            Self::NoRecord => effects.retain(|effect| !matches!(effect, Effect::Recorded { .. })),
            Self::FenceFollowsRequest => {
                if let Next::Renew { lease, .. } = next {
                    effects.push(Effect::ExtendFence(lease.until() + 400));
                }
            }
            Self::MeasureAfterAnswer => {
                effects.retain(|effect| !matches!(effect, Effect::Measure));
                if let Some(at) = effects.iter().position(|effect| matches!(effect, Effect::Trust)) {
                    effects.insert(at, Effect::Measure);
                }
            }
            Self::NoUnanswered => {
                if let Next::Renew { unanswered, .. } = next {
                    *unanswered = 0;
                }
            }
            Self::ReleaseWithoutLastTick => {
                if let Next::Release { last_tick, .. } = next {
                    *last_tick = None;
                }
            }
            Self::FromTheWindow => {
                if let Next::Publish { lease, from } = next {
                    *from = lease.from();
                }
            }
            Self::NoRelease | Self::NoReturn => {
                let is_return = event == "published";
                if let Next::Release { lease, .. } = next
                    && is_return == (self == Self::NoReturn)
                {
                    let done = Next::Done { released: Some(lease.worker()), outcome: Ok(()) };
                    *next = done;
                }
            }
            _ => {}
        }
    }

    /// Returns the token of a request for a lease.
    pub(crate) fn token(self, token: Token, fresh: impl FnOnce() -> Token) -> Token {
        if self == Self::TokenRedrawn { fresh() } else { token }
    }

    pub(crate) fn ends_the_keeper(self, event: &Event) -> bool {
        self == Self::KeeperDies && matches!(event, Event::Renewed(Err(_)) | Event::Granted(Err(_)))
    }
}
