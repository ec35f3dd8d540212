//! Recognises the failures of Redis for which waiting does not help, and names a remedy for each of them.
//!
//! All other failures may pass: a replica (`READONLY`) may be promoted; a server that loads its data or has too many
//! clients may accept a client later; and a host name that is not resolved may be registered soon.

use redis::{ErrorKind, RedisError};

use crate::error::StoreError;

const PASSWORD: &str = "correct the user or the password in the URL";
const PERMISSION: &str = "allow this user the keys casflake:* and the commands in RedisStore's documentation";
const NO_PASSWORD: &str = "the server has no password: leave the password out of the URL";
const DATABASE: &str = "the server has no such database: give another in the URL, such as /0";
const COMMAND: &str = "use Redis 5 or later, or Valkey, and disable none of the commands that RedisStore needs";
const OTHER_NODE: &str = "the key is on another node of the cluster, which the cause names: give that node in the URL";
const NO_REDIS: &str = "the server is not Redis: correct the host or the port in the URL";

/// Returns the error for the operation `what`, which failed because of `error`.
pub(super) fn of(what: String, error: RedisError) -> StoreError {
    match remedy(&error) {
        Some(remedy) => StoreError::refused(what, remedy, words(&error)),
        None => StoreError::unavailable(what, words(&error)),
    }
}

/// Returns the text that the caller reports as the cause of a failure. If `error` is an answer of the server, this is
/// the server's own text. Otherwise it is the text of `error`. If the caller reported `error` itself as the cause, the
/// text would appear twice, because the source of `error` has the same text.
fn words(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

fn remedy(error: &RedisError) -> Option<&'static str> {
    if error.kind() == ErrorKind::Parse {
        return Some(NO_REDIS);
    }
    match error.code()? {
        "WRONGPASS" => Some(PASSWORD),
        "NOAUTH" => Some("the server requires a password: write :password@ or user:password@ before the host"),
        "NOPERM" => Some(PERMISSION),
        "NOPROTO" => Some("leave the parameter protocol out of the URL"),
        "MOVED" => Some(OTHER_NODE),
        // The server is in protected mode.
        "DENIED" => Some("set a password on the server and give it in the URL, or turn its protected mode off"),
        "ERR" => of_text(error.detail()?),
        _ => None,
    }
}

/// Returns the remedy for an error that has no code of its own. Such errors are recognised by their texts, because
/// Redis 5 has fewer codes than Redis 7.
fn of_text(text: &str) -> Option<&'static str> {
    let has = |words: &str| text.contains(words);
    if has("invalid password") {
        Some(PASSWORD)
    } else if has("without any password configured") || has("no password is set") {
        Some(NO_PASSWORD)
    } else if has("DB index") || has("SELECT is not allowed in cluster mode") {
        Some(DATABASE)
    } else if has("ACL failure in script") || has("can't run this command or subcommand") || has("has no permissions") {
        Some(PERMISSION)
    } else if has("unknown command") || has("Unknown Redis command") {
        Some(COMMAND)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {

    use redis::{RedisError, parse_redis_value};

    use super::of;

    fn answered(bytes: &str) -> RedisError {
        let value = parse_redis_value(bytes.as_bytes());
        value.and_then(redis::Value::extract_error).map(|_| ()).expect_err("an error")
    }

    /// The texts below are answers that servers have sent.
    #[test]
    fn failures_that_may_pass_are_retryable_and_others_are_not() {
        for (text, is_passing) in [
            ("WRONGPASS invalid username-password pair or user is disabled.", false),
            ("ERR invalid password", false),
            ("NOAUTH Authentication required.", false),
            ("NOPERM this user has no permissions to run the 'evalsha' command", false),
            ("NOPERM this user has no permissions to access one of the keys used as arguments", false),
            ("NOPROTO unsupported protocol version", false),
            ("ERR AUTH <password> called without any password configured for the default user.", false),
            ("ERR Client sent AUTH, but no password is set", false),
            ("ERR DB index is out of range", false),
            ("ERR invalid DB index", false),
            ("ERR SELECT is not allowed in cluster mode", false),
            ("ERR unknown command 'EVALSHA', with args beginning with: ", false),
            ("ERR The user executing the script can't run this command or subcommand", false),
            ("DENIED Redis is running in protected mode", false),
            ("MOVED 3999 127.0.0.1:6381", false),
            ("HTTP/1.1 400 Bad Request", false),
            ("ERR max number of clients reached", true),
            ("LOADING Redis is loading the dataset in memory", true),
            ("BUSY Redis is busy running a script.", true),
            ("READONLY You can't write against a read only replica.", true),
            ("CLUSTERDOWN The cluster is down", true),
            ("MASTERDOWN Link with MASTER is down", true),
            ("NOREPLICAS Not enough good replicas to write.", true),
            ("MISCONF Redis is configured to save RDB snapshots", true),
            ("OOM command not allowed when used memory > 'maxmemory'.", true),
            ("TRYAGAIN Multiple keys request during rehashing of slot", true),
            ("ERR the server reports no run_id", true),
        ] {
            let line = if text.starts_with("HTTP") { format!("{text}\r\n") } else { format!("-{text}\r\n") };
            let error = of("asking Redis at h".into(), answered(&line));
            assert_eq!(error.is_retryable(), is_passing, "{error}");
        }
    }
}
