//! A long stream of hostile lines: every reply follows the protocol, every other line is skipped, and memory stays
//! bounded.
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

/// Returns the approximate number of lines. Noise can have newlines in it.
fn count() -> u64 {
    let asked = std::env::var("PROPTEST_CASES").map_or(0, |count| count.parse().expect("a number of cases"));
    asked.max(1000)
}

/// Returns this many values of the strategy.
fn arbitrary<T>(strategy: impl Strategy<Value = T>, count: u64) -> impl Iterator<Item = T> {
    let mut runner = testkit::random::runner();
    (0..count).map(move |_| strategy.new_tree(&mut runner).expect("a value").current())
}

fn init() -> impl Iterator<Item = Vec<u8>> {
    iter::once(INIT.into())
}

/// A request of a well-behaved client, which numbers its requests.
fn planted(msg_id: u64) -> Vec<u8> {
    format!(r#"{{"src":"planted","dest":"n1","body":{{"type":"generate","msg_id":{msg_id}}}}}"#).into()
}

#[test]
fn among_hostile_lines_every_request_is_answered_and_no_other_line() {
    let planted_after = |number: u64| number.is_multiple_of(8).then(|| planted(number / 8));
    let hostile = arbitrary(lines::hostile(), count());
    let lines = (0..).zip(hostile).flat_map(|(number, text)| iter::once(text).chain(planted_after(number)));
    let result = session(init().chain(lines));
    println!("{result:?}");
    assert_eq!(result.planted, count().div_ceil(8), "in order and without a gap");
    assert!(result.lines > count() + result.planted, "the node read every line: {result:?}");
    let each = [result.skipped, result.errors, result.replies - result.errors - result.planted];
    assert!(each.iter().all(|kind| *kind >= count() / 20), "each kind has a fair share: {result:?}");
    assert_bounded(&result);
}

#[test]
fn hostile_lines_without_an_init_get_errors_only() {
    let inits = |text: &[u8]| {
        let mut lines = text.split(|&byte| byte == b'\n');
        lines.any(|line| matches!(Model::default().judge(line), Verdict::Answered(answer) if answer.kind == Kind::Init))
    };
    // At its start the input could have a byte order mark, or be UTF-16.
    let blank = iter::once(Vec::new());
    let result = session(blank.chain(arbitrary(lines::hostile(), count() / 4).filter(|text| !inits(text))));
    assert!(result.errors >= count() / 40 && result.errors == result.replies, "{result:?}");
    assert_bounded(&result);
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_line() {
    let endless = [br#"{"src":""#, &b"x".repeat(64 << 20)[..]].concat();
    let huge = arbitrary(lines::huge(), 4).map(String::into_bytes);
    let result = session(init().chain([endless, planted(0)]).chain(huge).chain([planted(1)]));
    assert_eq!(result.planted, 2);
    assert_bounded(&result);
}

/// The memory that a hostile session may take beyond that of one with good requests, in KiB. The most that one line of
/// 1 MiB can ask for is an `init` with as many names as fit: some 15 bytes for each of its bytes, in strings, in their
/// list and in a set. The largest batch takes 8 MiB, the longest echo 3. The allowance is half of what `endless` would
/// take if it were kept.
const ALLOWANCE: u64 = 32 << 10;

fn assert_bounded(result: &Session) {
    let benign = session(init().chain((0..1000).map(planted)));
    // If the system does not report memory, both are `None`.
    assert!(result.peak <= benign.peak.map(|peak| peak + ALLOWANCE), "{result:?}, where good requests take {benign:?}");
}
