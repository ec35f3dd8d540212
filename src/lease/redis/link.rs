//! `Link`: a connection to a Redis server that is made when it is needed, and no longer used once it has failed.
//!
//! The crate `redis` bounds how long one reading takes, not how long an answer does that comes byte by byte, and
//! nothing bounds the look-up of a name, or TLS while it begins. So all of it is done on threads, for which nobody
//! waits longer than he will. (A thread ends by itself where the server says nothing at all for two seconds.)

use core::fmt;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::string::String;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use redis::io::tcp::TcpSettings;
use redis::{Client, Connection, ConnectionInfo, FromRedisValue, RedisError, RedisResult, ScriptInvocation};

/// How long a call takes at most.
const CALL: Duration = Duration::from_secs(2);

/// For how much of that it waits for a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// How old a connection may be that is still being made. Then another is made.
const COMING: Duration = Duration::from_secs(5);

pub(super) struct Link {
    client: Client,
    connection: Option<Connection>,
    /// A connection that is being made, since when.
    coming: Option<(Instant, Outcome<Connection>)>,
}

/// What a thread will have done.
type Outcome<T> = Receiver<RedisResult<T>>;

impl Link {
    /// To the server at `info`, to which nothing connects yet.
    pub(super) fn to(info: ConnectionInfo) -> RedisResult<Self> {
        // Each script is one message, which nothing is gained by holding back.
        let tcp = TcpSettings::default().set_nodelay(true);
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(settings))?;
        Ok(Self { client, connection: None, coming: None })
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.client.get_connection_info().redis_settings().username()
    }

    /// Runs a script.
    pub(super) fn run<T>(&mut self, script: ScriptInvocation<'static>) -> RedisResult<T>
    where
        T: FromRedisValue + Send + 'static,
    {
        let started = Instant::now();
        // Taken, and not put back where it has failed: an answer that comes late would be taken for the next one's.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let asked = aside(move || script.invoke(&mut connection).map(|answer| (connection, answer)))?;
        let left = CALL.saturating_sub(started.elapsed());
        let (connection, answer) = wait(&asked, left).unwrap_or_else(|| Err(late("there was no answer within 2 s")))?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// The next call waits for the same one, so that a server that is slow is not sent more and more.
    fn connect(&mut self) -> RedisResult<Connection> {
        let (since, coming) = match self.coming.take() {
            Some(coming) => coming,
            None => {
                let client = self.client.clone();
                (Instant::now(), aside(move || dial(&client))?)
            }
        };
        wait(&coming, CONNECT).unwrap_or_else(|| {
            // One that is still not there never may be.
            self.coming = Some((since, coming)).filter(|(since, _)| since.elapsed() < COMING);
            Err(late("there was no connection within 1 s"))
        })
    }
}

fn dial(client: &Client) -> RedisResult<Connection> {
    let connection = client.get_connection_with_timeout(CALL)?;
    connection.set_read_timeout(Some(CALL))?;
    connection.set_write_timeout(Some(CALL))?;
    Ok(connection)
}

/// Does `work` on a thread of its own.
fn aside<T: Send + 'static>(work: impl FnOnce() -> RedisResult<T> + Send + 'static) -> io::Result<Outcome<T>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    // Nobody may wait for it any more.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().name(String::from("casflake-redis")).spawn(work)?;
    Ok(receiver)
}

/// What has been done, if it was in time.
fn wait<T>(outcome: &Outcome<T>, patience: Duration) -> Option<RedisResult<T>> {
    match outcome.recv_timeout(patience) {
        Ok(outcome) => Some(outcome),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => Some(Err(io::Error::other("the thread that asks has panicked").into())),
    }
}

fn late(why: &str) -> RedisError {
    io::Error::new(ErrorKind::TimedOut, why).into()
}

/// Where it leads to, without the password.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.client.get_connection_info();
        write!(f, "{}, database {}", info.addr(), info.redis_settings().db())
    }
}
