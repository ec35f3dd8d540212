//! `Gateway`: sends requests to the JSON gateway of etcd, to one member of the cluster at a time.

use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::http::Uri;
use ureq::{Agent, Timeout};

use super::address::{Address, User, shown};
use super::{date, failure, tls};
use crate::error::StoreError;
use crate::tls::{PROBE_TIMEOUT, TlsFiles, has_hung_up, refusal, speaks_tls};

/// The time limit of a call. If the call tries several members, this is the limit for all of them together.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The time limit for the look-up of a member's name. Connecting to the member has a time limit of the same length.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The maximum length of a reply in bytes. It is twice the length of a reply with 65,536 workers.
const LONGEST: u64 = 64 << 20;

pub(super) struct Gateway {
    /// `None` before the first call and, with TLS, after a request that got no reply. The next call then makes a new
    /// agent, which reads the certificates from disk again.
    agent: Mutex<Option<Agent>>,
    address: Address,
    route: Mutex<Route>,
}

#[derive(Default)]
struct Route {
    /// The index of the endpoint that gets the next request.
    endpoint: usize,
    /// The token that etcd has returned for the password of the user.
    token: Option<String>,
}

/// The body of a reply, and the time in its header `Date`.
pub(super) struct Reply<T> {
    pub(super) unix_ns: u64,
    pub(super) body: T,
}

impl Gateway {
    pub(super) fn new(address: Address) -> Self {
        Self { agent: Mutex::default(), address, route: Mutex::default() }
    }

    pub(super) fn endpoints(&self) -> &[String] {
        &self.address.endpoints
    }

    /// Returns the members in the form of a store's URL.
    pub(super) fn places(&self) -> String {
        self.address.endpoints.iter().map(|endpoint| shown(endpoint)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the user's name.
    pub(super) fn user(&self) -> Option<&str> {
        self.address.user.as_ref().map(|user| &*user.name)
    }

    /// Posts `request`. If there is a user, sends the user's token. If etcd no longer accepts the token, gets a new
    /// token and posts the request again.
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

    /// Sends a request to a member. If the member fails, sends the request to the next member, and so on. Stops when
    /// all members have failed or the time limit of the call is over. Also stops after a failure if the request is not
    /// repeatable (see [`is_repeatable`]) and the failed member may have carried out the request.
    fn send(&self, path: &str, token: Option<&str>, request: &Value, started: Instant) -> Result<Answer, StoreError> {
        let agent = self.agent()?;
        let (mut turn, mut passing) = (1, None);
        loop {
            let at = self.route().endpoint;
            let endpoint = self.address.endpoints.get(at).map_or("", String::as_str);
            let what = format!("asking {}", shown(endpoint));
            let left = CALL_TIMEOUT.saturating_sub(started.elapsed());
            let (failure, may_go_on) = match post(&agent, &format!("{endpoint}{path}"), token, request, left) {
                Ok((status, date, body)) if status < 500 && failure::is_of_etcd(status, &body) => {
                    return Ok(Answer { what, status, date, body });
                }
                // Either a server other than etcd has answered, or the member itself has failed: it has no leader, has
                // just lost its leader, or is a learner.
                Ok((status, _, body)) => {
                    let may_go_on = failure::is_undone(status, &body);
                    (failure::of_reply(what, status, &body), may_go_on)
                }
                Err(error) => {
                    let may_go_on = is_unreachable(&error);
                    (self.failure(what, endpoint, error, started), may_go_on)
                }
            };
            self.turn_from(at);
            let is_last = turn >= self.address.endpoints.len() || CALL_TIMEOUT <= started.elapsed();
            if is_last || !(may_go_on || is_repeatable(request)) {
                // If the failure of any member may pass by itself, the failure of the call may pass by itself, too.
                return Err(if failure.is_retryable() { failure } else { passing.unwrap_or(failure) });
            }
            passing = passing.or_else(|| failure.is_retryable().then_some(failure));
            turn += 1;
        }
    }

    /// Returns the agent that keeps the connections.
    fn agent(&self) -> Result<Agent, StoreError> {
        let mut known = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = &*known {
            return Ok(agent.clone());
        }
        // No proxy is used, because a proxy that is configured for the web is not meant for etcd.
        let mut config = Agent::config_builder().proxy(None).max_redirects(0).http_status_as_error(false);
        if let Some(files) = &self.address.tls {
            config = config.https_only(true).tls_config(tls::config(files)?);
        }
        let agent =
            config.timeout_resolve(Some(CONNECT_TIMEOUT)).timeout_connect(Some(CONNECT_TIMEOUT)).build().new_agent();
        Ok(known.insert(agent).clone())
    }

    /// Returns the error for the operation `what`, to which a member sent no reply.
    fn failure(&self, what: String, endpoint: &str, error: ureq::Error, started: Instant) -> StoreError {
        let files = self.address.tls.as_ref();
        if files.is_some() {
            *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        if may_speak_otherwise(&error)
            && started.elapsed() + PROBE_TIMEOUT < CALL_TIMEOUT
            && let Some(remedy) = remedy(endpoint, files)
        {
            return StoreError::refused(what, remedy, error);
        }
        failure::of_transport(what, error, files)
    }

    /// Makes later requests go to the member after the one with the index `endpoint`. Does nothing if requests already
    /// go to a member other than `endpoint`. So two calls that fail at the same time do not skip a member.
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

fn post(
    agent: &Agent,
    url: &str,
    token: Option<&str>,
    request: &Value,
    left: Duration,
) -> Result<(u16, Option<u64>, String), ureq::Error> {
    // A timeout of 0 would mean no timeout.
    let left = left.max(Duration::from_millis(1));
    let mut post = agent.post(url).config().timeout_global(Some(left)).build();
    post = post.content_type("application/json");
    if let Some(token) = token {
        post = post.header("Authorization", token);
    }
    let mut response = post.send(request.to_string())?;
    let date = response.headers().get("Date").and_then(|date| date::parse(date.to_str().ok()?));
    let body = response.body_mut().with_config().limit(LONGEST).read_to_string()?;
    Ok((response.status().as_u16(), date, body))
}

/// Returns whether the request may have failed because only one of the two sides, the member or this client, uses TLS.
fn may_speak_otherwise(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => has_hung_up(error),
        // The member has answered, but not in HTTP.
        ureq::Error::Protocol(_) => true,
        _ => false,
    }
}

/// Returns the remedy for a member that closes the connection or does not answer in HTTP, if TLS is the reason. TLS is
/// the reason if only one of the two sides uses TLS, or if the member refuses the TLS session, for example because this
/// client has sent no certificate.
fn remedy(endpoint: &str, files: Option<&TlsFiles>) -> Option<&'static str> {
    let uri: Uri = endpoint.parse().ok()?;
    let (host, port) = (uri.host()?.trim_matches(['[', ']']), uri.port_u16()?);
    match files {
        Some(files) => refusal(host, port, files),
        None => speaks_tls(host, port).then_some(failure::WANTS_TLS),
    }
}

/// Returns whether sending the request twice does no harm. If a request contains the field `compare`, the request
/// writes data and must not be sent twice. All other requests only read data, or are about a user's token or an etcd
/// lease. An extra token or an extra etcd lease does no harm, because it expires.
fn is_repeatable(request: &Value) -> bool {
    request.get("compare").is_none()
}

/// Returns whether the error proves that no request was sent.
fn is_unreachable(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        ureq::Error::Io(error) => match error.kind() {
            // Within the time of a call, an established connection does not fail with `HostUnreachable` or
            // `NetworkUnreachable`.
            ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => true,
            // A failed look-up of a name has no `ErrorKind` of its own. On Windows it is recognised by its numbers, and
            // on other systems by the text of the standard library.
            _ => {
                matches!(error.raw_os_error(), Some(11_001..=11_004))
                    || error.to_string().starts_with("failed to lookup address")
            }
        },
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
            return Err(failure::of_reply(what, status, &body));
        }
        match (date, serde_json::from_str(&body)) {
            (Some(unix_ns), Ok(body)) => Ok(Reply { unix_ns, body }),
            (None, _) => {
                let remedy = "let the proxy in front of etcd pass on the header Date of etcd's replies";
                Err(StoreError::refused(what, remedy, "the reply has no valid header Date"))
            }
            (_, Err(error)) => Err(StoreError::unavailable(what, format!("the reply is not etcd's: {error}"))),
        }
    }

    /// Returns whether etcd refused the request because the token has expired or the users have changed.
    fn is_refused_token(&self) -> bool {
        let is_of_older = || failure::message(&self.body).is_some_and(|message| message.contains("auth store"));
        self.status == 401 || (self.status == 400 && is_of_older())
    }
}

#[cfg(test)]
mod tests;
