//! Logs in to Redis with the user and the password, and selects the database.
//!
//! The crate `redis` can log in, too, but reports only that the log-in failed. It does not report whether the password
//! is wrong or the server has too many clients.

use redis::{ConnectionLike, RedisConnectionInfo, RedisError, RedisResult, cmd};

pub(super) fn log_in(connection: &mut dyn ConnectionLike, info: &RedisConnectionInfo) -> RedisResult<()> {
    let (user, password) = (info.username(), info.password());
    if info.protocol().supports_resp3() {
        let mut hello = cmd("HELLO");
        hello.arg(3);
        if let Some(password) = password {
            hello.arg("AUTH").arg(user.unwrap_or("default")).arg(password);
        }
        hello.exec(connection)?;
    } else if let Some(password) = password {
        authenticate(connection, user, password)?;
    }
    if info.db() == 0 { Ok(()) } else { cmd("SELECT").arg(info.db()).exec(connection) }
}

fn authenticate(connection: &mut dyn ConnectionLike, user: Option<&str>, password: &str) -> RedisResult<()> {
    let outcome = cmd("AUTH").arg(user).arg(password).exec(connection);
    match outcome {
        // Redis 5 has passwords but no users.
        Err(error) if user.is_some() && knows_no_users(&error) => cmd("AUTH").arg(password).exec(connection),
        outcome => outcome,
    }
}

fn knows_no_users(error: &RedisError) -> bool {
    error.detail().is_some_and(|text| text.contains("wrong number of arguments for 'auth' command"))
}
