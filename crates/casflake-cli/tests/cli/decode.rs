//! `decode`: the forms in which an ID is read, and the output besides the fields.

use serde_json::Value;

use super::{DISCORD, DISCORD_PARTS, printed};
use crate::common::{assert_fails, run, text};

#[test]
fn a_byte_order_mark_before_the_first_id_is_skipped() {
    let output = run(&["decode", "--layout", "discord"], format!("\u{feff}{DISCORD}\n{DISCORD}\n"));
    assert_eq!(text(&output.stdout), DISCORD_PARTS.repeat(2), "{}", text(&output.stderr));
    assert!(output.status.success());
    let later = run(&["decode", "--layout", "discord"], format!("{DISCORD}\n\u{feff}{DISCORD}\n"));
    assert_fails(&later, 1, &["'\\u{feff}' at byte 0"]);
}

#[test]
fn utf_16_is_refused_with_a_remedy() {
    for input in [&b"\xff\xfe7\0\n\0"[..], b"\xfe\xff\x007\0\n", b"7\0\n\0", b"\x007\0\n"] {
        assert_fails(&run(&["decode"], input), 1, &["UTF-16", "convert it to UTF-8"]);
    }
}

#[test]
fn a_negative_number_is_an_id_of_a_signed_column() {
    let expected = printed(&["decode", "--layout", "discord", "18446744073709551615"]);
    assert_eq!(printed(&["decode", "--layout", "discord", "-1"]), expected);
    let output = run(&["decode", "--layout", "discord"], "-1\n");
    assert_eq!(text(&output.stdout), expected);
    assert_fails(&run(&["decode", "-1"], ""), 1, &["-1 is negative"]);
    assert_fails(&run(&["decode", "--layout", "discord", "-0"], ""), 1, &["'-' at byte 0"]);
}

#[test]
fn unambiguous_hexadecimal_digits_need_no_0x() {
    let hex = format!("{:016x}", DISCORD.parse::<u64>().unwrap());
    for args in [&[hex.as_str()][..], &[&hex.to_uppercase()], &["--hex", hex.trim_start_matches('0')]] {
        assert_eq!(printed(&[&["decode", "--layout", "discord"], args].concat()), DISCORD_PARTS);
    }
    assert!(printed(&["decode", "--layout", "mastodon", "1111222233334444"]).starts_with("1111222233334444  "));
    assert!(printed(&["decode", "--hex", "10"]).starts_with("16  "));
    assert_fails(&run(&["decode", hex.trim_start_matches('0')], ""), 1, &["is not a digit", "--hex"]);
    assert_fails(&run(&["decode", "--hex", "xyz"], ""), 1, &["hexadecimal"]);
}

#[test]
fn layout_all_reads_an_id_by_every_layout() {
    let lines = printed(&["decode", "--layout", "all", DISCORD]);
    assert_eq!(lines.lines().count(), 8, "{lines}");
    let line = |layout: &str| lines.lines().find(|line| line.split_whitespace().next() == Some(layout)).unwrap();
    assert_eq!(line("discord").strip_prefix("discord     "), Some(DISCORD_PARTS.trim_end()));
    assert!(line("mastodon").ends_with("implausible: the time is in the future"), "{lines}");
    assert!(line("js-safe").ends_with("implausible: IDs of this layout have only 53 bits"), "{lines}");
    let output = run(&["decode", "--layout", "all", "--json"], format!("7\n-1\nx\n{DISCORD}\n"));
    assert_fails(&output, 1, &["\"x\""]);
    let readings: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(readings.len(), 3 * 8);
    let (small, rest) = readings.split_at(8);
    assert!(small.iter().all(|reading| reading["implausible"].is_string()), "{small:?}");
    assert!(rest[..8].iter().all(|reading| reading["implausible"].is_string()), "{rest:?}");
    let discord = rest.iter().find(|reading| reading["id"] == DISCORD && reading["layout"] == "discord").unwrap();
    assert_eq!((&discord["implausible"], &discord["worker"]), (&Value::Null, &0.into()));
    for command in [&["leases", "file:///tmp"][..], &["range", "--from", "-1d", "--to", "now"], &["node"]] {
        assert_fails(&run(&[command, &["--layout", "all"]].concat(), ""), 2, &["--layout all", "choose one"]);
    }
}

#[test]
fn a_tweet_from_before_snowflake_has_a_note_that_it_has_no_time() {
    let first = printed(&["decode", "--layout", "twitter", "20"]);
    assert!(
        first.ends_with("sequence 20  note: older than Snowflake (2010-11-04): a number in sequence, without a time\n")
    );
    let json: Value =
        serde_json::from_str(&printed(&["decode", "--layout", "twitter", "--json", "29700859246"])).unwrap();
    assert!(json["note"].as_str().unwrap().contains("older than Snowflake"));
    for (layout, id) in [("twitter", "29700859247"), ("standard", "20")] {
        assert!(!printed(&["decode", "--layout", layout, "--json", id]).contains("note"));
    }
}

#[test]
fn an_epoch_is_also_a_date_and_seconds_are_refused() {
    let own = |epoch: &str| run(&["decode", "--bits", "42,5,5,12", "--epoch", epoch, DISCORD], "");
    for epoch in ["1420070400000", "2015-01-01", "2015-01-01T00:00:00Z", "2015-01-01T01:00:00+01:00"] {
        assert_eq!(text(&own(epoch).stdout), DISCORD_PARTS, "{}", text(&own(epoch).stderr));
    }
    assert_fails(&own("1420070400"), 2, &["looks like seconds", "1420070400000", "2015-01-01T00:00:00Z"]);
    for epoch in ["2015", "20150101"] {
        assert_fails(&own(epoch), 2, &["looks like a date", "write 2015-01-01"]);
    }
    for epoch in ["", "2015-13-01", "2015-01-01T00:00:00", "tomorrow"] {
        assert_fails(&own(epoch), 2, &["--epoch", "2026-01-31"]);
    }
    assert!(own("0").status.success());
}
