//! Checks that each failure, loss, grant and renewal is reported once, when it happens.

use casflake_lease::_simulation::{Effect, Next, Now};

use super::answer::Answer;
use super::fault::Fault;
use super::state::{News, Process};

/// Checks the reports among the effects of a decision on `answer`. `is_failure` says whether the answer is a failure.
pub(crate) fn check_reports(
    process: &Process,
    answer: Answer,
    is_failure: bool,
    now: &Now,
    effects: &[Effect],
    next: &Next,
) -> Result<(), Fault> {
    let count = |is_it: fn(&Effect) -> bool| effects.iter().filter(|effect| is_it(effect)).count();
    let is_over = now.remaining.unwrap_or_default().is_zero();
    let ends = (answer == Answer::Woken || is_failure) && is_over && !now.has_ended;
    // The callback of the program may take a while, so a generator is closed before the loss is reported.
    let goes_on = matches!(answer, Answer::NotRenewed { .. }) && !matches!(next, Next::Close);
    let is_lost = process.past.owes_loss && (goes_on || matches!(answer, Answer::Closed(_)));
    let looks = |news| answer == Answer::Looked && process.owes(news);
    let are_right = [
        count(|effect| matches!(effect, Effect::Failed { .. })) == usize::from(is_failure),
        count(|effect| matches!(effect, Effect::WindowEnded)) == usize::from(ends),
        count(|effect| matches!(effect, Effect::Lost { .. })) == usize::from(is_lost),
        count(|effect| matches!(effect, Effect::Acquired { .. })) == usize::from(looks(News::Acquired)),
        count(|effect| matches!(effect, Effect::Renewed { .. })) == usize::from(looks(News::Renewed)),
        count(|effect| matches!(effect, Effect::Recorded { .. })) == usize::from(looks(News::Renewed)),
    ];
    let mut failures = effects.iter().filter_map(|effect| match effect {
        Effect::Failed { is_reported, .. } => Some(*is_reported),
        _ => None,
    });
    let is_reported = failures.all(|is_reported| is_reported != now.has_ended);
    if is_reported && are_right == [true; 6] { Ok(()) } else { Err(Fault::Misreported) }
}
