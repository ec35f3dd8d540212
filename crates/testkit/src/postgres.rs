//! A PostgreSQL server for one test. The test can freeze or kill the server, delete its data, and restore the data from
//! a copy.

mod access;
mod host;
mod processes;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio_postgres::{NoTls, SimpleQueryMessage};

pub use self::host::{as_postgres, give, new_directory};
use self::host::{binary, libfaketime, run, template, unpack};
use self::processes::{children, is_alive, send};
use crate::proxy::Proxy;
use crate::server::Server;

/// The longest time that a test waits for the server to answer or to change its state. The time is long enough for a
/// busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A tar archive of an initialised data directory, or `None` if PostgreSQL is not installed. The initialisation takes
/// seconds, so every server begins with the contents of this archive.
static TEMPLATE: LazyLock<Option<Vec<u8>>> = LazyLock::new(template);

/// A server with a port and a directory of its own. When this value is dropped, the server ends and the directory is
/// removed.
pub struct PostgresServer {
    directory: PathBuf,
    port: u16,
    postmaster: Option<Child>,
    options: Vec<String>,
    faketime: Option<PathBuf>,
}

impl PostgresServer {
    /// Starts a server. Returns `None` if PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts a server with `settings`, such as `fsync=on`. Every later start of this server uses these settings, too.
    /// Returns `None` if PostgreSQL is not installed.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        Self::new(settings, None)
    }

    /// Starts a server whose clock [`set_clock`](Server::set_clock) can shift. Returns `None` if PostgreSQL or
    /// libfaketime is not installed.
    pub fn start_with_faked_clock() -> Option<Self> {
        Self::new(&[], Some(libfaketime()?))
    }

    fn new(settings: &[&str], faketime: Option<PathBuf>) -> Option<Self> {
        let template = TEMPLATE.as_ref()?;
        let directory = new_directory();
        let options = settings.iter().flat_map(|setting| ["-c".into(), (*setting).to_owned()]).collect();
        let mut server = Self { directory, port: 0, postmaster: None, options, faketime };
        unpack(template, &server.data());
        server.set_clock(0);
        server.port = free_port();
        server.restart();
        Some(server)
    }

    /// Returns the server's URL with `port` as its port. `port` is the server's own port, or the port of a proxy or
    /// pooler in front of the server.
    pub fn url_by(&self, port: u16) -> String {
        format!("postgresql://postgres@127.0.0.1:{port}/postgres")
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns all log output of the server.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.join("log")).unwrap_or_default()).into_owned()
    }

    /// Kills all processes of the server together, as a crash of the whole server does.
    pub fn kill(&mut self) {
        self.stop();
        let processes = self.processes();
        processes.iter().for_each(|pid| send(*pid, Signal::KILL));
        if let Some(mut postmaster) = self.postmaster.take() {
            postmaster.wait().expect("the postmaster was killed");
        }
        wait_until("its processes are gone", || !processes.iter().any(|pid| is_alive(*pid)));
        if self.faketime.is_some() {
            // Memory that libfaketime shares among the processes.
            for name in ["faketime_shm_", "sem.faketime_sem_"] {
                processes.iter().for_each(|pid| drop(fs::remove_file(format!("/dev/shm/{name}{pid}"))));
            }
        }
    }

    /// Starts the server after [`kill`](Self::kill), with the same port and directory as before.
    pub fn restart(&mut self) {
        self.start_again(&[]);
    }

    /// Shuts the server down as an operator does, and starts the server again with the additional `settings`. The next
    /// start does not use `settings` any more.
    pub fn restart_cleanly(&mut self, settings: &[&str]) {
        self.shut_down();
        self.start_again(settings);
    }

    /// Restarts the server, which then recovers from its own write-ahead log, as from a backup. After the recovery the
    /// server has a new timeline, like a promoted standby.
    pub fn promote_as_new_timeline(&mut self) {
        self.shut_down();
        self.recover();
    }

    fn recover(&mut self) {
        self.signal_file("recovery.signal");
        self.start_again(&["restore_command=false"]);
        wait_until("it is promoted", || self.value("SELECT pg_is_in_recovery()") == "f");
    }

    /// Restarts the server as a standby. A standby answers reads but refuses writes.
    pub fn become_standby(&mut self) {
        self.shut_down();
        self.signal_file("standby.signal");
        self.start_again(&["restore_command=false"]);
    }

    /// Restores the data that [`copy`](Server::copy) has copied. Unlike [`restore`](Server::restore), this function
    /// does not change the timeline. So the server has no sign that its data are old.
    pub fn restore_data(&mut self) {
        self.put_back();
        self.restart();
    }

    fn put_back(&mut self) {
        self.shut_down();
        fs::remove_dir_all(self.data()).expect("the data can be removed");
        run(Command::new("cp").arg("-a").arg(self.directory.join("copy")).arg(self.data()));
    }

    /// Runs `statements` and ignores their results. Panics if a statement fails.
    #[track_caller]
    pub fn sql(&self, statements: &str) {
        self.rows(statements);
    }

    /// Runs `query`, and returns the first value of the result's only row. Panics if the result does not have exactly
    /// one row.
    #[track_caller]
    pub fn value(&self, query: &str) -> String {
        let rows = self.rows(query);
        assert_eq!(rows.len(), 1, "{query} gives {rows:?}");
        rows[0][0].clone()
    }

    /// Runs `query`, and returns the rows of the result. Each value is a text. The text of a null value is `null`.
    #[track_caller]
    pub fn rows(&self, query: &str) -> Vec<Vec<String>> {
        self.rows_by(self.port, query)
    }

    /// Runs `query` on a connection to `port`, and returns the rows as [`rows`](Self::rows) does. `port` is the
    /// server's own port, or the port of a pooler in front of the server.
    #[track_caller]
    pub fn rows_by(&self, port: u16, query: &str) -> Vec<Vec<String>> {
        let said = ask(&self.url_by(port), query).unwrap_or_else(|error| panic!("{query}: {error:?}"));
        said.iter().filter_map(texts).collect()
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn clock_file(&self) -> PathBuf {
        self.directory.join("clock")
    }

    /// Creates the empty file `name` in the data directory. The server finds the file at its next start, and then
    /// recovers or becomes a standby.
    fn signal_file(&self, name: &str) {
        let path = self.data().join(name);
        File::create(&path).expect("a file is created");
        give(&path);
    }

    /// Returns the process IDs of the postmaster and of its children. Returns no IDs if the server was shut down or
    /// killed.
    fn processes(&self) -> Vec<u32> {
        let Some(postmaster) = &self.postmaster else { return Vec::new() };
        let mut processes = vec![postmaster.id()];
        processes.extend(children(postmaster.id()));
        processes
    }

    /// Starts the server with the additional `settings`, and waits until the server answers.
    fn start_again(&mut self, settings: &[&str]) {
        let log = File::options().create(true).append(true).open(self.directory.join("log")).expect("a log");
        let mut command = as_postgres("env");
        if let Some(library) = &self.faketime {
            command.arg(format!("LD_PRELOAD={}", library.display()));
            command.arg(format!("FAKETIME_TIMESTAMP_FILE={}", self.clock_file().display()));
            command.args(["FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"]);
        }
        command.arg(binary("postgres").expect("it was there before")).arg("-D").arg(self.data());
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.arg("-c").arg(format!("unix_socket_directories={}", self.directory.display()));
        command.args(&self.options).args(settings.iter().flat_map(|setting| ["-c", setting]));
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        self.postmaster = Some(command.spawn().expect("the server starts"));
        wait_until("it answers", || {
            if let Some(status) = self.ended() {
                panic!("the server ended, {status}: {}", self.log());
            }
            // Another server may have taken the port.
            let data = self.data().display().to_string();
            let answer = ask(&self.url(), "SHOW data_directory").unwrap_or_default();
            answer.iter().filter_map(texts).any(|row| row[0] == data)
        });
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.postmaster.as_mut()?.try_wait().expect("a child of ours")
    }

    /// Shuts the server down as an operator does. The server cancels all calls in progress, and writes everything to
    /// disk before it ends.
    fn shut_down(&mut self) {
        if let Some(mut postmaster) = self.postmaster.take() {
            send(postmaster.id(), Signal::INT);
            let status = postmaster.wait().expect("a child of ours");
            assert!(status.success(), "the server ended, {status}: {}", self.log());
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // Fast, but so that it frees its shared memory.
        self.go_on();
        if let Some(postmaster) = &self.postmaster {
            send(postmaster.id(), Signal::QUIT);
            let started = Instant::now();
            while is_alive(postmaster.id()) && started.elapsed() < Duration::from_secs(5) {
                thread::sleep(Duration::from_millis(10));
            }
        }
        self.kill();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

fn ask(url: &str, query: &str) -> Result<Vec<SimpleQueryMessage>, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(TIMEOUT, async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            Ok(client.simple_query(query).await?)
        })
        .await?
    })
}

fn texts(message: &SimpleQueryMessage) -> Option<Vec<String>> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|at| row.get(at).unwrap_or("null").to_owned()).collect())
}

#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < TIMEOUT, "not within {TIMEOUT:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

impl Server for PostgresServer {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn url(&self) -> String {
        self.url_by(self.port)
    }

    fn by_proxy(&self) -> Option<(Proxy, String)> {
        let proxy = Proxy::to(self.port);
        let url = self.url_by(proxy.port());
        Some((proxy, url))
    }

    /// Freezes all processes of the server, as if the host hung.
    fn stop(&self) {
        // A process that was just forked is found in the next round.
        let mut stopped = BTreeSet::new();
        while let Some(pid) = self.processes().into_iter().find(|pid| !stopped.contains(pid)) {
            send(pid, Signal::STOP);
            stopped.insert(pid);
        }
    }

    fn go_on(&self) {
        self.processes().into_iter().for_each(|pid| send(pid, Signal::CONT));
    }

    fn crash(&mut self) {
        self.kill();
        self.restart();
    }

    fn wipe(&self) {
        self.sql("DROP TABLE casflake_spaces, casflake_leases");
    }

    fn lose_record(&self, worker: u64) {
        self.sql(&format!("DELETE FROM casflake_leases WHERE worker = {worker}"));
    }

    /// Shuts the server down, copies its data directory, and starts the server again.
    fn copy(&mut self) {
        self.shut_down();
        run(Command::new("cp").arg("-a").arg(self.data()).arg(self.directory.join("copy")));
        self.restart();
    }

    /// Restores the copied data, and makes the server recover from them, as PostgreSQL's documentation describes for a
    /// base backup. The recovery makes a new timeline.
    fn restore(&mut self) {
        self.put_back();
        self.recover();
    }

    /// Shifts the server's clock by `seconds` from the host's clock. Has no effect if the server was started without a
    /// faked clock.
    fn set_clock(&self, seconds: i64) {
        let (new, file) = (self.directory.join("clock.new"), self.clock_file());
        fs::write(&new, format!("{seconds:+}\n")).expect("a file is written");
        fs::rename(new, file).expect("a file is renamed");
    }
}
