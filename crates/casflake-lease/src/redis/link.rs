//! `Link`: a connection to a Redis server that is made when it is needed, and no longer used once it has failed.
//!
//! The crate `redis` bounds how long one reading takes, not how long an answer does that comes byte by byte, and
//! nothing bounds the look-up of a name, or TLS while it begins. So all of it is done on threads, for which nobody
//! waits longer than he will. (A thread ends by itself where the server says nothing at all for two seconds.)

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use redis::{FromRedisValue, ScriptInvocation};

use super::failure::Failure;
use super::server::{Server, Session};

/// How long a call takes at most.
const CALL: Duration = Duration::from_secs(2);

/// For how much of that it waits for a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// How old a connection may be that is still being made. Then another is made.
const COMING: Duration = Duration::from_secs(5);

pub(super) struct Link {
    server: Arc<Server>,
    session: Option<Session>,
    /// A session that is being begun, since when.
    coming: Option<(Instant, Outcome<Session>)>,
}

/// What a thread will have done.
type Outcome<T> = Receiver<Result<T, Failure>>;

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
        // Taken, and not put back where it has failed: an answer that comes late would be taken for the next one's.
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect()?,
        };
        let server = Arc::clone(&self.server);
        let asked = aside(move || match script.invoke(session.connection()) {
            Ok(answer) => Ok((session, answer)),
            Err(error) => Err(server.failure(&session, error)),
        })?;
        let left = CALL.saturating_sub(started.elapsed());
        let (session, answer) = wait(&asked, left).unwrap_or_else(|| Err(late("there was no answer within 2 s")))?;
        self.session = Some(session);
        Ok(answer)
    }

    /// The next call waits for the same one, so that a server that is slow is not sent more and more.
    fn connect(&mut self) -> Result<Session, Failure> {
        let (since, coming) = match self.coming.take() {
            Some(coming) => coming,
            None => {
                let server = Arc::clone(&self.server);
                (Instant::now(), aside(move || server.dial())?)
            }
        };
        wait(&coming, CONNECT).unwrap_or_else(|| {
            // One that is still not there never may be.
            self.coming = Some((since, coming)).filter(|(since, _)| since.elapsed() < COMING);
            Err(late("there was no connection within 1 s"))
        })
    }
}

/// Does `work` on a thread of its own.
fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> io::Result<Outcome<T>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // Nobody may wait for it any more.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().name(String::from("casflake-redis")).spawn(work)?;
    Ok(receiver)
}

/// What has been done, if it was in time.
fn wait<T>(outcome: &Outcome<T>, patience: Duration) -> Option<Result<T, Failure>> {
    match outcome.recv_timeout(patience) {
        Ok(outcome) => Some(outcome),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Err(io::Error::other("the thread that asks has panicked").into())),
    }
}

fn late(why: &str) -> Failure {
    io::Error::new(ErrorKind::TimedOut, why).into()
}

/// Where it leads to, without the password.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.fmt(f)
    }
}
