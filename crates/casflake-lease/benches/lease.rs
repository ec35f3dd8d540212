//! Measures how much a lease costs per call. Compares `generate` of a leased generator with `generate` of a plain
//! generator, on the same kind of clock, in alternating rounds.
//!
//! `cargo bench -p casflake-lease --bench lease` prints the medians of the times and of the ratios of all rounds.

use std::path::Path;
use std::time::Instant;
use std::{env, fs, process};

use casflake::{Clock, CoarseClock, Generator, IdGenerator, Layout, Scheme, Snowflake, SystemClock, WorkerId};
use casflake_lease::{FileStore, LeaseAdmin, LeasedGenerator, LeasedGeneratorBuilder};

/// A layout whose sequence is so wide that it does not limit the rate.
struct Wide;

impl Scheme for Wide {
    const LAYOUT: Layout = Layout::new(39, 0, 2, 22).with_epoch_unix_ms(1_735_689_600_000);
}

const ROUNDS: usize = 31;
const CALLS: u32 = 1_000_000;

fn main() {
    let directory = env::temp_dir().join(format!("casflake-bench-{}", process::id()));
    fs::create_dir_all(&directory).expect("a directory");
    FileStore::new(&directory).init_immediately(&Wide::LAYOUT, 4).expect("a new store");
    println!("| clock | plain | leased | ratio |\n|---|---:|---:|---:|");
    own(&directory, "SystemClock", SystemClock);
    own(&directory, "CoarseClock", CoarseClock);
    #[cfg(target_os = "linux")]
    {
        let leased = builder(&directory).build().expect("a lease");
        compare("the store's time", &plain(Booted::new()), &leased);
    }
    fs::remove_dir_all(&directory).expect("the directory");
}

fn builder(directory: &Path) -> LeasedGeneratorBuilder<FileStore, Wide> {
    LeasedGenerator::builder(FileStore::new(directory))
}

fn plain<C: Clock>(clock: C) -> Generator<Wide, C> {
    Generator::with_clock(WorkerId::fixed_in::<0, 0>(), clock)
}

/// Compares both generators on the same clock of this host.
fn own<C: Clock + Clone + Send + Sync + 'static>(directory: &Path, name: &str, clock: C) {
    let leased = builder(directory).clock(clock.clone()).build().expect("a lease");
    compare(name, &plain(clock), &leased);
}

fn compare(name: &str, plain: &impl IdGenerator<Wide>, leased: &impl IdGenerator<Wide>) {
    let mut rounds: Vec<[f64; 2]> = Vec::new();
    for round in 0..ROUNDS {
        let plain = || nanos(plain);
        let leased = || nanos(leased);
        // The generators take turns in going first.
        let pair = if round.is_multiple_of(2) { [plain(), leased()] } else { [leased(), plain()] };
        rounds.push(if round.is_multiple_of(2) { pair } else { [pair[1], pair[0]] });
    }
    let median = |of: &dyn Fn(&[f64; 2]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (one, other, ratio) = (median(&|pair| pair[0]), median(&|pair| pair[1]), median(&|pair| pair[1] / pair[0]));
    println!("| {name} | {one:.1} ns | {other:.1} ns | {ratio:.3} |");
}

/// Returns the time of one call in nanoseconds. Checks that the IDs increase.
fn nanos(ids: &impl IdGenerator<Wide>) -> f64 {
    let mut last = Snowflake::MIN;
    let started = Instant::now();
    for _ in 0..CALLS {
        let id = ids.generate().expect("an ID");
        assert!(id > last);
        last = id;
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

/// A clock that works in the same way as the clock that carries the store's time forward. It counts the time since the
/// machine was started.
#[cfg(target_os = "linux")]
struct Booted {
    zero_nanos: u64,
}

#[cfg(target_os = "linux")]
impl Booted {
    fn new() -> Self {
        let now = u64::try_from(SystemClock.precise_unix_ns()).expect("before the year 2554");
        Self { zero_nanos: now - Self::since_start() }
    }

    fn since_start() -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
    }
}

#[cfg(target_os = "linux")]
impl Clock for Booted {
    fn unix_ms(&self) -> u64 {
        (self.zero_nanos + Self::since_start()) / 1_000_000
    }
}
