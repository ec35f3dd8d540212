//! Commands with `--lease`: their worker is leased.

use std::time::Duration;

use casflake::{Scheme, Standard};
use casflake_lease::{AcquireRequest, FileStore, LeaseStore, Token};
use serde_json::Value;

use crate::common::{assert_fails, run, text};
use crate::store::Store;

#[test]
fn generate_leases_a_worker_and_releases_it() {
    let store = Store::granting("generate", "1");
    let mut last = 0;
    for round in 1..=3 {
        let output = store.run(&["generate", "-n", "5000"], &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        for line in text(&output.stdout).lines() {
            let id: u64 = line.parse().unwrap();
            assert!(id > last, "{id} after {last}, over a restart");
            last = id;
        }
        let rows = store.rows();
        assert_eq!(rows.len(), 1);
        assert_eq!((&rows[0]["owner"], &rows[0]["counter"]), (&Value::Null, &Value::from(round)));
    }
}

#[test]
fn the_node_leases_its_worker_regardless_of_its_position() {
    let store = Store::granting("node", "1");
    let request = |body: &str| format!(r#"{{"src": "c", "dest": "n", "body": {{{body}}}}}"#) + "\n";
    let init = request(r#""type": "init", "msg_id": 1, "node_id": "n9", "node_ids": ["n1", "n2", "n9"]"#);
    let input = init + &request(r#""type": "generate", "msg_id": 2"#) + &request(r#""type": "stats", "msg_id": 3"#);
    let output = store.run_with(&["node"], &[], &input);
    let replies: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bodies: Vec<&Value> = replies.iter().map(|reply| &reply["body"]).collect();
    assert_eq!((&bodies[0]["type"], &bodies[2]["ids"]), (&Value::from("init_ok"), &Value::from(1)));
    let id = bodies[1]["id"].as_u64().unwrap();
    assert_eq!((id >> 12) & 1023, 0, "the only worker");
    assert_eq!(store.rows()[0]["owner"], Value::Null);
    let stderr = text(&output.stderr);
    assert!(stderr.contains("leased worker 0/0 (index 0) until 20"), "{stderr}");
}

#[test]
fn a_wait_for_a_worker_is_reported_once() {
    let store = Store::granting("wait", "1");
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(60), "a holder");
    FileStore::new(&store.0).acquire(&request).unwrap();
    let waited = store.run(&["generate"], &["--lease-wait", "2"]);
    let said = text(&waited.stderr);
    assert!(
        !waited.status.success() && said.matches("waiting for a worker: none of 1 worker is free").count() == 1,
        "{said}"
    );
}

#[test]
fn a_node_without_a_worker_answers_init_with_error_11_and_a_reason() {
    let store = Store::empty("refused");
    assert!(store.run(&["leases"], &["init", "--beside"]).status.success());
    let init = r#"{"src": "c", "dest": "n", "body": {"type": "init", "msg_id": 1, "node_id": "n", "node_ids": ["n"]}}"#;
    let output = store.run_with(&["node"], &["--lease-wait", "0.001"], init);
    let reply: Value = serde_json::from_str(text(&output.stdout)).unwrap();
    assert_eq!(reply["body"]["code"], 11);
    assert!(reply["body"]["text"].as_str().unwrap().contains("is new or has lost data"), "{reply}");
}

#[test]
fn a_process_creates_the_space_with_lease_create() {
    let store = Store::empty("create");
    let refused = store.run(&["generate"], &["--lease-create", "--lease-wait", "0.001"]);
    assert_fails(&refused, 1, &["is new or has lost data", "it grants leases in 150 s"]);
    let listed = store.run(&["leases"], &[]);
    assert!(text(&listed.stdout).contains("0 of 1024 workers are taken."), "{}", text(&listed.stdout));
    assert_fails(&run(&["generate", "--lease-create"], ""), 2, &["--lease"]);
}

#[test]
fn stress_proves_the_ids_of_a_lease() {
    let store = Store::granting("stress", "4");
    let output = store.run(&["stress", "--threads", "2", "--count", "20000", "--json"], &[]);
    let report: Value = serde_json::from_str(text(&output.stdout)).unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!((&report["ids"], &report["repeats"], &report["clock"]), (&20_000.into(), &0.into(), &"store".into()));
}

#[test]
fn impossible_requests_are_refused_with_a_reason() {
    let store = Store::granting("what", "4");
    assert_fails(&store.run(&["generate", "--worker", "1"], &[]), 2, &["--worker", "--lease"]);
    assert_fails(&store.run(&["stress", "--seconds", "1", "--local", "8"], &[]), 2, &["--local", "--lease"]);
    assert_fails(&store.run(&["generate", "--layout", "sonyflake"], &[]), 1, &["41+5+5+12", "39+0+16+8"]);
    assert_fails(&store.run(&["leases", "--layout", "sonyflake"], &[]), 2, &["41+5+5+12"]);
    assert_fails(&store.run(&["generate"], &["--lease-ttl", "121"]), 1, &["121s", "120s"]);
    assert_fails(&store.run(&["leases"], &["reclaim", "3", "--yes"]), 1, &["no record of worker 3"]);
    assert_fails(
        &store.run(&["leases"], &["init", "--workers", "1025", "--immediately", "--yes"]),
        1,
        &["1025", "1024"],
    );
    for url in ["", "file:", "nfs:/tmp", "/tmp", "file:/tmp#orders"] {
        assert_fails(&run(&["generate", "--lease", url], ""), 2, &["the store's URL"]);
    }
    assert_fails(&run(&["generate", "--lease", "file:/nonexistent/casflake"], ""), 1, &["/nonexistent/casflake"]);
    assert_fails(&run(&["generate", "--lease-ttl", "3"], ""), 2, &["--lease"]);
}

/// Would catch: a wait of 0 that is refused, or that makes a full tick an error.
#[test]
fn a_command_need_not_wait_for_a_worker() {
    let store = Store::granting("no-wait", "1");
    let output = store.run(&["generate", "-n", "20000"], &["--lease-wait", "0"]);
    assert_eq!(text(&output.stdout).lines().count(), 20_000, "{}", text(&output.stderr));
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(60), "a holder");
    FileStore::new(&store.0).acquire(&request).unwrap();
    assert_fails(&store.run(&["generate"], &["--lease-wait", "0"]), 1, &["none of 1 worker is free"]);
    assert_fails(&store.run(&["generate"], &["--lease-wait", "-1"]), 2, &["--lease-wait", "or 0 for no wait"]);
}

/// Would catch: a command that never ends, because a file system hangs.
#[cfg(target_os = "linux")]
#[test]
fn a_command_whose_store_hangs_ends() {
    let store = Store::granting("hangs", "1");
    let _held = testkit::Held::file(&store.0.join("lock"));
    let output = store.run(&["generate", "--lease-wait", "2"], &[]);
    // A call of the store has its own limit of 4 s, and the wait of 2 s is over by then.
    assert_fails(&output, 1, &["the file system has not answered for 4 s"]);
}
