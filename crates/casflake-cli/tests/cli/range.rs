//! `range`: the IDs of a time range.

use casflake::{Snowflake, Sonyflake};
use serde_json::{Value, json};

use super::printed;
use crate::common::{assert_fails, run, text};

const DAY: [&str; 5] = ["range", "--from", "2026-01-01", "--to", "2026-01-02"];

#[test]
fn the_bounds_of_a_day_are_its_first_id_and_that_of_the_next_day() {
    let [from, before] = [1_767_225_600_000, 1_767_312_000_000].map(|ms| <Snowflake>::min_at(ms).unwrap());
    let expected = format!(
        "from    {from}  2026-01-01T00:00:00.000Z\nbefore  {before}  2026-01-02T00:00:00.000Z\n\
         id >= {from} AND id < {before}\n"
    );
    assert_eq!(printed(&DAY), expected);
    let last = <Snowflake>::max_at(1_767_312_000_000 - 1).unwrap();
    let json: Value = serde_json::from_str(&printed(&[&DAY[..], &["--json"]].concat())).unwrap();
    let expected = json!({
        "from": from.to_string(), "from_time": "2026-01-01T00:00:00.000Z",
        "before": before.to_string(), "before_time": "2026-01-02T00:00:00.000Z", "last": last.to_string(),
    });
    assert_eq!(json, expected);
}

#[test]
fn a_range_can_have_any_layout() {
    let of = |args: &[&str]| printed(&[&DAY[..], args].concat());
    let own = ["--bits", "39,0,16,8", "--epoch", "2014-09-01", "--tick", "10", "--order", "worker-last"];
    assert_eq!(of(&own), of(&["--layout", "sonyflake"]));
    let first = Snowflake::<Sonyflake>::min_at(1_767_225_600_000).unwrap();
    assert!(of(&own).starts_with(&format!("from    {first} ")));
}

#[test]
fn a_new_id_lies_within_a_range_up_to_now() {
    let id: u64 = printed(&["generate"]).trim().parse().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(2));
    for from in ["-1h", "-1h30m", "-7d", "2026-01-01T00:00:00Z"] {
        let range: Value = serde_json::from_str(&printed(&["range", "--json", "--from", from, "--to", "now"])).unwrap();
        let bound = |name: &str| range[name].as_str().unwrap().parse::<u64>().unwrap();
        assert!(bound("from") <= id && id <= bound("last") && bound("last") < bound("before"), "{from}: {range}");
    }
}

#[test]
fn ids_that_a_signed_column_can_not_hold_are_reported() {
    let of = |from: &str, to: &str| run(&["range", "--layout", "discord", "--from", from, "--to", to], "");
    let noted = of("2100-01-01", "2100-01-02");
    assert!(noted.status.success() && text(&noted.stdout).contains("id >= "), "{}", text(&noted.stdout));
    assert!(text(&noted.stderr).contains("a signed 64-bit column can't hold these IDs"), "{}", text(&noted.stderr));
    assert_eq!(text(&of("2026-01-01", "2026-01-02").stderr), "");
}

#[test]
fn an_invalid_range_is_refused_with_a_reason() {
    for (from, to, words) in [
        ("2026-01-02", "2026-01-01", "--to is before --from"),
        ("2026-11-27 00:00:00", "now", "the time zone is missing"),
        ("2026-01-31[America/New_York]", "now", "brackets"),
        ("2026-01-01", "2026-01-01", "no tick of the layout begins"),
        ("2023-12-31", "2026-01-01", "--from: Unix time 1703980800000 ms is out of range: 17"),
        ("2026-01-01", "2126-01-01", "--to: Unix time"),
        ("1969-12-31", "2026-01-01", "before 1970"),
        ("7d", "now", "-7d"),
        ("-7", "now", "-1h30m"),
        ("1767225600", "now", "looks like seconds"),
        ("-99999y", "now", "--from"),
    ] {
        assert_fails(&run(&["range", "--from", from, "--to", to], ""), 2, &[words]);
    }
    assert_fails(&run(&["range", "--from", "now"], ""), 2, &["--to"]);
}
