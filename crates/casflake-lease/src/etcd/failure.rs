//! Recognises the failures of etcd for which waiting does not help, and names a remedy for each of them.
//!
//! All other failures may pass: a cluster without a leader elects a leader; an operator compacts a database that is
//! full; the store gets a new token in place of an expired one; and a host name that is not resolved may be registered
//! soon.

use serde::Deserialize;

use crate::error::StoreError;
use crate::tls::{TlsFiles, explain_to};

pub(super) const WANTS_TLS: &str = "the server speaks only TLS: write etcds:// in place of etcd://";

/// Returns the error for an operation `what` that failed with this reply: `Refused` if there is a remedy, and otherwise
/// `Unavailable`.
pub(super) fn of_reply(what: String, status: u16, body: &str) -> StoreError {
    let message = message(body);
    let why = format!("the reply is {status}: {}", message.as_deref().unwrap_or("not etcd's"));
    let remedy = match &message {
        Some(message) => of_message(message),
        None => of_other_server(status, body),
    };
    match remedy {
        Some(remedy) => StoreError::refused(what, remedy, why),
        None => StoreError::unavailable(what, why),
    }
}

/// Returns the error for an operation `what` that got no reply: `Refused` if there is a remedy, and otherwise
/// `Unavailable`.
pub(super) fn of_transport(what: String, error: ureq::Error, files: Option<&TlsFiles>) -> StoreError {
    let has_certificate = files.is_some_and(|files| files.identity.is_some());
    let explain = |error| explain_to(has_certificate, error);
    // `ureq::Error` does not return its source, so the source is taken from its variants.
    let remedy = match &error {
        ureq::Error::Io(error) => explain(error),
        ureq::Error::Rustls(error) => explain(error),
        _ => None,
    };
    match remedy {
        Some(remedy) => StoreError::refused(what, remedy, error),
        None => StoreError::unavailable(what, error),
    }
}

/// Returns etcd's message in the body of an error. Returns `None` if the body has no such message.
pub(super) fn message(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Failure {
        message: String,
    }
    // Only the first JSON value is read, because the rest of the body may be for another protocol.
    let mut failures = serde_json::Deserializer::from_str(body).into_iter();
    failures.next()?.ok().map(|Failure { message }| message)
}

/// Returns whether etcd may have sent this reply. All replies of etcd are JSON, and its errors have a message.
pub(super) fn is_of_etcd(status: u16, body: &str) -> bool {
    if status == 200 { body.trim_start().starts_with('{') } else { message(body).is_some() }
}

/// Returns whether the reply proves that etcd did not carry out the request. The reply proves this if another server
/// sent the reply, and the status shows that this server did not pass the request on.
pub(super) fn is_undone(status: u16, body: &str) -> bool {
    (matches!(status, 300..500) || status == 501) && !is_of_etcd(status, body)
}

/// Returns the remedy for an error of etcd, or `None` if the error has no remedy. The error is recognised by the text
/// of `message`, because several of these errors have the same code.
fn of_message(message: &str) -> Option<&'static str> {
    let remedies = [
        ("user name is empty", "etcd requires a user: write user:password@ before the hosts"),
        ("invalid user ID or password", "correct the user or the password in the URL"),
        ("authentication is not enabled", "leave the user out of the URL, or turn authentication on in etcd"),
        ("permission denied", "grant the user a role with readwrite for the prefix /casflake/"),
        ("too many operations in txn", "set --max-txn-ops of etcd to 128 or more"),
        ("request is too large", "set --max-request-bytes of etcd to its default, 1.5 MiB, or more"),
    ];
    remedies.into_iter().find(|(words, _)| message.contains(words)).map(|(_, remedy)| remedy)
}

/// Returns the remedy for a reply of a server other than etcd, or of an etcd server without a gateway. Returns `None`
/// for a failure that may pass by itself.
fn of_other_server(status: u16, body: &str) -> Option<&'static str> {
    match status {
        400 if body.to_ascii_uppercase().contains("HTTPS") => Some(WANTS_TLS),
        404 | 405 | 501 => Some("give the address of etcd 3.4 or later, with its gateway on (--enable-grpc-gateway)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {

    use super::of_reply;

    /// The texts of the replies are copied from etcd, from its gateway, and from other servers that may answer in place
    /// of etcd.
    #[test]
    fn failures_that_may_pass_are_retryable_and_others_are_not() {
        let of_etcd = |message: &str| format!(r#"{{"error":"{message}","message":"{message}","code":3}}more"#);
        for (status, body, is_passing) in [
            (400, of_etcd("etcdserver: user name is empty"), false),
            (400, of_etcd("etcdserver: authentication failed, invalid user ID or password"), false),
            (412, of_etcd("etcdserver: authentication is not enabled"), false),
            (403, of_etcd("etcdserver: permission denied"), false),
            (400, of_etcd("etcdserver: too many operations in txn request"), false),
            (400, of_etcd("etcdserver: request is too large"), false),
            (400, "Client sent an HTTP request to an HTTPS server.".into(), false),
            (404, "404 page not found".into(), false),
            (405, "".into(), false),
            (501, "<html>".into(), false),
            (404, of_etcd("etcdserver: requested lease not found"), true),
            (401, of_etcd("etcdserver: invalid auth token"), true),
            (429, of_etcd("etcdserver: mvcc: database space exceeded"), true),
            (503, of_etcd("etcdserver: no leader"), true),
            (500, of_etcd("etcdserver: leader changed"), true),
            (502, "<html>".into(), true),
            (400, "".into(), true),
        ] {
            let error = of_reply("asking etcd".into(), status, &body);
            assert_eq!(error.is_retryable(), is_passing, "{status} {body}: {error}");
        }
    }
}
