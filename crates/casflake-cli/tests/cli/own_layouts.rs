//! `--bits` to generate IDs: custom layouts, which no type names.

use casflake::{Layout, Parts, Snowflake};
use serde_json::Value;

use super::printed;
use crate::common::{assert_fails, run, text};

/// Seven bits of sequence in ticks of 7 ms: no preset has either.
const ODD: [&str; 8] = ["--bits", "38,3,9,7", "--epoch", "2020-02-02", "--tick", "7", "--order", "worker-last"];
const EPOCH: u64 = 1_580_601_600_000;

fn odd() -> Layout {
    Layout::new(38, 3, 9, 7).with_epoch_unix_ms(EPOCH).with_tick_ms(7).with_order(casflake::FieldOrder::WorkerLast)
}

fn parts(args: &[&str]) -> Vec<Parts> {
    let lines = printed(&[&["generate"], args].concat());
    lines.lines().map(|id| odd().decode(id.parse().unwrap()).unwrap()).collect()
}

#[test]
fn ids_of_a_custom_layout_are_distinct_increase_and_fill_its_ticks() {
    let ids: Vec<u64> = printed(&[&["generate", "-n", "3000", "--worker", "2/300"], &ODD[..]].concat())
        .lines()
        .map(|id| id.parse().unwrap())
        .collect();
    assert_eq!(ids.len(), 3000);
    assert!(ids.is_sorted_by(|a, b| a < b));
    let parts: Vec<Parts> = ids.iter().map(|id| odd().decode(*id).unwrap()).collect();
    assert!(parts.iter().all(|parts| (parts.datacenter, parts.worker) == (2, 300)));
    assert!(parts.iter().any(|parts| parts.sequence == 127), "a tick is used up");
    let ticks = parts.last().unwrap().tick - parts[0].tick;
    assert!(ticks >= 3000 / 128 - 1, "{ticks} ticks for 3000 IDs, although each has 128");
}

#[test]
fn an_id_of_a_custom_layout_has_the_present_time() {
    let before: Snowflake = printed(&["generate"]).trim().parse().unwrap();
    let tick = parts(&ODD)[0].tick;
    let after: Snowflake = printed(&["generate"]).trim().parse().unwrap();
    let time = odd().unix_ms_of(tick).unwrap();
    assert!(before.unix_ms() - 7 < time && time <= after.unix_ms(), "{time}");
}

#[test]
fn each_format_shows_an_id_by_the_custom_layout() {
    let printed = |format: &str| printed(&[&["generate", "--format", format, "--worker", "1/2"], &ODD[..]].concat());
    assert!(printed("parts").contains("Z  datacenter 1  worker 2  sequence "));
    let json: Value = serde_json::from_str(&printed("json")).unwrap();
    assert_eq!((&json["datacenter"], &json["worker"]), (&1.into(), &2.into()));
    let id = u64::from_str_radix(printed("hex").trim().trim_start_matches("0x"), 16).unwrap();
    assert_eq!(odd().decode(id).unwrap().worker, 2);
}

#[test]
fn every_width_of_the_sequence_has_a_generator() {
    for sequence in [0, 1, 2, 12, 13, 20] {
        let bits = format!("{},1,1,{sequence}", 62 - sequence);
        let id = printed(&["generate", "--bits", &bits, "--epoch", "2026-01-01", "--worker", "1/1"]);
        let layout = Layout::new(62 - sequence, 1, 1, sequence);
        let parts = layout.decode(id.trim().parse().unwrap()).unwrap();
        assert_eq!((parts.datacenter, parts.worker, parts.sequence), (1, 1, 0), "{bits}");
    }
    for (bits, epoch) in [("32,0,8,22", "1970-01-01"), ("32,0,0,30", "2026-01-01"), ("31,0,1,31", "2026-01-01")] {
        let id = printed(&["generate", "--bits", bits, "--epoch", epoch, "--tick", "1000", "-n", "2"]);
        assert_eq!(id.lines().count(), 2, "{bits}");
    }
    for bits in ["1,0,0,61", "2,0,0,60"] {
        let refused = run(&["generate", "--bits", bits, "--epoch", "2026-01-01"], "");
        assert_fails(&refused, 1, &["has passed the layout's last tick"]);
    }
}

#[test]
fn stress_proves_the_ids_of_a_custom_layout() {
    for more in
        [&["--threads", "2"][..], &["--batch", "300"], &["--local", "8"], &["--wait", "sleep"], &["--clock", "tsc"]]
    {
        let args = [&["stress", "--count", "2000", "--json", "--worker", "1/5"], &ODD[..], more].concat();
        let output = run(&args, "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let report: Value = serde_json::from_str(text(&output.stdout)).unwrap();
        assert_eq!((&report["ids"], &report["tick_ms"], &report["foreign"]), (&2000.into(), &7.into(), &0.into()));
        assert!(report["max_sequence"].as_u64().unwrap() <= 127);
    }
}

#[test]
fn the_node_answers_with_ids_of_a_custom_layout() {
    let request = |body: &str| format!(r#"{{"src": "c", "dest": "n", "body": {{{body}}}}}"#) + "\n";
    let input = request(r#""type": "init", "msg_id": 1, "node_id": "n2", "node_ids": ["n1", "n2"]"#)
        + &request(r#""type": "generate_batch", "msg_id": 2, "count": 200"#);
    let output = run(&[&["node"], &ODD[..]].concat(), input);
    let reply: Value = serde_json::from_str(text(&output.stdout).lines().nth(1).unwrap()).unwrap();
    let parts: Vec<Parts> =
        reply["body"]["ids"].as_array().unwrap().iter().map(|id| odd().decode(id.as_u64().unwrap()).unwrap()).collect();
    assert!(parts.iter().all(|parts| (parts.datacenter, parts.worker) == (0, 1)));
    assert_eq!(reply["body"]["max_sequence"].as_u64(), parts.iter().map(|parts| parts.sequence).max());
}

#[test]
fn impossible_uses_of_a_custom_layout_are_refused() {
    let generate = |args: &[&str]| run(&[&["generate"], args].concat(), "");
    for command in [&["generate"][..], &["stress", "--count", "1"], &["node"]] {
        let leased = run(&[command, &["--lease", "file:///tmp"], &ODD[..]].concat(), "");
        assert_fails(&leased, 2, &["--bits", "--lease"]);
    }
    let wide = ["--bits", "60,0,0,4", "--epoch", "2024-01-01"];
    assert_fails(&generate(&wide), 2, &["--bits can't generate", "62 bits"]);
    assert_fails(&generate(&["--bits", "10,5,5,12", "--epoch", "2024-01-01"]), 1, &["last tick, 1023"]);
    let future = generate(&["--bits", "41,5,5,12", "--epoch", "2100-01-01"]);
    assert_fails(&future, 1, &["before the layout's epoch at 4102444800000 ms"]);
    assert_fails(&generate(&[&ODD[..], &["--worker", "8/0"]].concat()), 2, &["datacenter 8", "0 to 7"]);
}
