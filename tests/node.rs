//! The node as a child process: the protocol to the byte, every error, and whatever else may stand on stdin.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use casflake::{Instagram, JsSafe, Scheme, Snowflake, Standard};
use common::{assert_fails, assert_no_panic, casflake, run, text};
use proptest::prelude::*;
use serde_json::{Value, json};

const INIT: &str = r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1"]}}"#;
const INIT_OK: &str = r#"{"src": "n1", "dest": "c0", "body": {"type": "init_ok", "in_reply_to": 1, "msg_id": 0}}"#;

/// The replies to these lines, as text; the node must end well.
fn replies_of(args: &[&str], lines: &[&str]) -> Vec<String> {
    let args = [&["node"], args].concat();
    let output = run(&args, lines.join("\n"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn replies(lines: &[&str]) -> Vec<String> {
    replies_of(&[], lines)
}

/// The bodies of the replies to these request bodies, sent after `init`.
fn bodies(requests: &[Value]) -> Vec<Value> {
    let lines: Vec<String> =
        requests.iter().map(|body| json!({"src": "c1", "dest": "n1", "body": body}).to_string()).collect();
    let lines: Vec<&str> = [INIT].into_iter().chain(lines.iter().map(String::as_str)).collect();
    let replies = replies(&lines);
    assert_eq!(replies[0], INIT_OK);
    replies[1..].iter().map(|reply| serde_json::from_str::<Value>(reply).unwrap()["body"].clone()).collect()
}

/// The error code and text that this request body is answered with.
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
fn the_seeds_first_sample_is_answered_to_the_byte() {
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
fn the_seeds_second_sample_is_answered_to_the_byte() {
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
    let session = include_str!("data/session.jsonl");
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
fn an_unknown_type_is_error_10() {
    assert_eq!(error(json!({"type": "forget", "msg_id": 5})).0, 10);
    let before_init = replies(&[r#"{"src":"c1","dest":"n1","body":{"type":"x","msg_id":5}}"#]);
    assert!(before_init[0].contains(r#""code": 10, "#), "{before_init:?}");
}

#[test]
fn a_request_before_init_is_error_11() {
    for kind in ["generate", "generate_batch", "echo", "stats"] {
        let line = format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"{kind}","msg_id":5,"count":3,"echo":1}}}}"#);
        let replies = replies(&[&line, INIT]);
        assert!(replies[0].contains(r#""type": "error", "in_reply_to": 5, "code": 11, "text": "#), "{replies:?}");
        assert!(replies[1].contains("init_ok"));
    }
}

#[test]
fn a_malformed_request_is_error_12_and_says_what_is_wanted() {
    for count in [json!(0), json!(-1), json!(1.5), json!(2.0), json!("5"), json!(null), json!([5]), json!(1_000_001)] {
        let (code, text) = error(json!({"type": "generate_batch", "msg_id": 5, "count": count}));
        assert_eq!(code, 12, "{count}: {text}");
        assert!(text.contains("1 to 1000000"), "{text}");
        let names_it = if count.is_null() { "\"count\"".into() } else { format!("a count of {count}: ") };
        assert!(text.contains(&names_it), "{text}");
    }
    let too_long_for_any_integer = format!(
        r#"{{"src":"c1","dest":"n1","body":{{"type":"generate_batch","msg_id":5,"count":{}}}}}"#,
        "9".repeat(400)
    );
    let reply = replies(&[INIT, &too_long_for_any_integer]).remove(1);
    assert!(
        reply.contains(r#""code": 12, "#) && reply.len() < 400,
        "a long text is not repeated at full length: {reply}"
    );
    assert_eq!(error(json!({"type": "generate_batch", "msg_id": 5})).0, 12);
    assert_eq!(error(json!({"type": "echo", "msg_id": 5})).0, 12);
    assert_eq!(error(json!({"type": 7, "msg_id": 5})).0, 12);
    assert_eq!(error(json!({"msg_id": 5})).0, 12);
}

#[test]
fn the_batch_limit_is_the_one_that_was_set() {
    let ask = |count: u64| {
        format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"generate_batch","msg_id":5,"count":{count}}}}}"#)
    };
    let replies = replies_of(&["--max-batch", "3"], &[INIT, &ask(3), &ask(4)]);
    assert!(replies[1].contains("generate_batch_ok"));
    assert!(replies[2].contains(r#""code": 12, "text": "a count of 4: ask for 1 to 3""#), "{}", replies[2]);
    for limit in ["0", "-1", "16777217", "many"] {
        assert_fails(&run(&["node", "--max-batch", limit], ""), 2, &["--max-batch", limit, "16777216"]);
    }
}

/// The reply to an `init` of this node among these nodes.
fn init(node_id: &Value, node_ids: &Value) -> Value {
    let body = json!({"type": "init", "msg_id": 1, "node_id": node_id, "node_ids": node_ids});
    let replies = replies(&[
        &json!({"src": "c0", "dest": "me", "body": body}).to_string(),
        r#"{"src":"c1","dest":"me","body":{"type":"generate","msg_id":2}}"#,
    ]);
    let [first, second] = [&replies[0], &replies[1]].map(|reply| serde_json::from_str::<Value>(reply).unwrap());
    if first["body"]["type"] == "init_ok" {
        return second["body"].clone();
    }
    assert_eq!(second["body"]["code"], 11, "a refused init leaves the node as it was");
    first["body"].clone()
}

#[test]
fn the_worker_is_the_nodes_position() {
    let names: Vec<String> = (0..1024).map(|n| format!("any name {n}")).collect();
    for position in [0, 1, 31, 32, 37, 1023] {
        let body = init(&json!(names[position]), &json!(names));
        let id = id(body["id"].as_u64().unwrap());
        assert_eq!((id.datacenter(), id.worker()), (position as u64 / 32, position as u64 % 32));
    }
}

#[test]
fn nodes_that_do_not_fit_are_error_12() {
    let names: Vec<String> = (0..1025).map(|n| format!("n{n}")).collect();
    for (node_id, node_ids, words) in [
        (json!("n0"), json!(names), "1025"),
        (json!("n1"), json!(["n1", "n2", "n1"]), "twice"),
        (json!("n3"), json!(["n1", "n2"]), "not in"),
        (json!("n3"), json!([]), "not in"),
        (json!(1), json!([1]), "node_id"),
        (json!("n1"), json!("n1"), "node_ids"),
        (json!("n1"), json!(["n1", 2]), "node_ids"),
        (json!(null), json!(null), "node_id"),
    ] {
        let body = init(&node_id, &node_ids);
        assert_eq!(body["code"], 12, "{body}");
        assert!(body["text"].as_str().unwrap().contains(words), "{body}");
    }
}

#[test]
fn the_same_init_is_answered_again_and_another_is_error_22() {
    let requests = [
        json!({"type": "init", "msg_id": 5, "node_id": "n1", "node_ids": ["n1"]}),
        json!({"type": "init", "msg_id": 6, "node_id": "n2", "node_ids": ["n1", "n2"]}),
        json!({"type": "init", "msg_id": 7, "node_id": "n1", "node_ids": ["n1", "n2"]}),
        json!({"type": "generate", "msg_id": 8}),
    ];
    let replies = bodies(&requests);
    assert_eq!(replies[0]["type"], "init_ok");
    assert_eq!((&replies[1]["code"], &replies[2]["code"]), (&json!(22), &json!(22)));
    assert_eq!(replies[3]["type"], "generate_ok");
}

#[test]
fn an_echo_comes_back_as_it_was_in_the_protocols_form() {
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
fn what_can_not_be_answered_is_reported_and_skipped() {
    let lines = [
        "",
        "   ",
        "no JSON",
        "[]",
        r#"["c0","n1",{"type":"init"}]"#,
        "{}",
        "{",
        "null",
        r#"{"src":"c1","dest":"n1"}"#,
        r#"{"src":"c1","dest":"n1","body":["generate",2]}"#,
        r#"{"src":"c1","dest":"n1","body":{"type":"generate"}}"#,
        r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":"2"}}"#,
        r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2.5}}"#,
        r#"{"dest":"n1","body":{"type":"generate","msg_id":2}}"#,
        r#"{"src":1,"dest":"n1","body":{"type":"generate","msg_id":2}}"#,
        r#"{"src":"c1","body":{"type":"generate","msg_id":2}}"#,
        r#"{"src":"c1","dest":"n1","body":{"type":"generate_ok","msg_id":2,"in_reply_to":1}}"#,
        &format!("{:?}", "z".repeat(10_000)),
    ];
    let input = [lines.join("\n").as_bytes(), b"\n\xff\xfe\0\n", &[b'['; 100_000], b"\n", INIT.as_bytes()].concat();
    let output = run(&["node"], input);
    assert!(output.status.success());
    assert_no_panic(&output);
    assert_eq!(text(&output.stdout), format!("{INIT_OK}\n"));
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().count(), lines.len(), "one report for each line that is not blank: {stderr}");
    assert!(stderr.contains("line 3: "), "{stderr}");
    assert!(stderr.lines().all(|line| line.len() < 250), "a long line is not repeated at full length: {stderr}");
}

#[test]
fn a_line_over_a_mebibyte_is_skipped() {
    let long = |padding: usize| format!("{}{}", INIT.replace("msg_id\":1", "msg_id\":8"), " ".repeat(padding));
    let fits = long((1 << 20) - INIT.len());
    let over = long((1 << 20) - INIT.len() + 1);
    let input = format!("{fits}\n{over}\n{INIT}\n");
    let output = run(&["node"], input);
    let replies: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(replies.len(), 2);
    assert!(replies[0].contains(r#""in_reply_to": 8"#) && replies[1].contains(r#""in_reply_to": 1"#), "{replies:?}");
    assert!(text(&output.stderr).contains("line 2: skipped: over 1 MiB"), "{}", text(&output.stderr));
}

#[test]
fn a_single_request_is_answered_while_the_input_stays_open() {
    let mut child = casflake(&["node"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        while stdout.read_line(&mut line).is_ok_and(|read| read > 0) {
            sender.send(std::mem::take(&mut line)).unwrap();
        }
    });
    // The second request is cut in the middle: the first one's reply must not wait for the rest.
    let generate = r#"{"src":"c1","dest":"n1","body":{"type":"generate","msg_id":2}}"#;
    stdin.write_all(format!("{INIT}\n{}", &generate[..20]).as_bytes()).unwrap();
    let patience = Duration::from_secs(60);
    assert_eq!(lines.recv_timeout(patience).expect("a reply while the input is open").trim_end(), INIT_OK);
    stdin.write_all(format!("{}\n", &generate[20..]).as_bytes()).unwrap();
    assert!(lines.recv_timeout(patience).expect("a reply while the input is open").contains("generate_ok"));
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_closed_stdout_ends_the_node_quietly() {
    let mut child = casflake(&["node"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take());
    let request = format!("{INIT}\n");
    // Until the node is gone, and its input with it.
    while stdin.write_all(request.as_bytes()).is_ok() {}
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn another_layout_is_another_kind_of_id() {
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
    assert_fails(&run(&["node", "--layout", "mastodon"], ""), 2, &["mastodon", "only decodes"]);
    assert_fails(&run(&["node", "--layout", "none"], ""), 2, &["none", "standard", "js-safe"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_get_no_reply_and_do_no_harm(lines in prop::collection::vec(any::<Vec<u8>>(), 0..200)) {
        let mut input = lines.join(&b'\n');
        input.extend_from_slice(format!("\n{INIT}\n").as_bytes());
        let output = run(&["node"], input);
        prop_assert_eq!(output.status.code(), Some(0));
        assert_no_panic(&output);
        prop_assert_eq!(text(&output.stdout), format!("{INIT_OK}\n"));
    }
}
