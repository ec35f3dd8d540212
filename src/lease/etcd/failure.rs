//! Which failures of etcd waiting does not mend, and what does.
//!
//! A cluster without a leader gets one, a member that is full is compacted, a token is renewed, and a name that is not
//! found may be about to be: these pass.

use std::error::Error;
use std::format;
use std::string::String;

use serde::Deserialize;

use crate::lease::error::StoreError;
use crate::lease::tls::explain;

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
pub(super) fn of_transport(what: String, error: ureq::Error) -> StoreError {
    // The error tells no source.
    let remedy = match &error {
        ureq::Error::Io(error) => explain(error),
        ureq::Error::Rustls(error) => explain(error as &(dyn Error + 'static)),
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
