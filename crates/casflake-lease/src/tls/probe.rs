//! Probes a server that has closed the connection or does not answer. A possible reason is that the server uses TLS and
//! the client does not, or the reverse.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::{NO_TLS, Session, TlsFiles, Verify, client_config, explain_to};

/// The time limit of a probe. A probe makes a separate connection to find out whether a server uses TLS, or why the
/// server refuses a TLS session.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// The types that the first record of a TLS server can have: 21 for an alert, and 22 for a handshake.
const RECORDS: [u8; 2] = [21, 22];

/// Connects to a host. Tries the addresses of the host one after the other, each for at most `timeout`, until one of
/// the addresses accepts the connection.
pub(crate) fn connect(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let mut outcome = Err(ErrorKind::NotFound.into());
    for address in (host, port).to_socket_addrs()? {
        outcome = TcpStream::connect_timeout(&address, timeout);
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Returns whether `error` says that the other side has closed or reset the connection. A server that does not
/// understand a request may close the connection without an answer. If the server has not read the whole request, it
/// resets the connection instead.
pub(crate) fn has_hung_up(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Returns whether a server answers the first message of a TLS session with a TLS record. Returns `false` if no answer
/// comes within [`PROBE_TIMEOUT`].
pub(crate) fn speaks_tls(host: &str, port: u16) -> bool {
    hello(host).and_then(|hello| first_byte(host, port, hello)).is_some_and(|first| RECORDS.contains(&first))
}

/// Connects to a server, sends `question`, and returns the first byte of the answer. Returns `None` if the connection
/// or the sending fails, or if no answer comes within [`PROBE_TIMEOUT`].
pub(crate) fn first_byte(host: &str, port: u16, question: Vec<u8>) -> Option<u8> {
    let host = host.to_owned();
    within(move || ask(&host, port, &question, 1).ok()?.first().copied())
}

/// Finds out why an HTTP server refuses a TLS session with `files`. Returns one sentence with the reason and the
/// remedy. Returns `None` if this function does not find the reason within [`PROBE_TIMEOUT`].
///
/// Call this function after a connection has failed. This function makes a new connection, because the reason may have
/// been lost on the first connection: if the server closes a connection while the client is still sending, the client
/// can't read the server's last message.
pub(crate) fn refusal(host: &str, port: u16, files: &TlsFiles) -> Option<&'static str> {
    let (host, files) = (host.to_owned(), files.clone());
    within(move || {
        let socket = connect(&host, port, PROBE_TIMEOUT).ok()?;
        socket.set_read_timeout(Some(PROBE_TIMEOUT)).ok()?;
        let mut session = Session::new(files.config().ok()?, &host, socket).ok()?;
        let explain = |error| explain_to(files.identity.is_some(), error);
        match session.shake_hands() {
            // Some servers refuse the client's certificate after the handshake, and not during the handshake.
            Ok(()) => explain(&session.read(&mut [0]).err()?),
            Err(error) if has_hung_up(&error) => {
                let answer = ask(&host, port, b"GET /version HTTP/1.0\r\n\r\n", 1024).ok()?;
                is_http_alone(&answer).then_some(NO_TLS)
            }
            Err(error) => explain(&error),
        }
    })
}

/// Runs `work` on a separate thread, and returns the result of `work`. Returns `None` if there is no result after
/// [`PROBE_TIMEOUT`]. The separate thread is necessary, because a name look-up has no time limit.
fn within<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (sender, answer) = mpsc::sync_channel(1);
    // Sending fails if the caller no longer waits.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().name(String::from("casflake-probe")).spawn(work).ok()?;
    answer.recv_timeout(PROBE_TIMEOUT).ok()?
}

/// Returns whether `answer` is the answer of an HTTP server without TLS. Returns `false` if `answer` has the status 400
/// and contains the word "HTTPS": a server with TLS may answer in this way if a client sends a request without TLS.
fn is_http_alone(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer).to_ascii_uppercase();
    answer.starts_with("HTTP/") && !(answer.contains(" 400 ") && answer.contains("HTTPS"))
}

/// Connects to a server, sends `question`, and returns the first `size` bytes of the answer. Returns fewer bytes if the
/// answer ends earlier, or if the server pauses in the answer. Fails if no byte of the answer comes within
/// [`PROBE_TIMEOUT`].
fn ask(host: &str, port: u16, question: &[u8], size: u64) -> io::Result<Vec<u8>> {
    let mut socket = connect(host, port, PROBE_TIMEOUT)?;
    socket.set_read_timeout(Some(PROBE_TIMEOUT))?;
    socket.write_all(question)?;
    let mut answer = vec![0];
    socket.read_exact(&mut answer)?;
    socket.set_read_timeout(Some(PROBE_TIMEOUT / 4))?;
    // An error counts as the end of the answer.
    let _ = socket.take(size - 1).read_to_end(&mut answer);
    Ok(answer)
}

/// Returns the first message that a client sends in a TLS session with `host`. Returns `None` if there can be no such
/// session, for example because `host` is not a name that a certificate can have.
fn hello(host: &str) -> Option<Vec<u8>> {
    let config = client_config(&Verify::Nothing, None).ok()?;
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).ok()?;
    Some(hello)
}
