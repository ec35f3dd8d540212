//! `Link`: a connection to a Redis server. The connection is made when it is needed, and is not used again after a
//! failure.
//!
//! The crate `redis` limits the time of one read. It does not limit the time of an answer that comes byte by byte, of
//! the look-up of a host name, or of the TLS handshake. So a connection is made, and a script is run, on a separate
//! thread, and a call stops waiting for such a thread after a fixed time. The thread itself ends if the server sends
//! nothing for two seconds.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use redis::{FromRedisValue, ScriptInvocation};

use super::failure::Failure;
use super::server::{Server, Session};

/// The time limit of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest time for which a call waits for a connection. This waiting also counts towards `CALL_TIMEOUT`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The longest time for making a connection. A call stops waiting for a connection earlier, and leaves the unfinished
/// connection to the next call. But if `COMING` has passed by then, the call abandons the unfinished connection, and the
/// next call makes a new one.
const COMING: Duration = Duration::from_secs(5);

pub(super) struct Link {
    server: Arc<Server>,
    session: Option<Session>,
    /// The session that the next call waits for: the time at which a thread began to make this session, and the
    /// receiver of the session. `None` if there is no such session.
    coming: Option<(Instant, Pending<Session>)>,
}

/// Receives the outcome of work on another thread.
type Pending<T> = Receiver<Result<T, Failure>>;

impl Link {
    pub(super) fn to(server: Server) -> Self {
        Self { server: Arc::new(server), session: None, coming: None }
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.server.user()
    }

    pub(super) fn what(&self) -> String {
        self.server.what()
    }

    /// Runs a script.
    pub(super) fn run<T>(&mut self, script: ScriptInvocation<'static>) -> Result<T, Failure>
    where
        T: FromRedisValue + Send + 'static,
    {
        let started = Instant::now();
        // After a failure, the session is not put back, because a late answer would be mistaken for the answer to the
        // next script.
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect()?,
        };
        let server = Arc::clone(&self.server);
        let asked = aside(move || match script.invoke(session.connection()) {
            Ok(answer) => Ok((session, answer)),
            Err(error) => Err(server.failure(&session, error)),
        })?;
        let left = CALL_TIMEOUT.saturating_sub(started.elapsed());
        let (session, answer) = wait(&asked, left).unwrap_or_else(|| Err(late("there was no answer within 2 s")))?;
        self.session = Some(session);
        Ok(answer)
    }

    /// Waits for a new session and returns it. Fails if the session is not ready within `CONNECT_TIMEOUT`. The next
    /// call then waits for the same session, so that a slow server does not get more and more connections. But if
    /// making the session has already taken longer than `COMING` when this call fails, the next call makes a new
    /// session.
    fn connect(&mut self) -> Result<Session, Failure> {
        let (since, coming) = match self.coming.take() {
            Some(coming) => coming,
            None => {
                let server = Arc::clone(&self.server);
                (Instant::now(), aside(move || server.dial())?)
            }
        };
        wait(&coming, CONNECT_TIMEOUT).unwrap_or_else(|| {
            // A connection that takes longer than `COMING` may never be ready.
            self.coming = Some((since, coming)).filter(|(since, _)| since.elapsed() < COMING);
            Err(late("there was no connection within 1 s"))
        })
    }
}

/// Starts `work` on a new thread. Returns the receiver of its outcome, for [`wait`].
fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> io::Result<Pending<T>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // Sending fails if the call has stopped waiting.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().name(String::from("casflake-redis")).spawn(work)?;
    Ok(receiver)
}

/// Waits for the outcome. Returns `None` if the work takes longer than `timeout`.
fn wait<T>(pending: &Pending<T>, timeout: Duration) -> Option<Result<T, Failure>> {
    match pending.recv_timeout(timeout) {
        Ok(outcome) => Some(outcome),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => {
            Some(Err(io::Error::other("the thread of this request has panicked").into()))
        }
    }
}

fn late(why: &str) -> Failure {
    io::Error::new(ErrorKind::TimedOut, why).into()
}

/// Shows the server's address, but not the password.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)
    }
}
