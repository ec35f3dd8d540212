//! Holders: processes that hold a lease and draw IDs until the test ends or kills them.
//!
//! A holder is the binary of this test, started again. It writes its IDs to a file before it draws more, each with the
//! time of the host. So the file is complete up to the last write, even if the process is killed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use std::{env, process, thread};

use casflake::{Clock, Scheme, Snowflake, Standard, SystemClock};
use casflake_lease::{FileStore, LeaseStore, LeasedGenerator, from_url};
use testkit::eventually;

/// The test that a holder runs.
const TEST: &str = "faults::holder::draws_ids_in_a_process_of_its_own";

/// The variable with the plan of a holder. Only holders have it.
const PLAN: &str = "CASFLAKE_HOLDER";

/// The number of IDs that a holder draws at a time.
const BATCH: usize = 32;
/// The pause between two batches.
const REST: Duration = Duration::from_millis(5);

/// The settings of a holder.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) url: String,
    pub(crate) ttl: Duration,
    /// Whether the holder uses the clock of its host instead of the store's time.
    pub(crate) by_own_clock: bool,
    /// The error of the clocks of the holder.
    pub(crate) clock_ms: i64,
}

impl Plan {
    pub(crate) fn new(url: impl Into<String>, ttl: Duration) -> Self {
        Self { url: url.into(), ttl, by_own_clock: false, clock_ms: 0 }
    }

    fn to_text(&self, directory: &Path) -> String {
        let Self { url, ttl, by_own_clock, clock_ms } = self;
        format!("{}|{by_own_clock}|{clock_ms}|{}|{url}", ttl.as_millis(), directory.display())
    }

    fn from_text(text: &str) -> (Self, PathBuf) {
        let parts: Vec<&str> = text.splitn(5, '|').collect();
        let ttl = Duration::from_millis(parts[0].parse().unwrap());
        let plan =
            Self { url: parts[4].into(), ttl, by_own_clock: parts[1] == "true", clock_ms: parts[2].parse().unwrap() };
        (plan, parts[3].into())
    }
}

/// A holder's process.
pub(crate) struct Holder {
    child: Child,
    file: PathBuf,
}

impl Holder {
    /// Starts a holder that writes its IDs to a file in `directory`. The number of the process names the file, so that
    /// holders with the same plan get the same environment.
    pub(crate) fn start(plan: &Plan, directory: &Path) -> Self {
        let mut command = Command::new(env::current_exe().expect("this test's binary"));
        command.args(["--exact", TEST, "--nocapture"]).env(PLAN, plan.to_text(directory));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a child");
        let file = file(directory, child.id());
        Self { child, file }
    }

    /// Returns the number of IDs so far.
    pub(crate) fn count(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |file| file.len() / 16)
    }

    /// Returns the index of the worker of its last ID.
    pub(crate) fn worker(&self) -> u64 {
        self.ids().last().expect("an ID").id.worker()
    }

    /// Kills it like `kill -9`, and returns its IDs.
    pub(crate) fn kill(mut self) -> Vec<Drawn> {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
        self.ids()
    }

    /// Stops it, as a debugger does, or a machine without free memory.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Ends it in order, so that it releases its lease, and returns its IDs.
    pub(crate) fn finish(mut self) -> Vec<Drawn> {
        drop(self.child.stdin.take());
        let status = eventually("a holder ends", || self.child.try_wait().expect("a child"));
        assert!(status.success(), "a holder: {status}");
        self.ids()
    }

    /// Returns its IDs so far.
    pub(crate) fn ids(&self) -> Vec<Drawn> {
        let bytes = match fs::read(&self.file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
            bytes => bytes.expect("the file of IDs"),
        };
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("8 bytes"));
        let drawn = |bytes: &[u8]| Drawn {
            id: number(&bytes[..8]).try_into().expect("an ID of the layout"),
            at_ms: number(&bytes[8..]),
        };
        bytes.chunks_exact(16).map(drawn).collect()
    }
}

fn file(directory: &Path, process: u32) -> PathBuf {
    directory.join(format!("ids-{process}"))
}

/// An ID, and the time at which it was drawn, by the clock of the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn {
    pub(crate) id: Snowflake,
    pub(crate) at_ms: u64,
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A later process can have the same number.
        let _ = fs::remove_file(&self.file);
    }
}

/// The system's clock with an error, which a file can change.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    by_ms: i64,
    /// The additional error that the file has.
    more_ms: Arc<AtomicI64>,
}

impl Wrong {
    pub(crate) fn by(by_ms: i64) -> Self {
        Self { by_ms, more_ms: Arc::default() }
    }

    /// Returns a clock with an error of `by_ms` plus the number in the file, in milliseconds.
    pub(crate) fn by_file(file: PathBuf, by_ms: i64) -> Self {
        let clock = Self::by(by_ms);
        let more = Arc::downgrade(&clock.more_ms);
        let look = move |more: &AtomicI64| {
            let text = fs::read_to_string(&file).unwrap_or_default();
            // ORDERING: Relaxed. No other variable depends on it.
            more.store(text.parse().unwrap_or(0), Ordering::Relaxed);
        };
        look(&clock.more_ms);
        thread::spawn(move || {
            while let Some(more) = more.upgrade() {
                look(&more);
                drop(more);
                thread::sleep(Duration::from_millis(2));
            }
        });
        clock
    }

    fn ms(&self) -> i64 {
        // ORDERING: Relaxed, as above.
        self.by_ms + self.more_ms.load(Ordering::Relaxed)
    }
}

impl Clock for Wrong {
    fn unix_ms(&self) -> u64 {
        SystemClock.unix_ms().saturating_add_signed(self.ms())
    }

    fn precise_unix_ns(&self) -> u128 {
        SystemClock.precise_unix_ns().saturating_add_signed(i128::from(self.ms()) * 1_000_000)
    }
}

/// Runs a holder if this process was started as one. Otherwise does nothing.
#[test]
fn draws_ids_in_a_process_of_its_own() {
    let Ok(text) = env::var(PLAN) else { return };
    let (plan, directory) = Plan::from_text(&text);
    let file = file(&directory, process::id());
    // The clock of a directory is that of the process.
    let store: Box<dyn LeaseStore> = match plan.url.trim().strip_prefix("file:") {
        Some(directory) => {
            let file = Path::new(directory).with_file_name("clock");
            Box::new(FileStore::with_clock(directory, Wrong::by_file(file, plan.clock_ms)))
        }
        None => from_url(&plan.url).unwrap(),
    };
    let builder = LeasedGenerator::<Standard>::builder(store).ttl(plan.ttl).wait_for_worker(Duration::from_secs(600));
    if plan.by_own_clock {
        draw(&builder.clock(Wrong::by(plan.clock_ms)).build().unwrap(), &file);
    } else {
        draw(&builder.build().unwrap(), &file);
    }
}

/// Draws IDs until stdin is closed, even if calls fail meanwhile.
fn draw<S: Scheme + 'static, C: Clock + Sync>(ids: &LeasedGenerator<S, C>, file: &Path)
where
    LeasedGenerator<S, C>: Sync,
{
    let mut file = File::create_new(file).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::stdin().read(&mut [0]);
            // ORDERING: Relaxed. A flag that publishes nothing.
            over.store(true, Ordering::Relaxed);
        });
        let mut bytes = Vec::new();
        let mut last = None;
        // ORDERING: Relaxed, as above.
        while !over.load(Ordering::Relaxed) {
            let (batch, error) = match ids.generate_batch(BATCH) {
                Ok(batch) => (batch, None),
                Err(error) => (error.issued().clone(), Some(error.error())),
            };
            assert!(error.is_none_or(|error| error.is_retryable()), "{error:?}");
            for id in &batch {
                assert!(last < Some(*id), "{id:?} after {last:?}");
                last = Some(*id);
                bytes.extend(id.as_u64().to_le_bytes());
                bytes.extend(SystemClock.unix_ms().to_le_bytes());
            }
            file.write_all(&bytes).unwrap();
            bytes.clear();
            thread::sleep(REST);
        }
    });
}

/// Waits until the holder has drawn another ID.
#[track_caller]
pub(crate) fn draws(holder: &Holder) {
    draws_many(holder, 1);
}

/// Waits until the holder has drawn this many more IDs. Meanwhile others have time to draw a duplicate.
#[track_caller]
pub(crate) fn draws_many(holder: &Holder, count: u64) {
    let before = holder.count();
    eventually("IDs of a holder", || (holder.count() >= before + count).then_some(()));
}
