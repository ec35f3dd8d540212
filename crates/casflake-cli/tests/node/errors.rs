//! Each error by its code.

use serde_json::json;

use super::common::{assert_fails, run};
use super::{INIT, error, replies, replies_of};

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
fn a_malformed_request_is_error_12_with_a_remedy() {
    for count in [json!(0), json!(-1), json!(1.5), json!(2.0), json!("5"), json!(null), json!([5]), json!(1_000_001)] {
        let (code, text) = error(json!({"type": "generate_batch", "msg_id": 5, "count": count}));
        assert_eq!(code, 12, "{count}: {text}");
        assert!(text.contains("1 to 1000000"), "{text}");
        let names_it = if count.is_null() { "\"count\"".into() } else { format!("count {count} is ") };
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
fn the_batch_limit_is_that_of_the_option() {
    let ask = |count: u64| {
        format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"generate_batch","msg_id":5,"count":{count}}}}}"#)
    };
    let replies = replies_of(&["--max-batch", "3"], &[INIT, &ask(3), &ask(4)]);
    assert!(replies[1].contains("generate_batch_ok"));
    assert!(replies[2].contains(r#""code": 12, "text": "count 4 is out of range: give 1 to 3""#), "{}", replies[2]);
    for limit in ["0", "-1", "16777217", "many"] {
        assert_fails(&run(&["node", "--max-batch", limit], ""), 2, &["--max-batch", limit, "16777216"]);
    }
}
