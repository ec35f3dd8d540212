//! Which failures of etcd waiting does not mend, and what does.
//!
//! A cluster without a leader gets one, a member that is full is compacted, a token is renewed, and a name that is not
//! found may be about to be: these pass.

use serde::Deserialize;

use crate::error::StoreError;
use crate::tls::{Files, explain_to};

pub(super) const WANTS_TLS: &str = "the server speaks TLS only: write etcds:// in place of etcd://";

/// Returns what a reply means that is none of success.
pub(super) fn of_reply(what: String, status: u16, body: &str) -> StoreError {
    let message = message(body);
    let why = format!("the reply is {status}: {}", message.as_deref().unwrap_or("none of etcd's"));
    let remedy = match &message {
        Some(message) => of_message(message),
        None => of_stranger(status, body),
    };
    match remedy {
        Some(remedy) => StoreError::refused(what, remedy, why),
        None => StoreError::unavailable(what, why),
    }
}

/// Returns what it means that there was no reply.
pub(super) fn of_transport(what: String, error: ureq::Error, files: Option<&Files>) -> StoreError {
    let has_certificate = files.is_some_and(|files| files.identity.is_some());
    let explain = |error| explain_to(has_certificate, error);
    // The error tells no source.
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

/// Returns what etcd says of an error.
pub(super) fn message(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Failure {
        message: String,
    }
    // Something may follow, which is for another protocol.
    let mut failures = serde_json::Deserializer::from_str(body).into_iter();
    failures.next()?.ok().map(|Failure { message }| message)
}

/// Whether etcd may have said this: all that it says is JSON, and there is a message where it refuses.
pub(super) fn is_of_etcd(status: u16, body: &str) -> bool {
    if status == 200 { body.trim_start().starts_with('{') } else { message(body).is_some() }
}

/// Whether what was asked has been done by nobody: what has answered is no etcd, and has passed it on to none.
pub(super) fn is_undone(status: u16, body: &str) -> bool {
    (matches!(status, 300..500) || status == 501) && !is_of_etcd(status, body)
}

/// What etcd has no code of its own for is told apart by its words.
fn of_message(message: &str) -> Option<&'static str> {
    let remedies = [
        ("user name is empty", "etcd wants a user: write user:password@ before the hosts"),
        ("invalid user ID or password", "mend the user or the password in the URL"),
        ("authentication is not enabled", "leave the user out of the URL, or turn authentication on in etcd"),
        ("permission denied", "grant the user a role with readwrite for the prefix /casflake/"),
        ("too many operations in txn", "set --max-txn-ops of etcd to 128 or more"),
        ("request is too large", "set --max-request-bytes of etcd to its default, 1.5 MiB, or more"),
    ];
    remedies.into_iter().find(|(words, _)| message.contains(words)).map(|(_, remedy)| remedy)
}

/// What is said by something that is no etcd, or by one whose gateway is off.
fn of_stranger(status: u16, body: &str) -> Option<&'static str> {
    match status {
        400 if body.to_ascii_uppercase().contains("HTTPS") => Some(WANTS_TLS),
        404 | 405 | 501 => Some("give the address of etcd 3.4 or later, with its gateway on (--enable-grpc-gateway)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {

    use super::of_reply;

    /// As etcd, its gateway and what may stand in their place word them.
    #[test]
    fn what_time_mends_is_told_from_what_it_does_not() {
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
