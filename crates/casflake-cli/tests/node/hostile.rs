//! A long stream of hostile lines: every reply is the protocol's, every other line is skipped, and memory stays bounded.
//!
//! A thousand lines, or as many as the variable `PROPTEST_CASES` says if that is more.

mod json;
mod lines;
mod model;
mod replies;
mod session;

use std::iter;

use model::{Kind, Model, Verdict};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use session::{Session, session};

use super::INIT;

/// How many lines there are, more or less: noise can have newlines in it.
fn count() -> u64 {
    let asked = std::env::var("PROPTEST_CASES").map_or(0, |count| count.parse().expect("a number of cases"));
    asked.max(1000)
}

/// So many values of the strategy.
fn arbitrary<T>(strategy: impl Strategy<Value = T>, count: u64) -> impl Iterator<Item = T> {
    let mut runner = testkit::random::runner();
    (0..count).map(move |_| strategy.new_tree(&mut runner).expect("a value").current())
}

fn init() -> impl Iterator<Item = Vec<u8>> {
    iter::once(INIT.into())
}

/// A request of a client that does nothing wrong, and counts its requests.
fn planted(msg_id: u64) -> Vec<u8> {
    format!(r#"{{"src":"planted","dest":"n1","body":{{"type":"generate","msg_id":{msg_id}}}}}"#).into()
}

#[test]
fn among_hostile_lines_every_request_is_answered_and_nothing_else() {
    let planted_after = |number: u64| number.is_multiple_of(8).then(|| planted(number / 8));
    let hostile = arbitrary(lines::hostile(), count());
    let lines = (0..).zip(hostile).flat_map(|(number, text)| iter::once(text).chain(planted_after(number)));
    let told = session(init().chain(lines));
    println!("{told:?}");
    assert_eq!(told.planted, count().div_ceil(8), "in order and without a gap");
    assert!(told.lines > count() + told.planted, "none was held back: {told:?}");
    let each = [told.skipped, told.errors, told.replies - told.errors - told.planted];
    assert!(each.iter().all(|kind| *kind >= count() / 20), "of each kind a fair share: {told:?}");
    assert_bounded(&told);
}

#[test]
fn hostile_lines_without_an_init_get_errors_only() {
    let inits = |text: &[u8]| {
        let mut lines = text.split(|&byte| byte == b'\n');
        lines.any(|line| matches!(Model::default().judge(line), Verdict::Answered(answer) if answer.kind == Kind::Init))
    };
    // At its start the input could have a byte order mark, or be UTF-16.
    let blank = iter::once(Vec::new());
    let told = session(blank.chain(arbitrary(lines::hostile(), count() / 4).filter(|text| !inits(text))));
    assert!(told.errors >= count() / 40 && told.errors == told.replies, "{told:?}");
    assert_bounded(&told);
}

#[test]
fn a_line_takes_no_memory_in_proportion_to_its_length() {
    let endless = [br#"{"src":""#, &b"x".repeat(64 << 20)[..]].concat();
    let huge = arbitrary(lines::huge(), 4).map(String::into_bytes);
    let told = session(init().chain([endless, planted(0)]).chain(huge).chain([planted(1)]));
    assert_eq!(told.planted, 2);
    assert_bounded(&told);
}

/// How much more memory than in a session of good requests a hostile one may take, in KiB. The most that one line of
/// 1 MiB can ask for is an `init` with as many names as fit: up to some 15 bytes for each of its bytes, in strings, in
/// their list and in a set. The largest batch takes 8 MiB, the longest echo 3. It is half of what `endless` would take.
const ALLOWANCE: u64 = 32 << 10;

fn assert_bounded(told: &Session) {
    let benign = session(init().chain((0..1000).map(planted)));
    // Where the system tells neither, both are `None`.
    assert!(told.peak <= benign.peak.map(|peak| peak + ALLOWANCE), "{told:?}, where good requests take {benign:?}");
}
