//! A PostgreSQL server for one test, to which everything can happen: it stops, crashes, loses data, and is restored.

mod access;

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::proxy::Proxy;
use crate::server::Server;

/// The longest time that anything may take here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An initialised data directory, as a tar archive. It takes seconds to make, so every server begins with a copy.
static TEMPLATE: LazyLock<Option<Vec<u8>>> = LazyLock::new(template);

/// A server with its own port and directory. Both are removed when it is dropped.
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

    /// Starts a server with these settings, such as `fsync=on`.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        Self::new(settings, None)
    }

    /// Starts a server with a clock that [`set_clock`](Server::set_clock) sets. Also returns `None` if libfaketime is
    /// not installed.
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

    /// Returns the [`url`](Server::url) with another port: that of a proxy.
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

    /// Kills all its processes together, as a crash does.
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

    /// Starts it again at the same place, after [`kill`](Self::kill).
    pub fn restart(&mut self) {
        self.start_again(&[]);
    }

    /// Shuts it down as an operator does, and starts it again, this once with these settings.
    pub fn restart_cleanly(&mut self, settings: &[&str]) {
        self.shut_down();
        self.start_again(settings);
    }

    /// Recovers it from its own log, as from a backup. It goes on with a new timeline, like a promoted standby.
    pub fn promote_as_new_timeline(&mut self) {
        self.shut_down();
        self.recover();
    }

    fn recover(&mut self) {
        self.signal_file("recovery.signal");
        self.start_again(&["restore_command=false"]);
        wait_until("it is promoted", || self.value("SELECT pg_is_in_recovery()") == "f");
    }

    /// Makes it a standby, which can be read but not written.
    pub fn become_standby(&mut self) {
        self.shut_down();
        self.signal_file("standby.signal");
        self.start_again(&["restore_command=false"]);
    }

    /// Restores the [copy](Server::copy), without any trace that time has passed.
    pub fn restore_data(&mut self) {
        self.put_back();
        self.restart();
    }

    fn put_back(&mut self) {
        self.shut_down();
        fs::remove_dir_all(self.data()).expect("the data can be removed");
        run(Command::new("cp").arg("-a").arg(self.directory.join("copy")).arg(self.data()));
    }

    /// Runs statements without a result.
    #[track_caller]
    pub fn sql(&self, statements: &str) {
        self.rows(statements);
    }

    /// Returns the only value of a query's result.
    #[track_caller]
    pub fn value(&self, query: &str) -> String {
        let rows = self.rows(query);
        assert_eq!(rows.len(), 1, "{query} gives {rows:?}");
        rows[0][0].clone()
    }

    /// Returns the result of a query as text; a null is `null`.
    #[track_caller]
    pub fn rows(&self, query: &str) -> Vec<Vec<String>> {
        self.rows_by(self.port, query)
    }

    /// Returns the result of a query through another port: that of a pooler.
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

    /// Creates a file in the data directory that tells the server which role to take.
    fn signal_file(&self, name: &str) {
        let path = self.data().join(name);
        File::create(&path).expect("a file is created");
        give(&path);
    }

    /// Returns the postmaster and its children.
    fn processes(&self) -> Vec<u32> {
        let Some(postmaster) = &self.postmaster else { return Vec::new() };
        let mut processes = vec![postmaster.id()];
        processes.extend(children(postmaster.id()));
        processes
    }

    /// Starts it, and waits until it answers.
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

    /// Shuts it down as an operator does: calls in progress are cancelled, and everything is on disk.
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

fn template() -> Option<Vec<u8>> {
    let initdb = binary("initdb")?;
    let directory = new_directory();
    let mut command = as_postgres(initdb);
    command.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]);
    run(command.arg(directory.join("data")));
    let archive = run(Command::new("tar").arg("-C").arg(directory.join("data")).args(["-c", "."])).stdout;
    fs::remove_dir_all(directory).expect("the directory can be removed");
    Some(archive)
}

fn unpack(archive: &[u8], directory: &Path) {
    fs::create_dir(directory).expect("a directory");
    let mut tar = Command::new("tar").arg("-C").arg(directory).args(["-x", "-p"]).stdin(Stdio::piped()).spawn();
    let tar = tar.as_mut().expect("tar starts");
    tar.stdin.take().expect("it is piped").write_all(archive).expect("tar reads");
    assert!(tar.wait().expect("tar ends").success());
    fs::set_permissions(directory, Permissions::from_mode(0o700)).expect("it is ours");
    give(directory);
}

/// Creates a directory for this server only, which the server's user may write to.
pub fn new_directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // ORDERING: Relaxed. Only the numbers matter, and each is drawn once.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = env::temp_dir().join(format!("casflake-postgres-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("a temporary directory");
    give(&directory);
    directory
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// Returns the path of one of the server's programs.
fn binary(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let places = env::split_paths(&path).chain(versions.map(|version| version.path().join("bin")));
    places.map(|place| place.join(name)).find(|program| program.is_file())
}

fn libfaketime() -> Option<PathBuf> {
    let multiarch = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let places = multiarch.chain(["/usr/lib".into(), "/usr/local/lib".into()]);
    places.map(|place| place.join("faketime/libfaketime.so.1")).find(|library| library.is_file())
}

/// Returns the IDs of the user that runs the server if these tests run as root, because the server refuses root.
fn user() -> Option<(u32, u32)> {
    static USER: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
        if fs::metadata("/proc/self").is_ok_and(|ours| ours.uid() != 0) {
            return None;
        }
        let id = |option| {
            let said = run(Command::new("id").args([option, "postgres"])).stdout;
            String::from_utf8_lossy(&said).trim().parse().expect("a number")
        };
        Some((id("-u"), id("-g")))
    });
    *USER
}

pub fn as_postgres(program: impl AsRef<Path>) -> Command {
    let Some((user, group)) = user() else { return Command::new(program.as_ref()) };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]);
    command.arg(program.as_ref()).current_dir("/");
    command
}

/// Makes the server's user the owner of the path.
pub fn give(path: &Path) {
    if let Some((user, group)) = user() {
        chown(path, Some(user), Some(group)).expect("root may do that");
    }
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn ask(url: &str, query: &str) -> Result<Vec<SimpleQueryMessage>, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async {
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
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).expect("a process ID")).expect("not 0");
    // The process may have ended.
    let _ = kill_process(pid, signal);
}

/// Returns the state and the parent of a process. They follow its name, which may contain any characters.
fn state(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(") ")?.1.split(' ');
    Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
}

fn is_alive(pid: u32) -> bool {
    state(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent)).collect()
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

    /// Freezes all its processes, like a hanging host.
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

    /// Copies all files of the server.
    fn copy(&mut self) {
        self.shut_down();
        run(Command::new("cp").arg("-a").arg(self.data()).arg(self.directory.join("copy")));
        self.restart();
    }

    /// Restores by recovery, which makes a new timeline, as PostgreSQL's documentation describes it for a base backup.
    fn restore(&mut self) {
        self.put_back();
        self.recover();
    }

    /// Only for a server that was started with a faked clock.
    fn set_clock(&self, seconds: i64) {
        let (new, file) = (self.directory.join("clock.new"), self.clock_file());
        fs::write(&new, format!("{seconds:+}\n")).expect("a file is written");
        fs::rename(new, file).expect("a file is renamed");
    }
}
