//! Measures the time until the first ID. First, 64 processes each acquire one of 1,024 workers at the same moment. Then
//! a process replaces another process that was killed, again and again.
//!
//! Run it with `cargo bench -p casflake-lease --bench lease_start`. It uses its own directory as the store, or the
//! store that `IDS_STORE` names. Enable the feature of that store. That store must be new, because the benchmark
//! initialises it.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use casflake::{Scheme, Standard};
use casflake_lease::{LeasedGenerator, from_url};

/// The environment variable with the URL of the store. If it is set, this process is a child, and leases a worker of
/// that store.
const STORE: &str = "CASFLAKE_BENCH_STORE";

const WORKERS: u64 = 1024;
const PROCESSES: usize = 64;
const KILLS: usize = 25;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    if let Ok(url) = env::var(STORE) {
        return lease(&url);
    }
    let directory = env::temp_dir().join(format!("casflake-bench-{}", process::id()));
    fs::create_dir_all(&directory)?;
    let url = env::var("IDS_STORE").unwrap_or_else(|_| format!("file:{}", directory.display()));
    let measured = measure(&url);
    fs::remove_dir_all(&directory)?;
    measured
}

fn measure(url: &str) -> Outcome<()> {
    from_url(url)?.init_immediately(&Standard::LAYOUT, WORKERS)?;
    println!("{}", url.split_once(':').map_or(url, |(kind, _)| kind));

    let mut processes = (0..PROCESSES).map(|_| Process::start(url)).collect::<Outcome<Vec<_>>>()?;
    let started = Instant::now();
    processes.iter_mut().try_for_each(Process::go)?;
    let workers = processes.iter_mut().map(Process::first_id).collect::<Outcome<BTreeSet<String>>>()?;
    let time = started.elapsed();
    assert_eq!(workers.len(), PROCESSES, "one worker was leased twice");
    println!("{PROCESSES} processes together, each with one of {WORKERS} workers and an ID: {time:.1?} in all");

    let mut holder = processes.pop().ok_or("no process")?;
    let mut times = Vec::new();
    for _ in 0..KILLS {
        holder.0.kill()?;
        holder.0.wait()?;
        let started = Instant::now();
        holder = Process::start(url)?;
        holder.go()?;
        holder.first_id()?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    let (median, worst) = (times[KILLS / 2], times[KILLS - 1]);
    println!("after kill -9, from the start of a process to its first ID: {median:.1?}, {worst:.1?} at most");
    Ok(())
}

/// A child process that leases a worker on command, and keeps it.
struct Process(Child, BufReader<ChildStdout>);

impl Process {
    /// Starts the process and waits until it is ready.
    fn start(url: &str) -> Outcome<Self> {
        let program: PathBuf = env::current_exe()?;
        let pipes = (Stdio::piped(), Stdio::piped());
        let mut child = Command::new(program).env(STORE, url).stdin(pipes.0).stdout(pipes.1).spawn()?;
        let output = child.stdout.take().ok_or("no pipe")?;
        let mut process = Self(child, BufReader::new(output));
        assert_eq!(process.line()?, "ready");
        Ok(process)
    }

    fn go(&mut self) -> Outcome<()> {
        Ok(self.0.stdin.as_mut().ok_or("no pipe")?.write_all(b"\n")?)
    }

    /// Waits for the first ID of the process, and returns the datacenter and the worker of the ID.
    fn first_id(&mut self) -> Outcome<String> {
        self.line()
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        self.1.read_line(&mut line)?;
        Ok(line.trim_end().into())
    }
}

impl Drop for Process {
    /// Lets the process release its worker, and waits until the process has ended.
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn lease(url: &str) -> Outcome<()> {
    let mut input = std::io::stdin();
    println!("ready");
    input.read_exact(&mut [0])?;
    let builder = LeasedGenerator::<Standard>::builder(from_url(url)?).wait_for_worker(Duration::from_secs(60));
    let ids = builder.build()?;
    let id = ids.generate()?;
    println!("{}/{}", id.datacenter(), id.worker());
    input.read_to_end(&mut Vec::new())?;
    Ok(ids.shutdown()?)
}
