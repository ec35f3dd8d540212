//! The command as a child process: `generate`, `decode`, `stress`, and what each says of bad input.

mod common;

use std::io::{BufRead, BufReader, Read};

use casflake::{Discord, JsSafe, Snowflake, Sonyflake, Standard};
use common::{assert_fails, casflake, run, text};
use serde_json::Value;

/// What the command prints; it must end well.
#[track_caller]
fn printed(args: &[&str]) -> String {
    let output = run(args, "");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn generate_prints_as_many_distinct_increasing_ids_as_asked() {
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
    let id: Snowflake = json["id"].as_str().expect("a string, so that no reader rounds it").parse().unwrap();
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
}

#[test]
fn generate_refuses_what_does_not_fit() {
    for (args, words) in [
        (&["--worker", "32"][..], &["worker 32", "0 to 31"][..]),
        (&["--datacenter", "32"], &["datacenter 32", "0 to 31"]),
        (&["--layout", "js-safe", "--datacenter", "1"], &["datacenter 1", "0 to 0"]),
        (&["--layout", "discord", "--worker", "18446744073709551615"], &["18446744073709551615", "0 to 31"]),
        (&["--layout", "mastodon"], &["mastodon", "only decodes"]),
        (&["--layout", "snow"], &["snow", "standard"]),
        (&["--worker", "-1"], &["-1", "--worker"]),
        (&["--worker", "18446744073709551616"], &["18446744073709551616", "--worker", "0 to 18446744073709551615"]),
        (&["--worker", "+1"], &["+1", "--worker"]),
        (&["-n", "0"], &["0", "--count", "1 to 18446744073709551615"]),
        (&["-n", "-5"], &["-5", "--count"]),
        (&["-n", "ten"], &["ten", "--count"]),
        (&["--format", "xml"], &["xml", "decimal"]),
        (&["extra"], &["extra"]),
    ] {
        assert_fails(&run(&[&["generate"], args].concat(), ""), 2, words);
    }
    assert_fails(&run(&[], ""), 2, &["node", "generate", "decode", "stress"]);
}

#[test]
fn the_help_says_that_two_processes_need_two_workers() {
    assert!(printed(&["generate", "--help"]).contains("need two workers"));
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
    // It can't have ended: more is left than a pipe holds.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
    assert!(peak.parse::<u64>().unwrap() < 16_384, "peak memory {peak} KiB, where the IDs alone are 7,812");
    assert_eq!(lines.count(), 100_000);
    assert!(child.wait().unwrap().success());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_and_an_unreadable_stdin_are_failures() {
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let session = include_str!("data/session.jsonl");
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
fn decode_prints_what_is_published_of_an_id() {
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
fn decode_takes_a_layout_of_ones_own() {
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
fn decode_reports_a_bad_id_and_goes_on() {
    let reserved = (1_u64 << 63).to_string();
    for (bad, words) in [
        ("", "empty"),
        ("abc", "'a' at byte 0 is not a digit"),
        ("-5", "'-' at byte 0 is not a digit"),
        ("0x", "hexadecimal"),
        ("0x+5", "hexadecimal"),
        ("0xzz", "hexadecimal"),
        ("0x10000000000000000", "up to 0xffffffffffffffff"),
        ("+5", "is not a digit"),
        ("12 3", "' ' at byte 2 is not a digit"),
        ("18446744073709551616", "0 to 18446744073709551615"),
        (&reserved, "63"),
    ] {
        let output = run(&["decode", bad, "4194304"], "");
        assert_fails(&output, 1, &[&format!("{bad:?}"), words]);
        assert_eq!(text(&output.stdout).lines().count(), 1, "the good one is printed");
    }
    assert_fails(&run(&["decode"], b"\xff\xfe\n"), 1, &["is not a digit"]);
    assert_fails(&run(&["decode"], "7".repeat(2 << 20)), 1, &["1 MiB"]);
    let long = run(&["decode"], "7".repeat(1 << 20));
    assert_fails(&long, 1, &["777", "too large"]);
    assert!(long.stderr.len() < 1000, "a long text is not repeated at full length");
}

#[test]
fn decode_refuses_a_layout_that_is_none() {
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
fn a_time_that_rfc_3339_can_not_write_is_given_in_milliseconds() {
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

/// The JSON report of a stress run; it must end well.
fn stress(args: &[&str]) -> Value {
    serde_json::from_str(&printed(&[&["stress", "--json"], args].concat())).unwrap()
}

#[test]
fn stress_draws_the_count_and_proves_it() {
    for layout in ["standard", "discord", "js-safe", "sonyflake"] {
        for batch in ["1", "100"] {
            let report = stress(&["--threads", "3", "--count", "5000", "--batch", batch, "--layout", layout]);
            assert_eq!(report["ids"], 5000);
            assert_eq!(report["ids_by_thread"], serde_json::json!([1667, 1667, 1666]));
            for count in ["repeats", "out_of_order", "foreign"] {
                assert_eq!(report[count], 0, "{count}");
            }
            assert_eq!(report["counted"], 5000);
            let share = report["ids_per_second"].as_f64().unwrap() / report["limit_per_second"].as_f64().unwrap();
            assert!((share - report["share_of_limit"].as_f64().unwrap()).abs() < 1e-9);
            let ticks = report["ids_per_tick"].as_array().unwrap();
            assert!(ticks.iter().map(|bucket| bucket["ticks"].as_u64().unwrap()).sum::<u64>() > 0);
        }
    }
    assert_eq!(stress(&["--threads", "1", "--count", "1"])["limit_per_second"], 4_096_000.0);
    assert_eq!(stress(&["--threads", "1", "--count", "1", "--layout", "sonyflake"])["limit_per_second"], 25_600.0);
}

#[test]
fn stress_draws_from_handles_and_accounts_for_what_they_drop() {
    for args in [&["--local", "1"][..], &["--local", "256"], &["--local", "18446744073709551615", "--batch", "1"]] {
        let report = stress(&[&["--threads", "3", "--count", "20000"], args].concat());
        for count in ["repeats", "out_of_order", "foreign"] {
            assert_eq!(report[count], 0, "{count}");
        }
        assert_eq!(report["local"].to_string(), args[1]);
        let (counted, unused) = (report["counted"].as_u64().unwrap(), report["unused"].as_u64().unwrap());
        assert_eq!(counted - unused, 20_000);
        // Blocks of more than 1 would all have to be used to the last, in each tick and by each thread.
        assert_eq!(unused > 0, args[1] != "1", "{unused}");
    }
    let without = stress(&["--count", "1"]);
    assert_eq!((&without["local"], &without["unused"]), (&Value::Null, &Value::from(0)));
    let line = "IDs that handles of 8 reserved and dropped\n";
    assert!(printed(&["stress", "--count", "100", "--local", "8"]).contains(line));
    assert!(!printed(&["stress", "--count", "100"]).contains("unused"));
}

#[test]
fn stress_draws_by_every_clock_and_wait() {
    for clock in ["system", "coarse", "tsc"] {
        for wait in ["spin", "yield", "park"] {
            // More than two ticks hold: someone has to wait, unless the machine is slow.
            let report = stress(&["--threads", "2", "--count", "10000", "--clock", clock, "--wait", wait]);
            assert_eq!((&report["ids"], &report["counted"]), (&Value::from(10_000), &Value::from(10_000)));
            assert_eq!((&report["clock"], &report["wait"]), (&Value::from(clock), &Value::from(wait)));
        }
    }
    let report = stress(&["--count", "1"]);
    assert_eq!((&report["clock"], &report["wait"]), (&Value::from("system"), &Value::from("spin")));
}

/// The percentiles of a report, from the lowest to the maximum, and how many calls they are of.
fn latency(report: &Value) -> (Vec<u64>, u64) {
    let latency = &report["latency"];
    let figures = ["p50_ns", "p90_ns", "p99_ns", "p99_9_ns", "p99_99_ns", "max_ns"];
    (figures.map(|figure| latency[figure].as_u64().unwrap()).to_vec(), latency["samples"].as_u64().unwrap())
}

#[test]
fn stress_times_a_sample_of_calls() {
    for (args, calls) in [(&["--count", "6101"][..], 6101), (&["--count", "6101", "--batch", "10"], 611)] {
        let report = stress(&[&["--threads", "1"], args].concat());
        let (figures, samples) = latency(&report);
        assert_eq!(samples, u64::div_ceil(calls, 61));
        assert!(figures.is_sorted(), "{figures:?}");
        assert!(figures[5] > 0 && figures[5] as f64 / 1e9 <= 1.01 * report["seconds"].as_f64().unwrap(), "{figures:?}");
        assert_eq!((&report["rate"], &report["overdue"]), (&Value::Null, &Value::from(0)));
    }
    let text = printed(&["stress", "--threads", "1", "--count", "122"]);
    for words in ["of 2 sampled calls: p50 ", ", p90 ", ", p99 ", "p99.9 ", ", p99.99 ", ", max "] {
        assert!(text.contains(words), "{words} in {text}");
    }
}

#[test]
fn stress_draws_at_a_rate_and_times_every_call_from_when_it_was_due() {
    for (args, calls, last_due) in [
        (&["--count", "200", "--rate", "2000"][..], 200, 199.0 / 2000.0),
        (&["--count", "300", "--rate", "3000", "--batch", "10"], 30, 290.0 / 3000.0),
        (&["--count", "100", "--rate", "1000", "--local", "16"], 100, 99.0 / 1000.0),
        (&["--count", "2", "--rate", "25600", "--layout", "sonyflake"], 2, 1.0 / 25_600.0),
    ] {
        let report = stress(&[&["--threads", "2"], args].concat());
        let (figures, samples) = latency(&report);
        assert_eq!((report["ids"].to_string().as_str(), report["rate"].to_string().as_str()), (args[1], args[3]));
        assert_eq!((samples, &report["overdue"]), (calls, &Value::from(0)));
        assert!(figures.is_sorted(), "{figures:?}");
        assert!(report["seconds"].as_f64().unwrap() >= last_due, "no call comes before it is due");
    }
    let text = printed(&["stress", "--count", "5", "--rate", "4096000"]);
    assert!(text.contains("of 5 calls, from when they were due: p50 "), "{text}");
}

#[test]
fn stress_at_a_rate_ends_with_its_time() {
    let report = stress(&["--threads", "2", "--seconds", "0.05", "--rate", "1", "--batch", "1000"]);
    assert!([0, 1000].contains(&report["ids"].as_u64().unwrap()), "the second batch is due after 1,000 seconds");
}

/// A file of this test alone, which is not there yet.
fn new_file(name: &str) -> String {
    let path = format!("{}/{}-{name}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn stress_plots_ids_and_waits_over_time() {
    let path = new_file("plot.svg");
    for (args, heading) in [
        (&["--count", "20000", "--local", "8"][..], "casflake stress: 20,000 IDs in "),
        (&["--count", "1", "--layout", "sonyflake", "--rate", "9999"], "wait spin, 1 a call, 9,999 due a second"),
    ] {
        let report = stress(&[&["--threads", "2", "--plot", &path], args].concat());
        assert_eq!(report["ids"].to_string(), args[1]);
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(
            svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"),
            "the second one has overwritten the first"
        );
        for words in [heading, "IDs per ms", "waiting for a tick (% of thread time)", "time since the start (ms)"] {
            assert!(svg.contains(words), "{words} in {svg}");
        }
        for (line, colour) in [("IDs", "#1F77B4"), ("waits", "#C85014"), ("retries", "#6E50A0")] {
            let drawn = format!("<polyline fill=\"none\" opacity=\"1\" stroke=\"{colour}\"");
            assert!(svg.contains(&drawn), "the line of the {line} in {svg}");
        }
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn stress_refuses_a_plot_that_can_not_be_created_before_it_runs() {
    let path = new_file("no-folder") + "/plot.svg";
    // Without the refusal this would run for 11 days.
    let output = run(&["stress", "--seconds", "1000000", "--plot", &path], "");
    assert_fails(&output, 2, &["--plot", &path, "can't be created", "a folder that exists"]);
    assert_eq!(text(&output.stdout), "");
}

#[test]
#[cfg(target_os = "linux")]
fn a_plot_that_can_not_be_written_is_a_failure_that_hides_no_report() {
    let output = run(&["stress", "--count", "1", "--plot", "/dev/full"], "");
    assert_fails(&output, 1, &["--plot /dev/full can't be written"]);
    assert!(text(&output.stdout).trim_end().ends_with("each thread's increase."), "{}", text(&output.stdout));
}

#[test]
fn stress_runs_for_a_time_and_draws_a_histogram() {
    let report = printed(&["stress", "--threads", "2", "--seconds", "0.1"]);
    assert!(report.contains("repeats     0\n"), "{report}");
    assert!(report.contains('█'), "{report}");
    assert!(!report.contains("NaN"), "{report}");
    assert!(report.trim_end().ends_with("Every ID is distinct, and each thread's increase."), "{report}");
}

#[test]
fn stress_refuses_what_does_not_fit() {
    for (args, words) in [
        (&["--threads", "2"][..], &["--seconds", "--count"][..]),
        (&["--threads", "0", "--count", "1"], &["0", "--threads"]),
        (&["--threads", "1025", "--count", "1"], &["1025", "1024"]),
        (&["--count", "0"], &["--count"]),
        (&["--count", "1", "--seconds", "1"], &["--seconds"]),
        (&["--seconds", "0"], &["0.001"]),
        (&["--seconds", "nan"], &["0.001"]),
        (&["--seconds", "inf"], &["0.001"]),
        (&["--count", "1", "--batch", "0"], &["1 to 65536"]),
        (&["--count", "1", "--layout", "mastodon"], &["only decodes"]),
        (&["--count", "1", "--local", "0"], &["--local", "1 to 18446744073709551615"]),
        (&["--count", "1", "--local", "64", "--batch", "2"], &["--batch 2", "--local 64", "1 ID a call", "leave one"]),
        (&["--count", "1", "--rate", "0"], &["--rate", "1 to 18446744073709551615"]),
        (&["--count", "1", "--rate", "4096001"], &["--rate 4096001", "1 to 4096000", "another --layout"]),
        (&["--count", "1", "--rate", "25601", "--layout", "sonyflake"], &["--rate 25601", "1 to 25600"]),
        (&["--count", "1", "--clock", "sun"], &["sun", "system, coarse, tsc"]),
        (&["--count", "1", "--wait", "long"], &["long", "spin, yield, park"]),
    ] {
        assert_fails(&run(&[&["stress"], args].concat(), ""), 2, words);
    }
}

#[test]
fn the_types_of_the_layouts_are_the_librarys() {
    let id: Snowflake<Discord> = DISCORD.parse().unwrap();
    assert_eq!(id.unix_ms(), 1_462_015_105_796);
    let id: Snowflake<Standard> = printed(&["generate"]).trim().parse().unwrap();
    assert_eq!(printed(&["decode", &id.to_string()]).split_whitespace().next(), Some(id.to_string().as_str()));
}
