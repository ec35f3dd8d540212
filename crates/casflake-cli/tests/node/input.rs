//! Arbitrary input on stdin, and pipes that close.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;

use super::common::{assert_fails, assert_no_panic, casflake, run, text};
use super::{INIT, INIT_OK};

#[test]
fn lines_that_can_not_be_answered_are_reported_and_skipped() {
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
fn a_byte_order_mark_before_init_is_skipped() {
    let output = run(&["node"], format!("\u{feff}{INIT}\n"));
    assert_eq!((text(&output.stdout), text(&output.stderr)), (format!("{INIT_OK}\n").as_str(), ""));
}

#[test]
fn utf_16_ends_the_node_with_a_remedy() {
    let utf_16: Vec<u8> = format!("\u{feff}{INIT}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_fails(&run(&["node"], utf_16), 1, &["UTF-16", "convert it to UTF-8"]);
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
    assert!(text(&output.stderr).contains("line 2: skipped: longer than 1 MiB"), "{}", text(&output.stderr));
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
    // Until the node has ended, which closes its input.
    while stdin.write_all(request.as_bytes()).is_ok() {}
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_get_no_reply_and_do_not_harm_the_node(lines in prop::collection::vec(any::<Vec<u8>>(), 0..200)) {
        // An input that begins with UTF-16 is refused as a whole, so this one begins with a newline.
        let mut input = [b"\n", &lines.join(&b'\n')[..]].concat();
        input.extend_from_slice(format!("\n{INIT}\n").as_bytes());
        let output = run(&["node"], input);
        prop_assert_eq!(output.status.code(), Some(0));
        assert_no_panic(&output);
        prop_assert_eq!(text(&output.stdout), format!("{INIT_OK}\n"));
    }
}
