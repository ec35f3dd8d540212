//! The effect of `init` on a node.

use serde_json::{Value, json};

use super::{bodies, id, replies};

/// Returns the reply to an `init` of this node among these nodes.
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
