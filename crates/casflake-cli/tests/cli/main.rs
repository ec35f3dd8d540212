//! The command as a child process: `generate`, `decode`, `stress`, and the errors of each on bad input.

#[path = "../common/mod.rs"]
mod common;
mod decode;
mod leased;
mod leases;
mod own_layouts;
mod range;
#[cfg(unix)]
mod sharing;
mod store;
mod stress;
mod workers;

use std::io::{BufRead, BufReader, Read};

use casflake::{Discord, JsSafe, Snowflake, Sonyflake, Sonyflake2, Standard};
use common::{assert_fails, casflake, run, text};
use serde_json::Value;

/// Returns the output of the command, which must succeed.
#[track_caller]
fn printed(args: &[&str]) -> String {
    let output = run(args, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn generate_prints_the_requested_number_of_distinct_increasing_ids() {
    let ids: Vec<Snowflake> = printed(&["generate", "-n", "10000", "--datacenter", "3", "--worker", "31"])
        .lines()
        .map(|id| id.parse().unwrap())
        .collect();
    assert_eq!(ids.len(), 10_000);
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert!(ids.iter().all(|id| (id.datacenter(), id.worker()) == (3, 31)));
    assert_eq!(printed(&["generate"]).lines().count(), 1);
}

#[test]
fn generate_prints_every_format() {
    let hex = printed(&["generate", "--format", "hex"]);
    assert_eq!(hex.len(), "0x0123456789abcdef\n".len());
    assert!(u64::from_str_radix(hex.trim().strip_prefix("0x").unwrap(), 16).is_ok());

    let json: Value = serde_json::from_str(&printed(&["generate", "--format", "json", "--worker", "9"])).unwrap();
    let id: Snowflake = json["id"].as_str().expect("a string, so that no parser rounds it").parse().unwrap();
    assert_eq!((json["worker"].as_u64(), json["unix_ms"].as_u64()), (Some(9), Some(id.unix_ms())));

    let parts = printed(&["generate", "--format", "parts", "--worker", "9"]);
    assert!(parts.contains("Z  datacenter 0  worker 9  sequence "), "{parts}");
}

#[test]
fn generate_makes_ids_of_other_layouts() {
    let id: Snowflake<JsSafe> = printed(&["generate", "--layout", "js-safe"]).trim().parse().unwrap();
    assert!(id <= Snowflake::MAX);
    let worker: Snowflake<Sonyflake> =
        printed(&["generate", "--layout", "sonyflake", "--worker", "65535"]).trim().parse().unwrap();
    assert_eq!(worker.worker(), 65_535);
    let second: Snowflake<Sonyflake2> = printed(&["generate", "--layout", "sonyflake2"]).trim().parse().unwrap();
    let (first, later) = (worker.unix_ms(), second.unix_ms());
    assert!(first <= later && later < first + 3_600_000, "read with its own epoch");
}

#[test]
fn generate_refuses_arguments_that_do_not_fit() {
    for (args, words) in [
        (&["--worker", "1024"][..], &["worker index 1024", "0 to 1023"][..]),
        (&["--datacenter", "0", "--worker", "32"], &["worker 32", "0 to 31"]),
        (&["--worker", "0/32"], &["worker 32", "0 to 31"]),
        (&["--worker", "007"], &["007", "leading zeros"]),
        (&["--datacenter", "32"], &["datacenter 32", "0 to 31"]),
        (&["--layout", "js-safe", "--datacenter", "1"], &["datacenter 1", "0 to 0"]),
        (&["--layout", "discord", "--worker", "18446744073709551615"], &["18446744073709551615", "0 to 1023"]),
        (&["--layout", "mastodon"], &["mastodon", "can't generate"]),
        (&["--layout", "all"], &["all", "only decode"]),
        (&["--layout", "snow"], &["snow", "standard"]),
        (&["--worker", "-1"], &["-1", "--worker"]),
        (&["--worker", "18446744073709551616"], &["18446744073709551616", "--worker", "0 to 1023"]),
        (&["--worker", "+1"], &["+1", "--worker"]),
        (&["-n", "0"], &["0", "--count", "1 to 18446744073709551615"]),
        (&["-n", "-5"], &["-5", "--count"]),
        (&["-n", "ten"], &["ten", "--count"]),
        (&["--format", "xml"], &["xml", "decimal"]),
        (&["extra"], &["extra"]),
    ] {
        assert_fails(&run(&[&["generate"], args].concat(), ""), 2, words);
    }
    assert_fails(&run(&[], ""), 2, &["node", "generate", "decode", "range", "stress"]);
}

#[test]
fn the_help_says_that_two_processes_need_different_workers() {
    assert!(printed(&["generate", "--help"]).contains("need different workers"));
}

#[test]
fn a_closed_pipe_ends_generate_quietly() {
    let mut child = casflake(&["generate", "-n", "100000000"]).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.trim().parse::<Snowflake>().is_ok());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_million_ids_stream_out_in_bounded_memory() {
    let mut child = casflake(&["generate", "-n", "1000000"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.by_ref().take(900_000).filter(Result::is_ok).count(), 900_000);
    // It can't have ended, because more is left than fits a pipe.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    assert!(peak.parse::<u64>().unwrap() < 16_384, "peak memory {peak} KiB, but the IDs alone are 7,812");
    assert_eq!(lines.count(), 100_000);
    assert!(child.wait().unwrap().success());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_and_an_unreadable_stdin_are_failures() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let session = include_str!("../../../../tests/data/session.jsonl");
    for args in [&["generate", "-n", "100000"][..], &["decode", "1"], &["stress", "--count", "1"], &["node"]] {
        let mut child = casflake(args).stdout(full()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), session.as_bytes()).unwrap_or(());
        assert_fails(&child.wait_with_output().unwrap(), 1, &["stdout can't be written"]);
    }
    for args in ["decode", "node"] {
        let folder = std::fs::File::open("/").unwrap();
        assert_fails(&casflake(&[args]).stdin(folder).output().unwrap(), 1, &["stdin can't be read"]);
    }
}

const DISCORD: &str = "175928847299117063";
const DISCORD_PARTS: &str = "175928847299117063  2016-04-30T11:18:25.796Z  datacenter 1  worker 0  sequence 7\n";

#[test]
fn decode_prints_the_published_fields_of_an_id() {
    assert_eq!(printed(&["decode", "--layout", "discord", DISCORD]), DISCORD_PARTS);
    assert_eq!(
        printed(&["decode", "--layout", "twitter", "1541815603606036480"]),
        "1541815603606036480  2022-06-28T16:07:40.105Z  datacenter 11  worker 26  sequence 0\n"
    );
    assert_eq!(
        printed(&["decode", "--layout", "mastodon", "103270115826048975"]),
        "103270115826048975  2019-12-08T03:48:33.849Z  datacenter 0  worker 0  sequence 40911\n"
    );
}

#[test]
fn decode_accepts_a_custom_layout() {
    assert_eq!(printed(&["decode", "--bits", "42,5,5,12", "--epoch", "1420070400000", DISCORD]), DISCORD_PARTS);
    let id: Snowflake<Sonyflake> =
        printed(&["generate", "--layout", "sonyflake", "--worker", "300"]).trim().parse().unwrap();
    let own = ["--bits", "39,0,16,8", "--epoch", "1409529600000", "--tick", "10", "--order", "worker-last"];
    let id = id.to_string();
    assert_eq!(printed(&[&["decode"], &own[..], &[&id]].concat()), printed(&["decode", "--layout", "sonyflake", &id]));
}

#[test]
fn decode_prints_json() {
    let json: Value = serde_json::from_str(&printed(&["decode", "--layout", "discord", "--json", DISCORD])).unwrap();
    let expected = serde_json::json!({
        "id": DISCORD, "time": "2016-04-30T11:18:25.796Z", "unix_ms": 1_462_015_105_796_u64,
        "tick": 41_944_705_796_u64, "datacenter": 1, "worker": 0, "sequence": 7,
    });
    assert_eq!(json, expected);
}

#[test]
fn decode_reads_what_generate_prints() {
    for format in ["decimal", "hex"] {
        let ids = printed(&["generate", "-n", "3", "--format", format, "--datacenter", "1", "--worker", "2"]);
        let output = run(&["decode"], format!("\n{}\r\n", ids.replace('\n', "\r\n")));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout).lines().count(), 3);
        assert!(text(&output.stdout).lines().all(|line| line.contains("datacenter 1  worker 2")));
    }
}

#[test]
fn decode_reports_a_bad_id_and_continues() {
    let reserved = (1_u64 << 63).to_string();
    for (bad, words) in [
        ("", "empty"),
        ("abc", "'a' at byte 0 is not a digit"),
        ("-5", "ID -5 is negative: IDs of this layout are at least 0"),
        ("-", "'-' at byte 0 is not a digit"),
        ("007", "leading zeros"),
        ("0x", "hexadecimal"),
        ("0x+5", "hexadecimal"),
        ("0xzz", "hexadecimal"),
        ("0x10000000000000000", "0x0 to 0xffffffffffffffff"),
        ("+5", "is not a digit"),
        ("12 3", "' ' at byte 2 is not a digit"),
        ("18446744073709551616", "0 to 18446744073709551615"),
        (&reserved, "63"),
    ] {
        let output = run(&["decode", bad, "4194304"], "");
        assert_fails(&output, 1, &[&format!("{bad:?}"), words]);
        assert_eq!(text(&output.stdout).lines().count(), 1, "the good ID is printed");
    }
    assert_fails(&run(&["decode"], b"\n\xff\xfe\n"), 1, &["is not a digit"]);
    assert_fails(&run(&["decode"], "7".repeat(2 << 20)), 1, &["1 MiB"]);
    let long = run(&["decode"], "7".repeat(1 << 20));
    assert_fails(&long, 1, &["777", "out of range: 0 to 18446744073709551615"]);
    assert!(long.stderr.len() < 1000, "a long text is not repeated at full length");
}

#[test]
fn decode_refuses_an_impossible_layout() {
    for (args, words) in [
        (&["--bits", "41,5,5,14", "--epoch", "0"][..], &["64 bits"][..]),
        (&["--bits", "0,5,5,12", "--epoch", "0"], &["timestamp"]),
        (&["--bits", "41,5,5", "--epoch", "0"], &["four widths"]),
        (&["--bits", "41,5,5,x", "--epoch", "0"], &["four widths"]),
        (&["--bits", "4294967295,4294967295,5,5", "--epoch", "0"], &["0 to 64 bits"]),
        (&["--bits", "+41,5,5,12", "--epoch", "0"], &["four widths"]),
        (&["--bits", "41,5,5,12"], &["--epoch"]),
        (&["--epoch", "0"], &["--bits"]),
        (&["--bits", "41,5,5,12", "--epoch", "0", "--tick", "0"], &["tick"]),
        (&["--bits", "63,0,0,1", "--epoch", "18446744073709551615"], &["18446744073709551615"]),
        (&["--bits", "41,5,5,12", "--epoch", "-1"], &["-1"]),
        (&["--layout", "discord", "--bits", "41,5,5,12", "--epoch", "0"], &["--layout"]),
        (&["--layout", "snow"], &["snow", "mastodon"]),
    ] {
        assert_fails(&run(&[&["decode"], args, &["1"]].concat(), ""), 2, words);
    }
}

#[test]
fn a_time_beyond_rfc_3339_is_printed_in_milliseconds() {
    let far = u64::MAX.to_string();
    let line = printed(&["decode", "--bits", "64,0,0,0", "--epoch", "0", &far]);
    assert!(line.contains("18446744073709551615 ms after 1970"), "{line}");
    let json = printed(&["decode", "--bits", "64,0,0,0", "--epoch", "0", "--json", &far]);
    assert!(json.contains(r#""time":null"#), "{json}");
}

#[test]
fn an_epoch_in_the_future_is_a_time_in_the_future() {
    let line = printed(&["decode", "--bits", "41,5,5,12", "--epoch", "4102444800000", "0"]);
    assert!(line.contains("2100-01-01T00:00:00.000Z"), "{line}");
}

#[test]
fn the_layouts_are_those_of_the_library() {
    let id: Snowflake<Discord> = DISCORD.parse().unwrap();
    assert_eq!(id.unix_ms(), 1_462_015_105_796);
    let id: Snowflake<Standard> = printed(&["generate"]).trim().parse().unwrap();
    assert_eq!(printed(&["decode", &id.to_string()]).split_whitespace().next(), Some(id.to_string().as_str()));
}
