//! `Gateway`: requests to etcd's JSON gateway, one of its members at a time.

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
use crate::tls::{Files, PROBE, has_hung_up, refusal, speaks_tls};

/// How long one call takes at most, whatever becomes of the members that it tries.
const CALL: Duration = Duration::from_secs(2);

/// How long one member's name may take to be looked up, and how long the member has to take a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// The longest reply: twice what 65,536 workers take.
const LONGEST: u64 = 64 << 20;

pub(super) struct Gateway {
    /// None before the first call, and after one whose session failed: certificates that were renewed on disk are used
    /// from then on.
    agent: Mutex<Option<Agent>>,
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

    /// The members as a store's URL has them.
    pub(super) fn places(&self) -> String {
        self.address.endpoints.iter().map(|endpoint| shown(endpoint)).collect::<Vec<_>>().join(", ")
    }

    /// The user's name.
    pub(super) fn user(&self) -> Option<&str> {
        self.address.user.as_ref().map(|user| &*user.name)
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

    /// Asks a member; if it can't be reached or is no etcd the next, and so on. What may be done twice is asked of the
    /// next whatever has failed; but nothing else is asked of one that another may have done already.
    fn send(&self, path: &str, token: Option<&str>, request: &Value, started: Instant) -> Result<Answer, StoreError> {
        let agent = self.agent()?;
        let (mut turn, mut passing) = (1, None);
        loop {
            let at = self.route().endpoint;
            let endpoint = self.address.endpoints.get(at).map_or("", String::as_str);
            let what = format!("asking {}", shown(endpoint));
            let left = CALL.saturating_sub(started.elapsed());
            let (failure, may_go_on) = match post(&agent, &format!("{endpoint}{path}"), token, request, left) {
                Ok((status, date, body)) if status < 500 && failure::is_of_etcd(status, &body) => {
                    return Ok(Answer { what, status, date, body });
                }
                // Something else has taken the request, or it is a server's own failure: that it has no leader, or has
                // just lost it, or is only learning.
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
            let is_last = turn >= self.address.endpoints.len() || CALL <= started.elapsed();
            if is_last || !(may_go_on || is_repeatable(request)) {
                // What may pass with one of the members may pass.
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
        // A proxy that is set for the web is none for etcd.
        let mut config = Agent::config_builder().proxy(None).max_redirects(0).http_status_as_error(false);
        if let Some(files) = &self.address.tls {
            config = config.https_only(true).tls_config(tls::config(files)?);
        }
        let agent = config.timeout_resolve(Some(CONNECT)).timeout_connect(Some(CONNECT)).build().new_agent();
        Ok(known.insert(agent).clone())
    }

    /// Returns what it means that a member has not replied.
    fn failure(&self, what: String, endpoint: &str, error: ureq::Error, started: Instant) -> StoreError {
        let files = self.address.tls.as_ref();
        if files.is_some() {
            *self.agent.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        if may_speak_otherwise(&error)
            && started.elapsed() + PROBE < CALL
            && let Some(remedy) = remedy(endpoint, files)
        {
            return StoreError::refused(what, remedy, error);
        }
        failure::of_transport(what, error, files)
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

fn post(
    agent: &Agent,
    url: &str,
    token: Option<&str>,
    request: &Value,
    left: Duration,
) -> Result<(u16, Option<u64>, String), ureq::Error> {
    // A timeout of 0 would be none.
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

/// Returns whether the member may speak TLS where it was asked without, or the other way round.
fn may_speak_otherwise(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => has_hung_up(error),
        // It has answered, and not in HTTP.
        ureq::Error::Protocol(_) => true,
        _ => false,
    }
}

/// What to do about a member that hangs up, if that is a matter of TLS.
fn remedy(endpoint: &str, files: Option<&Files>) -> Option<&'static str> {
    let uri: Uri = endpoint.parse().ok()?;
    let (host, port) = (uri.host()?.trim_matches(['[', ']']), uri.port_u16()?);
    match files {
        Some(files) => refusal(host, port, files),
        None => speaks_tls(host, port).then_some(failure::WANTS_TLS),
    }
}

/// Whether nothing comes of doing it twice. What compares, writes. All else reads, or is about a user's token or an
/// etcd lease, of which one too many ends by itself.
fn is_repeatable(request: &Value) -> bool {
    request.get("compare").is_none()
}

/// Whether nothing was sent.
fn is_unreachable(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        ureq::Error::Io(error) => match error.kind() {
            // A connection that is there is not lost for the latter two within the time of a call.
            ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => true,
            // What is said of a name, by no kind of its own: by Windows in numbers, elsewhere by the standard library.
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
                let remedy = "let what stands before etcd pass its header Date on";
                Err(StoreError::refused(what, remedy, "the reply has no header Date to go by"))
            }
            (_, Err(error)) => Err(StoreError::unavailable(what, format!("the reply is none of etcd's: {error}"))),
        }
    }

    /// Whether nothing was done because the token has expired or the users have changed.
    fn is_refused_token(&self) -> bool {
        let is_of_older = || failure::message(&self.body).is_some_and(|message| message.contains("auth store"));
        self.status == 401 || (self.status == 400 && is_of_older())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use serde_json::{Value, json};

    use super::{Address, Answer, Gateway, Reply};
    use crate::error::StoreError;

    /// Something that answers with a status alone, or hangs up, and counts how often it was asked.
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
                    // Or it was asked whether it speaks TLS.
                    if !read_request(&client) {
                        continue;
                    }
                    // ORDERING: Relaxed. The reply is sent after it, which its reader has seen.
                    count.fetch_add(1, Ordering::Relaxed);
                    if let Some(status) = status {
                        let date = "Date: Sun, 06 Nov 2044 08:49:37 GMT";
                        let head = format!("HTTP/1.1 {status} As told\r\n{date}\r\nConnection: close");
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

    /// Reads a request, if it is one of HTTP. One that is closed with something unread would be reset.
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

    /// As one does that has no leader, is only learning, or is gone in the midst.
    #[test]
    fn a_member_that_fails_is_left() {
        for status in [Some(503), Some(500), None] {
            let (bad, good) = (Member::answering(status), Member::answering(Some(200)));
            let gateway = gateway(&[&bad.endpoint, &good.endpoint]);
            read(&gateway).expect("the next one's answer");
            write(&gateway).expect("the next one's answer");
            assert_eq!((bad.asked(), good.asked()), (1, 2), "{status:?}");
        }
    }

    /// Would catch: a change that is made twice.
    #[test]
    fn what_a_member_may_have_written_no_other_is_asked_to_write() {
        for status in [Some(503), None] {
            let (bad, good) = (Member::answering(status), Member::answering(Some(200)));
            let gateway = gateway(&[&bad.endpoint, &good.endpoint]);
            let outcome = write(&gateway);
            assert!(matches!(outcome, Err(StoreError::Unavailable { .. })));
            assert_eq!((bad.asked(), good.asked()), (1, 0), "{status:?}");
            write(&gateway).expect("the next one's answer to the next call");
            assert_eq!((bad.asked(), good.asked()), (1, 1), "{status:?}");
        }
    }

    #[test]
    fn where_all_members_fail_each_is_asked_once() {
        let members = [503, 500, 504].map(|status| Member::answering(Some(status)));
        let gateway = gateway(&[&members[0].endpoint, &members[1].endpoint, &members[2].endpoint]);
        let error = format!("{:?}", read(&gateway).unwrap_err());
        let host = members[2].endpoint.trim_start_matches("http://");
        assert!(error.contains("504") && error.contains(host), "{error}");
        assert_eq!(members.map(|member| member.asked()), [1, 1, 1]);
    }

    /// A name that there is not, an address to which no connection leads, a port at which nobody listens.
    #[test]
    fn a_member_that_is_not_there_keeps_nobody_from_writing() {
        for nobody in ["http://no-such-host.invalid:2379", "http://224.0.0.1:2379", "http://127.0.0.1:1"] {
            let good = Member::answering(Some(200));
            let outcome = write(&gateway(&[nobody, &good.endpoint]));
            assert!(outcome.is_ok() && good.asked() == 1, "{nobody}: {outcome:?}");
        }
    }

    /// Would catch: a holder that loses its lease beside a member that would renew it.
    #[test]
    fn what_is_no_etcd_keeps_nobody_from_writing() {
        for status in [302, 400, 404, 405, 501] {
            let (bad, good) = (Member::answering(Some(status)), Member::answering(Some(200)));
            let gateway = gateway(&[&bad.endpoint, &good.endpoint]);
            write(&gateway).expect("the next one's answer");
            write(&gateway).expect("the next one's answer");
            assert_eq!((bad.asked(), good.asked()), (1, 2), "{status}");
        }
    }

    #[test]
    fn what_is_no_etcd_is_refused_where_no_other_may_answer() {
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
