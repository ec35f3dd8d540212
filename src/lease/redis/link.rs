//! `Link`: a connection to a Redis server that is made when it is needed, and no longer used once it has failed.

use core::fmt;
use core::time::Duration;
use std::io::{self, ErrorKind};
use std::string::String;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use redis::io::tcp::TcpSettings;
use redis::{Client, Connection, ConnectionInfo, FromRedisValue, RedisResult, ScriptInvocation};

/// How long to wait for a connection, and for each answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Link {
    client: Client,
    connection: Option<Connection>,
    /// A connection that is being made.
    coming: Option<Receiver<RedisResult<Connection>>>,
}

impl Link {
    /// To the server at `url`, to which nothing connects yet.
    pub(super) fn to(url: &str) -> RedisResult<Self> {
        let info: ConnectionInfo = url.parse()?;
        // Each script is one message, which nothing is gained by holding back.
        let tcp = TcpSettings::default().set_nodelay(true);
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_tcp_settings(tcp).set_redis_settings(settings))?;
        Ok(Self { client, connection: None, coming: None })
    }

    /// Runs a script.
    pub(super) fn run<T: FromRedisValue>(&mut self, script: &ScriptInvocation<'_>) -> RedisResult<T> {
        // Taken, and not put back where it has failed: an answer that comes late would be taken for the next one's.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let answer = script.invoke(&mut connection)?;
        self.connection = Some(connection);
        Ok(answer)
    }

    /// In a thread of its own: what looks up a name or connects to a Unix socket can't be told how long to try. The
    /// next call waits for the same one, so that there is never more than one.
    fn connect(&mut self) -> RedisResult<Connection> {
        let coming = match self.coming.take() {
            Some(coming) => coming,
            None => dial(self.client.clone())?,
        };
        match coming.recv_timeout(PATIENCE) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => {
                self.coming = Some(coming);
                Err(io::Error::new(ErrorKind::TimedOut, "there was no connection within 2 s").into())
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("the thread that connects has panicked").into())
            }
        }
    }
}

fn dial(client: Client) -> io::Result<Receiver<RedisResult<Connection>>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let connect = move || {
        let connection = client.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(connection)
    };
    // Nobody may wait for it any more.
    thread::Builder::new().name(String::from("casflake-redis")).spawn(move || drop(sender.send(connect())))?;
    Ok(receiver)
}

/// Where it leads to, without the password.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.client.get_connection_info();
        write!(f, "{}, database {}", info.addr(), info.redis_settings().db())
    }
}
