//! `Gateway`: requests to etcd's JSON gateway, one of its members at a time.

use core::time::Duration;
use std::format;
use std::io::ErrorKind;
use std::string::{String, ToString};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::{Agent, Timeout};

use super::address::{Address, User};
use super::date;
use crate::lease::error::StoreError;

/// How long one call takes at most, whatever becomes of the members that it tries.
const CALL: Duration = Duration::from_secs(2);

/// How long one member has to take a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// The longest reply: twice what 65,536 workers take.
const LONGEST: u64 = 64 << 20;

pub(super) struct Gateway {
    agent: Agent,
    address: Address,
    route: Mutex<Route>,
}

#[derive(Default)]
struct Route {
    /// Which of the endpoints is asked.
    endpoint: usize,
    /// What the user was given for the password.
    token: Option<String>,
}

/// What was answered, and the `Date` of that.
pub(super) struct Reply<T> {
    pub(super) unix_nanos: u64,
    pub(super) body: T,
}

impl Gateway {
    pub(super) fn new(address: Address) -> Self {
        // A proxy that is set for the web is none for etcd.
        let config = Agent::config_builder().proxy(None).max_redirects(0).http_status_as_error(false);
        let agent = config.timeout_connect(Some(CONNECT)).build().new_agent();
        Self { agent, address, route: Mutex::default() }
    }

    pub(super) fn endpoints(&self) -> &[String] {
        &self.address.endpoints
    }

    /// Posts `request`, by the user's token if there is a user, and by a new one if etcd knows it no more.
    pub(super) fn call<T: DeserializeOwned>(&self, path: &str, request: &Value) -> Result<Reply<T>, StoreError> {
        let started = Instant::now();
        let Some(user) = &self.address.user else {
            return self.send(path, None, request, started)?.read();
        };
        let known = self.route().token.clone();
        let is_known = known.is_some();
        let token = known.map_or_else(|| self.authenticate(user, started), Ok)?;
        let answer = self.send(path, Some(&token), request, started)?;
        if is_known && answer.is_refused_token() {
            let token = self.authenticate(user, started)?;
            return self.send(path, Some(&token), request, started)?.read();
        }
        answer.read()
    }

    fn authenticate(&self, user: &User, started: Instant) -> Result<String, StoreError> {
        #[derive(Deserialize)]
        struct Authenticated {
            token: String,
        }
        let request = json!({ "name": user.name, "password": user.password });
        let reply: Reply<Authenticated> = self.send("/v3/auth/authenticate", None, &request, started)?.read()?;
        let token = reply.body.token;
        self.route().token = Some(token.clone());
        Ok(token)
    }

    /// Asks a member; if it can't be reached the next, and so on. None is asked what another may have done already.
    fn send(&self, path: &str, token: Option<&str>, request: &Value, started: Instant) -> Result<Answer, StoreError> {
        let mut turn = 1;
        loop {
            let at = self.route().endpoint;
            let endpoint = self.address.endpoints.get(at).map_or("", String::as_str);
            let what = format!("asking etcd at {endpoint}{path}");
            let left = CALL.saturating_sub(started.elapsed());
            match self.post(&format!("{endpoint}{path}"), token, request, left) {
                Ok((status, date, body)) => return Ok(Answer { what, status, date, body }),
                Err(error) => {
                    self.turn_from(at);
                    if turn >= self.address.endpoints.len() || left.is_zero() || !is_unreachable(&error) {
                        return Err(StoreError::unavailable(what, error));
                    }
                }
            }
            turn += 1;
        }
    }

    fn post(
        &self,
        url: &str,
        token: Option<&str>,
        request: &Value,
        left: Duration,
    ) -> Result<(u16, Option<u64>, String), ureq::Error> {
        // A timeout of 0 would be none.
        let left = left.max(Duration::from_millis(1));
        let mut post = self.agent.post(url).config().timeout_global(Some(left)).build();
        post = post.content_type("application/json");
        if let Some(token) = token {
            post = post.header("Authorization", token);
        }
        let mut response = post.send(request.to_string())?;
        let date = response.headers().get("Date").and_then(|date| date::parse(date.to_str().ok()?));
        let body = response.body_mut().with_config().limit(LONGEST).read_to_string()?;
        Ok((response.status().as_u16(), date, body))
    }

    /// Asks another member from now on, unless somebody has seen to it already.
    fn turn_from(&self, endpoint: usize) {
        let mut route = self.route();
        if route.endpoint == endpoint {
            route.endpoint = (endpoint + 1).checked_rem(self.address.endpoints.len()).unwrap_or(0);
        }
    }

    fn route(&self) -> MutexGuard<'_, Route> {
        self.route.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing was sent.
fn is_unreachable(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        ureq::Error::Io(error) => error.kind() == ErrorKind::ConnectionRefused,
        _ => false,
    }
}

struct Answer {
    what: String,
    status: u16,
    date: Option<u64>,
    body: String,
}

impl Answer {
    fn read<T: DeserializeOwned>(self) -> Result<Reply<T>, StoreError> {
        let Self { what, status, date, body } = self;
        if status != 200 {
            let why = format!("the reply is {status}: {}", message(&body));
            return Err(StoreError::unavailable(what, why));
        }
        match (date, serde_json::from_str(&body)) {
            (Some(unix_nanos), Ok(body)) => Ok(Reply { unix_nanos, body }),
            (None, _) => Err(StoreError::unavailable(what, "the reply has no header Date to go by")),
            (_, Err(error)) => Err(StoreError::unavailable(what, format!("the reply is none of etcd's: {error}"))),
        }
    }

    /// Whether nothing was done because the token has expired or the users have changed.
    fn is_refused_token(&self) -> bool {
        self.status == 401 || (self.status == 400 && message(&self.body).contains("auth store"))
    }
}

/// What etcd says of an error.
fn message(body: &str) -> String {
    #[derive(Deserialize)]
    struct Failure {
        message: String,
    }
    serde_json::from_str(body).map_or_else(|_| "none of etcd's".into(), |failure: Failure| failure.message)
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use serde_json::Value;

    use super::Answer;

    fn answer(status: u16, message: &str) -> Answer {
        let body = format!(r#"{{"error":"{message}","message":"{message}","code":3}}"#);
        Answer { what: "asking".into(), status, date: Some(1), body }
    }

    #[test]
    fn a_token_is_renewed_where_that_helps() {
        // As etcd words them, and what becomes of tokens that say of which revision of the users they are.
        assert!(answer(401, "etcdserver: invalid auth token").is_refused_token());
        assert!(answer(400, "etcdserver: revision of auth store is old").is_refused_token());
        assert!(!answer(400, "etcdserver: authentication failed, invalid user ID or password").is_refused_token());
        assert!(!answer(403, "etcdserver: permission denied").is_refused_token());
    }

    #[test]
    fn what_is_no_answer_says_why() {
        let why = |answer: Answer| format!("{:?}", answer.read::<Value>().map(|_| ()).unwrap_err());
        assert!(why(answer(403, "etcdserver: permission denied")).contains("403: etcdserver: permission denied"));
        assert!(why(Answer { body: String::from("<html>"), ..answer(502, "") }).contains("502: none of etcd's"));
        assert!(why(Answer { body: String::from("<html>"), ..answer(200, "") }).contains("none of etcd's: expected"));
        assert!(why(Answer { date: None, ..answer(200, "") }).contains("Date"));
    }
}
