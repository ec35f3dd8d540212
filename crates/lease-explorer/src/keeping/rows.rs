//! The table of transitions in the documentation of the keeper, and the row of it that a decision follows.

use casflake_lease::_simulation::{Effect, Held, Next};

use super::answer::Answer;
use super::state::Loss;

/// The number of rows, and one for the decisions that follow no row.
pub const ROWS: usize = TABLE.len() + 1;

/// One row of the table.
struct Row {
    answer: &'static str,
    /// The states that the row is for: `L` for a lease, `F` for a forgotten lease, `-` for nothing.
    held: &'static str,
    /// The state afterwards; `=` if the keeper holds the same as before.
    then: char,
    /// The possible effects, in their order. `WindowEnded` is not among them, because it can come with many rows.
    effects: &'static [&'static [Does]],
    next: Todo,
}

/// The name of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Measure,
    Trust,
    ExtendFence,
    SetClock,
    Tell,
    Recorded,
    Renewed,
    Acquired,
    Failed,
    Lost,
    NotReleased,
    Other,
}

/// The name of what a keeper does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Todo {
    Rest,
    Look,
    Renew,
    Close,
    DrawToken,
    Acquire,
    Publish,
    Release,
    End,
    Done,
}

use Does::{Acquired, ExtendFence, Failed, Lost, Measure, NotReleased, Recorded, Renewed, SetClock, Tell, Trust};

const fn row(
    answer: &'static str,
    held: &'static str,
    then: char,
    effects: &'static [&'static [Does]],
    next: Todo,
) -> Row {
    Row { answer, held, then, effects, next }
}

/// The rows 1 to 27. Two rows with the same answer differ in the other columns.
const TABLE: [Row; 27] = [
    row("woken", "LF-", '=', &[&[Failed]], Todo::Rest),
    row("woken", "L", '=', &[&[Measure]], Todo::Renew),
    row("woken", "F", '=', &[&[Measure]], Todo::Renew),
    row("woken", "F", '-', &[&[]], Todo::Close),
    row("woken", "-", '=', &[&[Measure]], Todo::Acquire),
    row("woken", "-", '=', &[&[]], Todo::DrawToken),
    row("stopped", "LF-", '=', &[&[]], Todo::End),
    row("renewed", "LF", 'L', &[&[ExtendFence, SetClock, Trust]], Todo::Look),
    row("renewed", "LF", '=', &[&[Failed]], Todo::Rest),
    row("forgotten", "LF", 'F', &[&[Lost], &[]], Todo::Rest),
    row("forgotten", "LF", '-', &[&[]], Todo::Close),
    row("lost", "LF", '-', &[&[]], Todo::Close),
    row("not renewed", "LF", '=', &[&[Failed]], Todo::Rest),
    row("looked", "L", '=', &[&[Recorded, Tell, Renewed]], Todo::Rest),
    row("looked", "L", '=', &[&[Tell, Acquired]], Todo::Rest),
    row("closed", "-", '=', &[&[Lost], &[]], Todo::DrawToken),
    row("drawn", "-", '=', &[&[Measure]], Todo::Acquire),
    row("not drawn", "-", '=', &[&[Failed]], Todo::Rest),
    row("granted", "-", '=', &[&[SetClock, Trust]], Todo::Publish),
    row("not granted", "-", '=', &[&[Failed]], Todo::Rest),
    row("published", "-", 'L', &[&[]], Todo::Look),
    row("unfit", "-", '=', &[&[Failed]], Todo::Release),
    row("too late", "-", '=', &[&[]], Todo::Release),
    row("released", "-", '=', &[&[], &[NotReleased]], Todo::Rest),
    row("ended", "L", '-', &[&[Tell]], Todo::Release),
    row("ended", "F-", '-', &[&[Tell]], Todo::Done),
    row("released", "-", '=', &[&[]], Todo::Done),
];

/// Returns the number of the row that a decision follows; 0 if it follows none.
pub(crate) fn row_of(answer: Answer, before: &Held, after: &Held, effects: &[Effect], next: &Next) -> usize {
    let (answer, todo) = (name(answer), todo(next));
    let effects: Vec<Does> = effects.iter().filter(|effect| !matches!(effect, Effect::WindowEnded)).map(does).collect();
    let is_it = |row: &Row| {
        let is_then = if row.then == '=' { before == after } else { letter(after) == row.then };
        let is_held = row.held.contains(letter(before));
        row.answer == answer && is_held && is_then && row.effects.contains(&&*effects) && row.next == todo
    };
    TABLE.iter().position(is_it).map_or(0, |index| index + 1)
}

fn letter(held: &Held) -> char {
    match held {
        Held::Lease(_) => 'L',
        Held::Forgotten { .. } => 'F',
        Held::Nothing => '-',
    }
}

fn name(answer: Answer) -> &'static str {
    match answer {
        Answer::Woken => "woken",
        Answer::Stopped => "stopped",
        Answer::Renewed(_) => "renewed",
        Answer::NotRenewed { loss: Some(Loss::StoreChanged), .. } => "forgotten",
        Answer::NotRenewed { loss: Some(_), .. } => "lost",
        Answer::NotRenewed { loss: None, .. } => "not renewed",
        Answer::Looked => "looked",
        Answer::Closed(_) => "closed",
        Answer::Drawn(Some(_)) => "drawn",
        Answer::Drawn(None) => "not drawn",
        Answer::Granted(Some(_)) => "granted",
        Answer::Granted(None) => "not granted",
        Answer::Published => "published",
        Answer::Unfit => "unfit",
        Answer::TooLate => "too late",
        Answer::Released { .. } => "released",
        Answer::Ended(_) => "ended",
    }
}

fn does(effect: &Effect) -> Does {
    match effect {
        Effect::Measure => Measure,
        Effect::Trust => Trust,
        Effect::ExtendFence(_) => ExtendFence,
        Effect::SetClock { .. } => SetClock,
        Effect::Tell => Tell,
        Effect::Recorded { .. } => Recorded,
        Effect::Renewed { .. } => Renewed,
        Effect::Acquired { .. } => Acquired,
        Effect::Failed { .. } => Failed,
        Effect::Lost { .. } => Lost,
        Effect::NotReleased { .. } => NotReleased,
        Effect::Behind(_) | Effect::WindowEnded | Effect::Waiting(_) => Does::Other,
    }
}

fn todo(next: &Next) -> Todo {
    match next {
        Next::Rest(_) => Todo::Rest,
        Next::Look => Todo::Look,
        Next::Renew { .. } => Todo::Renew,
        Next::Close => Todo::Close,
        Next::DrawToken => Todo::DrawToken,
        Next::Acquire { .. } => Todo::Acquire,
        Next::Publish { .. } => Todo::Publish,
        Next::Release { .. } => Todo::Release,
        Next::End => Todo::End,
        Next::Done { .. } => Todo::Done,
    }
}
