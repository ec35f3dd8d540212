//! `casflake stress`.

use serde_json::Value;

use crate::common::{assert_fails, run, text};
use crate::printed;

/// Returns the JSON report of a stress run, which must succeed.
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
        // For `unused` to be 0, every thread would have to use up its last block of more than 1 in each tick.
        assert_eq!(unused > 0, args[1] != "1", "{unused}");
    }
    let without = stress(&["--count", "1"]);
    assert_eq!((&without["local"], &without["unused"]), (&Value::Null, &Value::from(0)));
    let line = "IDs that handles of 8 reserved and dropped\n";
    assert!(printed(&["stress", "--count", "100", "--local", "8"]).contains(line));
    assert!(!printed(&["stress", "--count", "100"]).contains("unused"));
}

#[test]
fn stress_draws_with_every_clock_and_wait() {
    for clock in ["system", "coarse", "tsc"] {
        for wait in ["spin", "yield", "sleep"] {
            // More than two ticks hold, so a thread has to wait, unless the machine is slow.
            let report = stress(&["--threads", "2", "--count", "10000", "--clock", clock, "--wait", wait]);
            assert_eq!((&report["ids"], &report["counted"]), (&Value::from(10_000), &Value::from(10_000)));
            assert_eq!((&report["clock"], &report["wait"]), (&Value::from(clock), &Value::from(wait)));
        }
    }
    let report = stress(&["--count", "1"]);
    assert_eq!((&report["clock"], &report["wait"]), (&Value::from("system"), &Value::from("spin")));
    let former = stress(&["--count", "1", "--wait", "park"]);
    assert_eq!(former["wait"], "sleep", "the name before 1.0 is still understood");
}

/// Returns the percentiles of a report, from the lowest to the maximum, and the number of calls that they describe.
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

/// Returns the path of a file that only this test uses, and that does not exist yet.
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
        (&["--count", "1", "--layout", "sonyflake", "--rate", "9999"], "wait spin, 1 per call, 9,999 due per second"),
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
fn stress_refuses_an_impossible_plot_before_it_runs() {
    let path = new_file("no-folder") + "/plot.svg";
    // Without the refusal this would run for 11 days.
    let output = run(&["stress", "--seconds", "1000000", "--plot", &path], "");
    assert_fails(&output, 2, &["--plot", &path, "can't be created", "an existing directory"]);
    assert_eq!(text(&output.stdout), "");
}

#[test]
#[cfg(target_os = "linux")]
fn a_plot_that_can_not_be_written_does_not_hide_the_report() {
    let output = run(&["stress", "--count", "1", "--plot", "/dev/full"], "");
    assert_fails(&output, 1, &["--plot /dev/full can't be written"]);
    assert!(text(&output.stdout).trim_end().ends_with("those of each thread increase."), "{}", text(&output.stdout));
}

#[test]
fn stress_runs_for_a_time_and_draws_a_histogram() {
    let report = printed(&["stress", "--threads", "2", "--seconds", "0.1"]);
    assert!(report.contains("repeats     0\n"), "{report}");
    assert!(report.contains('█'), "{report}");
    assert!(!report.contains("NaN"), "{report}");
    assert!(report.trim_end().ends_with("All IDs are distinct, and those of each thread increase."), "{report}");
}

#[test]
fn stress_refuses_arguments_that_do_not_fit() {
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
        (&["--count", "1", "--layout", "mastodon"], &["can't generate"]),
        (&["--count", "1", "--local", "0"], &["--local", "1 to 18446744073709551615"]),
        (
            &["--count", "1", "--local", "64", "--batch", "2"],
            &["--batch 2", "--local 64", "1 ID per call", "leave one out"],
        ),
        (&["--count", "1", "--rate", "0"], &["--rate", "1 to 18446744073709551615"]),
        (&["--count", "1", "--rate", "4096001"], &["--rate 4096001", "1 to 4096000", "another --layout"]),
        (&["--count", "1", "--rate", "25601", "--layout", "sonyflake"], &["--rate 25601", "1 to 25600"]),
        (&["--count", "1", "--clock", "sun"], &["sun", "system, coarse, tsc"]),
        (&["--count", "1", "--wait", "long"], &["long", "spin, yield, sleep"]),
    ] {
        assert_fails(&run(&[&["stress"], args].concat(), ""), 2, words);
    }
}
