//! Probes a server that has closed the connection or does not answer. The reason may be that only one of the two sides,
//! the server or the client, uses TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use super::{NO_TLS, Session, TlsFiles, Verify, client_config, explain_to};

/// The time limit of a probe.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// The types of the first record that a TLS server can send: an alert and a handshake.
const RECORDS: [u8; 2] = [21, 22];

/// Connects to the first address of a host that accepts a connection.
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

/// Returns whether the other side has closed the connection. A server that does not understand a request may close the
/// connection without an answer. If the server has not read the whole request, it resets the connection.
pub(crate) fn has_hung_up(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Returns whether a server speaks TLS.
pub(crate) fn speaks_tls(host: &str, port: u16) -> bool {
    hello(host).and_then(|hello| first_byte(host, port, hello)).is_some_and(|first| RECORDS.contains(&first))
}

/// Returns the first byte of a server's answer to `question`. Returns `None` if no answer comes within
/// [`PROBE_TIMEOUT`].
pub(crate) fn first_byte(host: &str, port: u16, question: Vec<u8>) -> Option<u8> {
    let host = host.to_owned();
    within(move || ask(&host, port, &question, 1).ok()?.first().copied())
}

/// Returns the reason why an HTTP server refuses a TLS session with these files. Returns `None` if the reason is not
/// known within [`PROBE_TIMEOUT`]. To learn the reason, this function makes a new connection. On the failed connection
/// the reason may be lost: if the server closes the connection while the client is still sending, the client can't read
/// the server's last message.
pub(crate) fn refusal(host: &str, port: u16, files: &TlsFiles) -> Option<&'static str> {
    let (host, files) = (host.to_owned(), files.clone());
    within(move || {
        let socket = connect(&host, port, PROBE_TIMEOUT).ok()?;
        socket.set_read_timeout(Some(PROBE_TIMEOUT)).ok()?;
        let mut session = Session::new(files.config().ok()?, &host, socket).ok()?;
        let explain = |error| explain_to(files.identity.is_some(), error);
        match session.shake_hands() {
            // A server may refuse the client's certificate only after the handshake.
            Ok(()) => explain(&session.read(&mut [0]).err()?),
            Err(error) if has_hung_up(&error) => {
                let answer = ask(&host, port, b"GET /version HTTP/1.0\r\n\r\n", 1024).ok()?;
                is_http_alone(&answer).then_some(NO_TLS)
            }
            Err(error) => explain(&error),
        }
    })
}

/// Runs `work` on a separate thread, and waits at most [`PROBE_TIMEOUT`] for the result. The separate thread is
/// necessary, because a name look-up has no time limit.
fn within<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    let (sender, answer) = mpsc::sync_channel(1);
    // Sending fails if the caller no longer waits.
    let work = move || drop(sender.send(work()));
    thread::Builder::new().name(String::from("casflake-probe")).spawn(work).ok()?;
    answer.recv_timeout(PROBE_TIMEOUT).ok()?
}

/// Returns whether the answer is HTTP and shows that the server has no TLS on this port. A server with TLS may also
/// answer in HTTP, but with the status "bad request".
fn is_http_alone(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer).to_ascii_uppercase();
    answer.starts_with("HTTP/") && !(answer.contains(" 400 ") && answer.contains("HTTPS"))
}

/// Returns the first `size` bytes of a server's answer. If the server pauses before that, returns the bytes that have
/// arrived: at least one.
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

/// Returns the first message that a client sends in a TLS session.
fn hello(host: &str) -> Option<Vec<u8>> {
    let config = client_config(&Verify::Nothing, None).ok()?;
    let name = ServerName::try_from(host.to_owned()).ok()?;
    let mut connection = ClientConnection::new(Arc::new(config), name).ok()?;
    let mut hello = Vec::new();
    connection.write_tls(&mut hello).ok()?;
    Some(hello)
}
