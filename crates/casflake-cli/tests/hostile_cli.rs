//! `casflake decode` on a long stream of hostile lines, in layouts of every kind: each line is decoded or reported.
//!
//! A few hundred lines for each layout, or as many for all of them as the variable `PROPTEST_CASES` says.

mod common;

use common::{assert_fails, run, text};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

/// The number of layouts, unless `PROPTEST_CASES` needs more. Each is tested in processes of its own.
const LAYOUTS: u32 = 8;

/// The most lines that one process gets.
const LINES: u32 = 50_000;

fn arbitrary<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl FnMut() -> T {
    let mut runner = testkit::random::runner();
    move || strategy.new_tree(&mut runner).expect("a value").current()
}

/// Generates a line without a newline in it.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let number = (any::<u64>(), 0..64_u32).prop_map(|(number, shift)| number >> shift);
    let digits = prop_oneof![
        3 => number.clone().prop_map(|number| number.to_string()),
        2 => number.prop_map(|number| format!("{number:#x}")),
        1 => "-?0{0,20}[0-9]{0,21}",
        1 => "0[xX][0-9a-fA-FgG_+-]{0,18}",
        1 => "[0-9a-fA-F]{14,18}",
        1 => any::<i64>().prop_map(|number| number.to_string()),
    ];
    let odd = "[-+_. \t\r\x0b\x0c\0\u{feff}\u{a0}\u{2003}\u{661}]{0,2}";
    let bytes = prop_oneof![
        4 => digits.clone().prop_map(String::into_bytes),
        2 => (odd, digits, odd).prop_map(|(before, digits, after)| (before + &digits + &after).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => any::<String>().prop_map(String::into_bytes),
    ];
    bytes.prop_map(|mut line| {
        line.retain(|&byte| byte != b'\n');
        line
    })
}

/// Generates widths that fit, an epoch and a tick with which the last tick has a time, and whether the worker comes
/// last.
fn layout() -> impl Strategy<Value = ([u32; 4], u64, u64, bool)> {
    let widths =
        prop_oneof![[1..=41_u32, 0..=9_u32, 0..=9_u32, 0..=9_u32], [1..=64_u32, 0..=30_u32, 0..=30_u32, 0..=30_u32]];
    (widths, any::<[u64; 2]>(), 0..64_u32, any::<bool>()).prop_map(|(widths, [epoch, tick], shift, worker_last)| {
        let mut left = 64;
        let widths = widths.map(|width| {
            let fits = width.min(left);
            left -= fits;
            fits
        });
        let max = max(widths[0]);
        let tick = (tick >> shift).min(u64::MAX / max).max(1);
        (widths, (epoch >> shift).min(u64::MAX - max * tick), tick, worker_last)
    })
}

fn max(bits: u32) -> u64 {
    u64::try_from((1_u128 << bits) - 1).expect("64 bits at most")
}

/// Returns the number that a line means, or `None` if it is not one. A negative number is one only if an ID has all 64
/// bits.
fn number(line: &[u8], has_64_bits: bool) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?.trim();
    if let Some(number) = text.parse::<i64>().ok().filter(|number| *number < 0) {
        return (has_64_bits && number.to_string() == text).then_some(number.cast_unsigned());
    }
    let bare_hex = text.len() == 16 && text.chars().any(|digit| digit.is_ascii_alphabetic());
    let (digits, radix) = match text.get(..2) {
        Some("0x" | "0X") => (&text[2..], 16),
        _ if bare_hex => (text, 16),
        _ => (text, 10),
    };
    let is_canonical = radix == 16 || digits.len() == 1 || !digits.starts_with('0');
    let good = is_canonical && !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    u64::from_str_radix(digits, radix).ok().filter(|_| good)
}

/// Returns the object that is printed for a number, computed by division, without its `time`. `None` if the number is
/// not an ID of the layout.
fn fields(id: u64, [t, d, w, s]: [u32; 4], epoch: u64, tick_ms: u64, worker_last: bool) -> Option<Value> {
    let mut rest = u128::from(id);
    let order = if worker_last { [2, 1, 3, 0] } else { [3, 2, 1, 0] };
    let mut fields = [0; 4];
    for field in order {
        let size = 1 << [t, d, w, s][field];
        fields[field] = u64::try_from(rest % size).expect("64 bits at most");
        rest /= size;
    }
    let [tick, datacenter, worker, sequence] = fields;
    let fields = json!({
        "id": id.to_string(), "unix_ms": epoch + tick * tick_ms, "tick": tick, "datacenter": datacenter,
        "worker": worker, "sequence": sequence,
    });
    (rest == 0).then_some(fields)
}

#[test]
fn every_line_on_stdin_is_decoded_or_reported() {
    let count = std::env::var("PROPTEST_CASES").map_or(3000, |count| count.parse().expect("a number of cases"));
    let (mut layout, mut line) = (arbitrary(layout()), arbitrary(line()));
    for _ in 0..LAYOUTS.max(count / LINES) {
        let (widths, epoch, tick, worker_last) = layout();
        let bits = widths.map(|width| width.to_string()).join(",");
        // An epoch that looks like seconds, a year or a date is refused.
        let refused = [946_684_800..=4_102_444_800, 1900..=2199, 19_000_101..=21_991_231];
        let epoch = if refused.iter().any(|range| range.contains(&epoch)) { 0 } else { epoch };
        let [epoch_text, tick_text] = [epoch, tick].map(|number| number.to_string());
        let order = if worker_last { "worker-last" } else { "sequence-last" };
        let args =
            ["decode", "--json", "--bits", &bits, "--epoch", &epoch_text, "--tick", &tick_text, "--order", order];

        let mut lines: Vec<Vec<u8>> = (0..(count / LAYOUTS).clamp(1, LINES)).map(|_| line()).collect();
        // One line of each kind is always among them. The first line has no byte order mark.
        lines.insert(0, b"0".to_vec());
        lines.push(b"none".to_vec());
        let output = run(&args, lines.join(&b'\n'));
        assert_fails(&output, 1, &["\"none\""]);

        let blank = |line: &Vec<u8>| line.trim_ascii().is_empty();
        let decoded = |line: &Vec<u8>| {
            number(line, widths.iter().sum::<u32>() == 64).and_then(|id| fields(id, widths, epoch, tick, worker_last))
        };
        let mut printed = text(&output.stdout).lines();
        let mut reported = 0;
        for line in lines.iter().filter(|line| !blank(line)) {
            let Some(expected) = decoded(line) else {
                reported += 1;
                continue;
            };
            let printed = printed.next().unwrap_or_else(|| panic!("{args:?}: nothing for {}", line.escape_ascii()));
            let mut printed: Value = serde_json::from_str(printed).expect("JSON");
            let time = printed.as_object_mut().expect("an object").remove("time").expect("a time");
            // RFC 3339 ends with the year 9999; here the limit is some hours earlier.
            let unix_ms = expected["unix_ms"].as_u64().expect("a time");
            assert!(time.is_string() || unix_ms > 253_402_200_000_000, "{args:?}: {expected}");
            assert!(time.is_null() || unix_ms < 253_402_300_800_000, "{args:?}: {expected}");
            assert_eq!(printed, expected, "{args:?}: {}", line.escape_ascii());
        }
        assert_eq!(printed.next(), None, "{args:?}");
        assert_eq!(text(&output.stderr).lines().count(), reported, "{args:?}");
    }
}
