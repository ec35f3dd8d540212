//! The node as a child process: the protocol to the byte, every error, and arbitrary input.

#[path = "../common/mod.rs"]
mod common;
mod errors;
mod hostile;
mod init;
mod input;

use casflake::{Instagram, JsSafe, Scheme, Snowflake, Standard};
use common::{assert_fails, run, text};
use serde_json::{Value, json};

const INIT: &str = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}"#;
const INIT_OK: &str = r#"{"src": "n1", "dest": "c0", "body": {"type": "init_ok", "in_reply_to": 1, "msg_id": 0}}"#;

/// Returns the replies to these lines, as text. The node must succeed.
fn replies_of(args: &[&str], lines: &[&str]) -> Vec<String> {
    let args = [&["node"], args].concat();
    let output = run(&args, lines.join("\n"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn replies(lines: &[&str]) -> Vec<String> {
    replies_of(&[], lines)
}

/// Returns the bodies of the replies to these request bodies, which are sent after `init`.
fn bodies(requests: &[Value]) -> Vec<Value> {
    let lines: Vec<String> =
        requests.iter().map(|body| json!({"src": "c1", "dest": "n1", "body": body}).to_string()).collect();
    let lines: Vec<&str> = [INIT].into_iter().chain(lines.iter().map(String::as_str)).collect();
    let replies = replies(&lines);
    assert_eq!(replies[0], INIT_OK);
    replies[1..].iter().map(|reply| serde_json::from_str::<Value>(reply).unwrap()["body"].clone()).collect()
}

/// Returns the error code and text of the reply to this request body.
#[track_caller]
fn error(request: Value) -> (u64, String) {
    let replies = bodies(&[request]);
    let [body] = replies.as_slice() else { panic!("one reply: {replies:?}") };
    assert_eq!(body["type"], "error");
    assert_eq!(body["in_reply_to"], 5);
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 5, "the schema is closed: {keys:?}");
    (body["code"].as_u64().unwrap(), body["text"].as_str().unwrap().to_owned())
}

fn ids(body: &Value) -> Vec<u64> {
    body["ids"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect()
}

fn id(number: u64) -> Snowflake {
    Snowflake::try_from(number).unwrap()
}

#[test]
fn a_single_generate_is_answered_to_the_byte() {
    let replies = replies(&[INIT, r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#]);
    assert_eq!(replies.len(), 2);
    assert_eq!(replies[0], INIT_OK);
    let reply: Value = serde_json::from_str(&replies[1]).unwrap();
    let id = reply["body"]["id"].as_u64().expect("an ID is a JSON integer");
    assert_eq!(
        replies[1],
        format!(
            r#"{{"src": "n1", "dest": "c1", "body": {{"type": "generate_ok", "in_reply_to": 2, "id": {id}, "msg_id": 1}}}}"#
        )
    );
}

#[test]
fn a_batch_of_five_is_answered_to_the_byte() {
    let replies = replies(&[INIT, r#"{"src":"c1","dest":"n1","body":{"type":"generate_batch","msg_id":2,"count":5}}"#]);
    assert_eq!(replies.len(), 2);
    assert_eq!(replies[0], INIT_OK);
    let reply: Value = serde_json::from_str(&replies[1]).unwrap();
    let ids = ids(&reply["body"]);
    assert_eq!(ids.len(), 5);
    assert!(ids.is_sorted_by(|a, b| a < b));
    let max_sequence = ids.iter().map(|&number| id(number).sequence()).max();
    assert_eq!(reply["body"]["max_sequence"].as_u64(), max_sequence);
    let list = ids.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    assert_eq!(
        replies[1],
        format!(
            r#"{{"src": "n1", "dest": "c1", "body": {{"type": "generate_batch_ok", "in_reply_to": 2, "ids": [{list}], "max_sequence": {}, "msg_id": 1}}}}"#,
            reply["body"]["max_sequence"]
        )
    );
}

#[test]
fn the_sample_session_is_answered_line_by_line() {
    let session = include_str!("../../../../tests/data/session.jsonl");
    let replies = replies(&session.lines().collect::<Vec<_>>());
    let kinds: Vec<String> = replies
        .iter()
        .map(|reply| {
            let body = &serde_json::from_str::<Value>(reply).unwrap()["body"];
            format!("{}{}", body["type"].as_str().unwrap(), body.get("code").map_or(String::new(), Value::to_string))
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "init_ok",
            "generate_ok",
            "init_ok",
            "generate_batch_ok",
            "generate_batch_ok",
            "echo_ok",
            "generate_ok",
            "error12",
            "error12",
            "error12",
            "error10",
            "error22",
            "stats_ok",
        ]
    );
    for (number, reply) in replies.iter().enumerate() {
        assert!(reply.ends_with(&format!(r#""msg_id": {number}}}}}"#)), "{reply}");
    }
    let stats = &serde_json::from_str::<Value>(&replies[12]).unwrap()["body"];
    assert_eq!(stats["ids"], 1 + 5 + 10 + 1);
}

#[test]
fn half_a_million_piped_requests_are_answered_in_order_and_increase() {
    const REQUESTS: u64 = 500_000;
    let mut input = format!("{INIT}\n");
    for msg_id in 2..REQUESTS + 2 {
        input +=
            &format!("{{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{{\"type\":\"generate\",\"msg_id\":{msg_id}}}}}\n");
    }
    let output = run(&["node"], input);
    assert!(output.status.success());
    let mut lines = text(&output.stdout).lines();
    assert_eq!(lines.next(), Some(INIT_OK));
    let mut last = None;
    for n in 0..REQUESTS {
        let reply: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
        assert_eq!(
            (reply["body"]["in_reply_to"].as_u64(), reply["body"]["msg_id"].as_u64()),
            (Some(n + 2), Some(n + 1))
        );
        let id = reply["body"]["id"].as_u64();
        assert!(id.is_some() && id > last);
        last = id;
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn a_batch_of_a_million_is_distinct_and_increases() {
    let replies = bodies(&[json!({"type": "generate_batch", "msg_id": 5, "count": 1_000_000})]);
    let ids = ids(&replies[0]);
    assert_eq!(ids.len(), 1_000_000);
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!(replies[0]["max_sequence"], 4095);
}

#[test]
fn an_echo_has_the_same_value_in_the_protocols_form() {
    let echo = |value: &str| {
        let line = format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"echo","msg_id":5,"echo":{value}}}}}"#);
        let reply = replies(&[INIT, &line]).remove(1);
        let start = r#"{"src": "n1", "dest": "c1", "body": {"type": "echo_ok", "in_reply_to": 5, "echo": "#;
        reply.strip_prefix(start).unwrap().strip_suffix(r#", "msg_id": 1}}"#).unwrap().to_owned()
    };
    for (value, expected) in [
        ("null", "null"),
        ("12345678901234567890123.50e7", "12345678901234567890123.50e7"),
        (r#"{"z":1,  "a":[true,{}]}"#, r#"{"z": 1, "a": [true, {}]}"#),
        (r#""a:b,c \" \\ \u00e9 é""#, r#""a:b,c \" \\ \u00e9 é""#),
    ] {
        assert_eq!(echo(value), expected);
    }
}

#[test]
fn names_come_back_as_they_were_written() {
    let lines =
        [INIT, r#"{"src":"\u0063 \"1\"","dest":"n1","id":3,"x":[],"body":{"msg_id":-5,"type":"\u0065cho","echo":1}}"#];
    assert_eq!(
        replies(&lines)[1],
        r#"{"src": "n1", "dest": "\u0063 \"1\"", "body": {"type": "echo_ok", "in_reply_to": -5, "echo": 1, "msg_id": 1}}"#
    );
}

#[test]
fn ids_are_json_strings_if_the_option_says_so() {
    let lines = [
        INIT,
        r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#,
        r#"{"src":"c1","dest":"n1","body":{"type":"generate_batch","msg_id":3,"count":2}}"#,
    ];
    let replies = replies_of(&["--ids", "string"], &lines);
    let bodies: Vec<Value> =
        replies.iter().map(|reply| serde_json::from_str::<Value>(reply).unwrap()["body"].clone()).collect();
    let text = |id: &Value| id.as_str().expect("a string").parse::<Snowflake>().unwrap().to_string();
    let id = text(&bodies[1]["id"]);
    let [first, second] = [0, 1].map(|index| text(&bodies[2]["ids"][index]));
    assert!(replies[1].contains(&format!(r#""in_reply_to": 2, "id": "{id}", "msg_id": 1}}}}"#)), "{}", replies[1]);
    assert!(replies[2].contains(&format!(r#""ids": ["{first}", "{second}"], "max_sequence": "#)), "{}", replies[2]);
    let number = [&lines[..2]].concat();
    assert_eq!(replies_of(&["--ids", "number"], &number)[1].matches('"').count(), replies[1].matches('"').count() - 2);
    assert_fails(&run(&["node", "--ids", "float"], ""), 2, &["float", "number", "string"]);
}

#[test]
fn a_worker_option_overrides_the_nodes_position() {
    let lines = [INIT, r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#];
    for (args, place) in [(&[][..], (0, 0)), (&["--worker", "37"], (1, 5)), (&["--worker", "3/4"], (3, 4))] {
        let reply: Value = serde_json::from_str(&replies_of(args, &lines)[1]).unwrap();
        let id = id(reply["body"]["id"].as_u64().unwrap());
        assert_eq!((id.datacenter(), id.worker()), place);
    }
    assert_fails(&run(&["node", "--worker", "1024"], ""), 2, &["1024", "0 to 1023"]);
}

#[test]
fn the_node_answers_with_ids_of_the_chosen_layout() {
    fn first<S: Scheme>(layout: &str) -> Snowflake<S> {
        let lines = [INIT, r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#];
        let reply: Value = serde_json::from_str(&replies_of(&["--layout", layout], &lines)[1]).unwrap();
        Snowflake::try_from(reply["body"]["id"].as_u64().unwrap()).unwrap()
    }
    let standard = first::<Standard>("standard").unix_ms();
    for unix_ms in [first::<JsSafe>("js-safe").unix_ms(), first::<Instagram>("instagram").unix_ms()] {
        assert!(unix_ms >= standard, "made later, by the same clock");
        assert!(unix_ms < standard + 3_600_000, "read with its own epoch");
    }
    assert_fails(&run(&["node", "--layout", "mastodon"], ""), 2, &["mastodon", "can't generate"]);
    assert_fails(&run(&["node", "--layout", "none"], ""), 2, &["none", "standard", "js-safe"]);
}
