//! Tests which member gets a request, and which replies are errors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::{Address, Answer, Gateway, Reply};
use crate::error::StoreError;

/// A server that counts its requests. It answers each request only with a status, or closes the connection.
struct Member {
    endpoint: String,
    asked: Arc<AtomicU64>,
}

impl Member {
    fn answering(status: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                // The store has probed whether the server speaks TLS.
                if !read_request(&client) {
                    continue;
                }
                // ORDERING: Relaxed. The reply is sent after this, and the reader has received the reply.
                count.fetch_add(1, Ordering::Relaxed);
                if let Some(status) = status {
                    let date = "Date: Sun, 06 Nov 2044 08:49:37 GMT";
                    let head = format!("HTTP/1.1 {status} As set\r\n{date}\r\nConnection: close");
                    let _ = write!(client, "{head}\r\nContent-Length: 2\r\n\r\n{{}}");
                }
            }
        });
        Self { endpoint, asked }
    }

    fn asked(&self) -> u64 {
        // ORDERING: Relaxed, as above.
        self.asked.load(Ordering::Relaxed)
    }
}

/// Returns whether the client has sent an HTTP request. If so, first reads the whole request, because closing a
/// connection with unread data would reset the connection.
fn read_request(client: &TcpStream) -> bool {
    let mut reader = BufReader::new(client);
    if !reader.fill_buf().is_ok_and(|bytes| bytes.starts_with(b"POST")) {
        return false;
    }
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    reader.take(length).read_to_end(&mut std::vec::Vec::new()).unwrap();
    true
}

fn gateway(endpoints: &[&str]) -> Gateway {
    Gateway::new(Address { endpoints: endpoints.iter().map(ToString::to_string).collect(), user: None, tls: None })
}

fn call(gateway: &Gateway, request: &Value) -> Result<(), StoreError> {
    gateway.call("/v3/kv/txn", request).map(|_: Reply<Value>| ())
}

fn read(gateway: &Gateway) -> Result<(), StoreError> {
    call(gateway, &json!({ "success": [] }))
}

fn write(gateway: &Gateway) -> Result<(), StoreError> {
    call(gateway, &json!({ "compare": [], "success": [] }))
}

/// The first member answers like a member that has no leader or is a learner, or closes the connection like a member
/// whose process ends during a request.
#[test]
fn after_a_failure_the_next_member_is_asked() {
    for status in [Some(503), Some(500), None] {
        let (bad, good) = (Member::answering(status), Member::answering(Some(200)));
        let gateway = gateway(&[&bad.endpoint, &good.endpoint]);
        read(&gateway).expect("the next member's answer");
        write(&gateway).expect("the next member's answer");
        assert_eq!((bad.asked(), good.asked()), (1, 2), "{status:?}");
    }
}

/// Would catch: one change that is written twice.
#[test]
fn a_write_that_may_have_happened_is_not_sent_to_another_member() {
    for status in [Some(503), None] {
        let (bad, good) = (Member::answering(status), Member::answering(Some(200)));
        let gateway = gateway(&[&bad.endpoint, &good.endpoint]);
        let outcome = write(&gateway);
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })));
        assert_eq!((bad.asked(), good.asked()), (1, 0), "{status:?}");
        write(&gateway).expect("the next member's answer to the next call");
        assert_eq!((bad.asked(), good.asked()), (1, 1), "{status:?}");
    }
}

#[test]
fn each_member_is_asked_once_if_all_fail() {
    let members = [503, 500, 504].map(|status| Member::answering(Some(status)));
    let gateway = gateway(&[&members[0].endpoint, &members[1].endpoint, &members[2].endpoint]);
    let error = format!("{:?}", read(&gateway).unwrap_err());
    let host = members[2].endpoint.trim_start_matches("http://");
    assert!(error.contains("504") && error.contains(host), "{error}");
    assert_eq!(members.map(|member| member.asked()), [1, 1, 1]);
}

/// Tests a host name that does not exist, an address that can't be reached, and a port that refuses connections.
#[test]
fn an_unreachable_member_does_not_prevent_a_write() {
    for unreachable in ["http://no-such-host.invalid:2379", "http://224.0.0.1:2379", "http://127.0.0.1:1"] {
        let good = Member::answering(Some(200));
        let outcome = write(&gateway(&[unreachable, &good.endpoint]));
        assert!(outcome.is_ok() && good.asked() == 1, "{unreachable}: {outcome:?}");
    }
}

/// Would catch: a holder that loses its lease when another member could still renew the lease.
#[test]
fn a_server_that_is_not_etcd_does_not_prevent_a_write() {
    for status in [302, 400, 404, 405, 501] {
        let (bad, good) = (Member::answering(Some(status)), Member::answering(Some(200)));
        let gateway = gateway(&[&bad.endpoint, &good.endpoint]);
        write(&gateway).expect("the next member's answer");
        write(&gateway).expect("the next member's answer");
        assert_eq!((bad.asked(), good.asked()), (1, 2), "{status}");
    }
}

#[test]
fn a_server_that_is_not_etcd_is_refused_if_no_other_may_answer() {
    let members = [404, 405, 503].map(|status| Member::answering(Some(status)));
    let [first, second, passing] = [0, 1, 2].map(|at: usize| &*members[at].endpoint);
    let refused = write(&gateway(&[first, second]));
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    for endpoints in [[first, passing], [passing, first], [first, "http://127.0.0.1:1"]] {
        let outcome = write(&gateway(&endpoints));
        assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    }
}

fn answer(status: u16, message: &str) -> Answer {
    let body = format!(r#"{{"error":"{message}","message":"{message}","code":3}}"#);
    Answer { what: "asking".into(), status, date: Some(1), body }
}

#[test]
fn a_refused_token_is_recognized() {
    // The texts are copied from etcd. The second text is for tokens that name the revision of the users.
    assert!(answer(401, "etcdserver: invalid auth token").is_refused_token());
    assert!(answer(400, "etcdserver: revision of auth store is old").is_refused_token());
    assert!(!answer(400, "etcdserver: authentication failed, invalid user ID or password").is_refused_token());
    assert!(!answer(403, "etcdserver: permission denied").is_refused_token());
}

#[test]
fn an_error_says_why_there_is_no_answer() {
    let why = |answer: Answer| format!("{:?}", answer.read::<Value>().map(|_| ()).unwrap_err());
    assert!(why(answer(403, "etcdserver: permission denied")).contains("403: etcdserver: permission denied"));
    assert!(why(Answer { body: String::from("<html>"), ..answer(502, "") }).contains("502: not etcd's"));
    assert!(why(Answer { body: String::from("<html>"), ..answer(200, "") }).contains("not etcd's: expected"));
    assert!(why(Answer { date: None, ..answer(200, "") }).contains("Date"));
}
