//! `FileStore`: what it does with files and disks that are not as they should be.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fs, thread};

use casflake::{Clock, Layout, ManualClock, Scheme, Sonyflake, Standard};
use casflake_lease::{
    AcquireRequest, CLOCK_SLACK, FileStore, Grant, LeaseAdmin, LeaseStore, LostReason, MAX_TTL, Missing, StoreError,
    Token,
};
use testkit::Scratch;

use crate::disk::Disk;

const LAYOUT: Layout = Standard::LAYOUT;
const TTL: Duration = Duration::from_secs(10);
const NOW: u64 = 1_800_000_000_000;

struct Setting {
    scratch: Scratch,
    clock: Arc<ManualClock>,
}

impl Setting {
    /// A directory that grants so many workers at once.
    fn granting(workers: u64) -> Self {
        let setting = Self::empty();
        setting.store().init_immediately(&LAYOUT, workers).unwrap();
        setting
    }

    fn empty() -> Self {
        Self { scratch: Scratch::new(), clock: Arc::new(ManualClock::new(NOW)) }
    }

    fn store(&self) -> FileStore<Arc<ManualClock>> {
        FileStore::with_clock(self.path(), Arc::clone(&self.clock))
    }

    fn path(&self) -> &Path {
        self.scratch.path()
    }

    fn file(&self) -> std::path::PathBuf {
        self.path().join("leases")
    }
}

/// A clock of one who is slow: something else is done when it was read for the first or the second time, as a call
/// looks at the store, or holds its lock.
struct Busy {
    clock: Arc<ManualClock>,
    reading: u64,
    act: Mutex<(u64, Box<dyn FnMut() + Send>)>,
}

const LOOKS: u64 = 1;
const HAS_LOCKED: u64 = 2;

impl Busy {
    fn when(clock: &Arc<ManualClock>, reading: u64, act: impl FnMut() + Send + 'static) -> Self {
        Self { clock: Arc::clone(clock), reading, act: Mutex::new((0, Box::new(act))) }
    }
}

impl Clock for Busy {
    fn unix_ms(&self) -> u64 {
        let now = self.clock.unix_ms();
        let (readings, act) = &mut *self.act.lock().unwrap();
        *readings += 1;
        if *readings == self.reading {
            act();
        }
        now
    }
}

fn request() -> AcquireRequest {
    AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), TTL, "a test")
}

fn acquire(store: &mut impl LeaseStore) -> Result<Grant, StoreError> {
    store.acquire(&request())
}

fn renew(store: &mut impl LeaseStore, grant: &Grant) -> Result<Grant, StoreError> {
    store.renew(&crate::renewal(&LAYOUT, &grant.lease, TTL, 0))
}

/// Whether nothing is granted until everything that may have been forgotten has passed.
fn waits_for_the_forgotten<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NotYet { retry_after, .. }) if *retry_after == MAX_TTL + CLOCK_SLACK)
}

fn is_refused<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NoSpace { .. }))
}

fn is_lost<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Lost { reason: LostReason::StoreChanged, .. }))
}

#[test]
fn i8_a_file_that_is_not_its_own_is_refused_and_left_as_it_is() {
    let setting = Setting::granting(4);
    let mut store = setting.store();
    let grant = acquire(&mut store).unwrap();
    let good = fs::read(setting.file()).unwrap();
    let cut = (0..good.len()).map(|end| good[..end].to_vec());
    let flipped = (0..good.len()).map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    });
    let foreign = [&b"\n"[..], b"{}", b"root:x:0:0", b"casflake leases 2 0000000000000000\n{}\n", b"\xff\xfe\0"];
    for bad in cut.chain(flipped).chain(foreign.map(<[u8]>::to_vec)).chain([[&good[..], b"x"].concat()]) {
        fs::write(setting.file(), &bad).unwrap();
        for outcome in [
            acquire(&mut store).map(drop),
            renew(&mut store, &grant).map(drop),
            store.release(&grant.lease, None),
            store.init_immediately(&LAYOUT, 4),
            store.reclaim(&LAYOUT, 0),
            store.survey().map(drop),
        ] {
            assert!(
                matches!(outcome, Err(StoreError::Corrupt { .. })),
                "{outcome:?} of {:?}",
                String::from_utf8_lossy(&bad)
            );
        }
        assert_eq!(fs::read(setting.file()).unwrap(), bad);
    }
    fs::write(setting.file(), good).unwrap();
    assert_eq!(renew(&mut store, &grant).unwrap().lease.worker(), grant.lease.worker(), "the same file is still good");
}

/// A crash in the midst of a write leaves a file beside, of any length.
#[test]
fn i8_what_a_crash_has_left_of_a_write_does_no_harm() {
    let setting = Setting::granting(4);
    let mut store = setting.store();
    let mut grant = acquire(&mut store).unwrap();
    let whole = fs::read(setting.file()).unwrap();
    let others = ["leases.new", "leases.old.new", "leases.0123456789abcdef0123456789abcdef"];
    for end in [0, 1, 17, whole.len() / 2, whole.len() - 1, whole.len()] {
        for left in others.iter().chain(&["leases.0123456789abcdef0123456789abcdef.new"]) {
            fs::write(setting.path().join(left), &whole[..end]).unwrap();
        }
        let renewed = renew(&mut store, &grant).unwrap();
        assert_eq!(renewed.lease.counter(), grant.lease.counter() + 1);
        grant = renewed;
        // It is cleared away, and nothing is that may be somebody's.
        let mut names = names(setting.path());
        names.retain(|name| !others.contains(&&**name));
        assert_eq!(names, ["leases", "lock"]);
    }
}

#[test]
fn i8_a_new_space_grants_nothing_until_all_that_it_may_have_forgotten_has_passed() {
    let setting = Setting::empty();
    assert!(setting.store().init(&LAYOUT, 4).unwrap());
    let outcome = acquire(&mut setting.store());
    assert!(waits_for_the_forgotten(&outcome), "{outcome:?}");
    // The time that is left, and no more, whoever asks.
    setting.clock.advance(100_000);
    let left = MAX_TTL + CLOCK_SLACK - Duration::from_secs(100);
    let outcome = acquire(&mut setting.store());
    assert!(matches!(outcome, Err(StoreError::NotYet { retry_after, .. }) if retry_after == left), "{outcome:?}");
    setting.clock.advance(50_001);
    let granted = acquire(&mut setting.store()).unwrap().lease;
    let floor = LAYOUT.tick_at(NOW).unwrap() + 150_000;
    assert_eq!((granted.worker(), granted.from()), (0, floor));
}

#[test]
fn i8_a_directory_that_was_emptied_forgets_no_window() {
    for lock in [false, true] {
        let setting = Setting::granting(4);
        let mut store = setting.store();
        let grant = acquire(&mut store).unwrap();
        fs::remove_file(setting.file()).unwrap();
        if lock {
            fs::remove_file(setting.path().join("lock")).unwrap();
        }
        let outcome = acquire(&mut setting.store());
        assert!(is_refused(&outcome), "{outcome:?}");
        let outcome = renew(&mut store, &grant);
        assert!(is_lost(&outcome), "{outcome:?}");
        let outcome = acquire(&mut setting.store());
        assert!(waits_for_the_forgotten(&outcome), "{outcome:?}");
        setting.clock.advance(150_001);
        let next = acquire(&mut setting.store()).unwrap().lease;
        assert!(next.from() >= grant.lease.until());
    }
}

/// Would catch: a second store, where a file system is not mounted any more, or where the directory was moved and made
/// anew: others may still use the first one.
#[cfg(unix)]
#[test]
fn i1_a_space_is_not_remade_in_another_directory() {
    let scratch = Scratch::new();
    let path = scratch.path().join("store");
    let away = scratch.path().join("away");
    fs::create_dir(&path).unwrap();
    let store = || FileStore::with_clock(&path, ManualClock::new(NOW));
    store().init_immediately(&LAYOUT, 2).unwrap();
    let mut holder = store();
    let grant = acquire(&mut holder).unwrap();
    fs::rename(&path, &away).unwrap();
    let outcome = renew(&mut holder, &grant);
    assert!(matches!(outcome, Err(StoreError::Refused { .. })), "no directory is no empty one: {outcome:?}");
    fs::create_dir(&path).unwrap();
    let mut again = request();
    again.missing = Missing::Create;
    for outcome in [renew(&mut holder, &grant), holder.acquire(&again), acquire(&mut store())] {
        assert!(is_refused(&outcome), "{outcome:?}");
    }
    assert_eq!(names(&path), [""; 0]);
    fs::remove_dir(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    renew(&mut holder, &grant).expect("it is back");
}

/// Would catch: a backup that is put back, as a new file or over the old one, and believed.
#[test]
fn i8_a_file_that_was_copied_back_grants_nothing_until_all_since_the_copy_has_passed() {
    let setting = Setting::granting(1);
    let backup = setting.path().join("backup");
    fs::copy(setting.file(), &backup).unwrap();
    let grant = acquire(&mut setting.store()).unwrap();
    fs::rename(&backup, setting.file()).unwrap();
    let outcome = acquire(&mut setting.store());
    assert!(waits_for_the_forgotten(&outcome), "{outcome:?}");
    let outcome = renew(&mut setting.store(), &grant);
    assert!(is_lost(&outcome), "{outcome:?}");
    // An operator who knows that no lease is in use need not wait.
    setting.clock.advance(11_000);
    setting.store().init_immediately(&LAYOUT, 1).unwrap();
    assert!(acquire(&mut setting.store()).unwrap().lease.from() >= grant.lease.until());
}

/// Would catch: a rollback of the same file, which only somebody notices who knows more.
#[test]
fn i8_a_file_that_was_written_over_is_found_out_by_who_holds_a_lease() {
    let setting = Setting::granting(2);
    let mut store = setting.store();
    let grant = acquire(&mut store).unwrap();
    let old = fs::read(setting.file()).unwrap();
    let grant = renew(&mut store, &grant).unwrap();
    fs::write(setting.file(), old).unwrap();
    let outcome = renew(&mut store, &grant);
    assert!(is_lost(&outcome), "{outcome:?}");
    let outcome = acquire(&mut store);
    assert!(waits_for_the_forgotten(&outcome), "nobody is granted what may be another's: {outcome:?}");
}

#[test]
fn i8_a_record_that_is_gone_is_a_window_until_all_that_may_have_been_in_it_has_passed() {
    let setting = Setting::granting(2);
    let (mut one, mut other) = (setting.store(), setting.store());
    let grants = [acquire(&mut one).unwrap(), acquire(&mut other).unwrap()];
    assert_eq!(grants.map(|grant| grant.lease.worker()), [0, 1]);
    lose_record(&setting.file(), 0);
    let outcome = renew(&mut one, &grants[0]);
    assert!(is_lost(&outcome), "{outcome:?}");
    renew(&mut other, &grants[1]).expect("the other worker's record is there");
    setting.clock.advance(150_001);
    let next = acquire(&mut one).unwrap().lease;
    assert!(next.worker() == 1 || next.from() >= LAYOUT.tick_at(NOW).unwrap() + 150_000);
}

/// Would catch: a floor that is put below what the one who brings the news still holds.
#[test]
fn i8_a_store_that_is_emptied_when_its_clock_was_set_back_believes_who_holds_a_lease() {
    let setting = Setting::granting(1);
    let mut store = setting.store();
    let grant = acquire(&mut store).unwrap();
    setting.clock.step_back(3_600_000);
    for empty in [true, false] {
        if empty {
            fs::remove_file(setting.file()).unwrap();
        }
        let outcome = renew(&mut store, &grant);
        assert!(is_lost(&outcome), "{outcome:?}");
    }
    setting.clock.advance(3_600_000 - 10_000);
    let outcome = acquire(&mut store);
    assert!(matches!(outcome, Err(StoreError::NotYet { .. })), "{outcome:?}");
    setting.clock.advance(20_001);
    assert!(acquire(&mut store).unwrap().lease.from() >= grant.lease.until());
}

/// Takes a worker's record out of the file.
pub(crate) fn lose_record(file: &Path, worker: u64) {
    rewrite(file, |stored| {
        stored["records"].as_object_mut().unwrap().remove(&worker.to_string()).expect("a record");
    });
}

/// Changes what the file holds as an editor would that knows its checksum.
pub(crate) fn rewrite(file: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let text = fs::read_to_string(file).unwrap();
    let (_, json) = text.split_once('\n').unwrap();
    let mut stored: serde_json::Value = serde_json::from_str(json).unwrap();
    change(&mut stored);
    let json = stored.to_string();
    let sum = json
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // Over the same inode.
    fs::write(file, format!("casflake leases 1 {sum:016x}\n{json}\n")).unwrap();
}

#[test]
fn i8_another_layout_is_refused() {
    let setting = Setting::granting(4);
    let mut store = setting.store();
    let mut sonyflake = request();
    sonyflake.layout = Sonyflake::LAYOUT;
    let outcome = store.acquire(&sonyflake);
    assert!(matches!(outcome, Err(StoreError::OtherLayout { .. })), "{outcome:?}");
    let other = LAYOUT.with_epoch_unix_ms(LAYOUT.epoch_unix_ms() + 1);
    let outcome = store.init_immediately(&other, 4);
    assert!(matches!(outcome, Err(StoreError::OtherLayout { .. })), "{outcome:?}");
    acquire(&mut store).unwrap();
}

#[test]
fn i5_a_time_to_live_or_a_number_of_workers_that_does_not_fit_is_refused() {
    let setting = Setting::granting(4);
    let mut store = setting.store();
    for ttl in [Duration::ZERO, Duration::from_micros(999), MAX_TTL + Duration::from_nanos(1), Duration::MAX] {
        let outcome = store.acquire(&AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), ttl, ""));
        assert!(matches!(outcome, Err(StoreError::Ttl { value, max: MAX_TTL }) if value == ttl), "{outcome:?}");
    }
    for workers in [0, 1025, u64::MAX] {
        let outcome = store.init_immediately(&LAYOUT, workers);
        assert!(matches!(outcome, Err(StoreError::Workers { value, max: 1024 }) if value == workers), "{outcome:?}");
    }
    let outcome = store.reclaim(&LAYOUT, 3);
    assert!(matches!(outcome, Err(StoreError::NoSuchWorker { worker: 3 })), "{outcome:?}");
}

/// Would catch: a call that opens a FIFO, which takes for ever, and a device or a directory that is tried again and again.
#[cfg(unix)]
#[test]
fn what_is_not_a_regular_file_is_refused_at_once() {
    for name in ["lock", "leases"] {
        for make in ["mkfifo", "mkdir"] {
            let setting = Setting::granting(4);
            let path = setting.path().join(name);
            fs::remove_file(&path).unwrap();
            assert!(Command::new(make).arg(&path).status().expect(make).success());
            let outcome = acquire(&mut setting.store());
            let Err(StoreError::Refused { what, remedy, cause }) = &outcome else {
                panic!("{make} {name}: {outcome:?}")
            };
            assert_eq!(
                (what, &**remedy),
                (&format!("opening {}, which is not a regular file,", path.display()), "remove it")
            );
            assert_eq!(cause.to_string(), "it is not a regular file");
        }
    }
}

#[test]
fn a_lock_that_another_keeps_ends_a_call_and_says_what_to_do() {
    let setting = Setting::granting(4);
    let lock = setting.path().join("lock");
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let Err(StoreError::Unavailable { what, cause }) = acquire(&mut setting.store()) else { panic!("not locked") };
    assert!(what.contains("lock") && cause.to_string().contains("do not remove the file"), "{what}: {cause}");
    drop(held);
    acquire(&mut setting.store()).unwrap();
}

/// Would catch: one who was slow and puts what he has read in place of what others have written since, who did not wait
/// for him as an operator has removed the lock (which he should not), or has replaced the directory.
#[cfg(unix)]
#[test]
fn i1_a_change_whose_lock_was_taken_away_is_not_made() {
    type Sabotage = fn(&Path);
    let remove: Sabotage = |path| fs::remove_file(path.join("lock")).unwrap();
    let replace: Sabotage = |path| {
        fs::rename(path, path.with_extension("aside")).unwrap();
        fs::create_dir(path).unwrap();
        fs::rename(path.with_extension("aside").join("leases"), path.join("leases")).unwrap();
        // In the new directory it is a copy, until an operator says otherwise.
        FileStore::with_clock(path, ManualClock::new(NOW)).init_immediately(&LAYOUT, 1).unwrap();
    };
    for sabotage in [remove, replace] {
        let setting = Setting::granting(1);
        let path = setting.path().join("store");
        fs::create_dir(&path).unwrap();
        let store = |path: &Path| FileStore::with_clock(path, ManualClock::new(NOW));
        store(&path).init_immediately(&LAYOUT, 1).unwrap();
        let other = Arc::new(Mutex::new(None));
        let clock = Busy::when(&setting.clock, HAS_LOCKED, {
            let (path, other) = (path.clone(), Arc::clone(&other));
            move || {
                sabotage(&path);
                *other.lock().unwrap() = Some(acquire(&mut store(&path)).unwrap());
            }
        });
        let slow = acquire(&mut FileStore::with_clock(&path, clock));
        assert!(matches!(slow, Err(StoreError::Unavailable { .. })), "{slow:?}");
        let other = other.lock().unwrap().take().unwrap();
        renew(&mut store(&path), &other).expect("it is the other's");
        assert_eq!(names(&path), ["leases", "lock"]);
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Would catch: a lock that is let go of by closing its file alone, which the child has open as well.
#[cfg(unix)]
#[test]
fn a_process_that_was_forked_off_in_the_midst_of_a_change_locks_nobody_out() {
    let setting = Setting::granting(2);
    let child = Arc::new(Mutex::new(None));
    let clock = Busy::when(&setting.clock, HAS_LOCKED, {
        let child = Arc::clone(&child);
        move || match fork::fork().unwrap() {
            fork::Fork::Child => {
                thread::sleep(Duration::from_secs(60));
                // Without a word to anything of the parent's.
                std::process::abort();
            }
            fork::Fork::Parent(pid) => *child.lock().unwrap() = Some(pid),
        }
    });
    let mine = acquire(&mut FileStore::with_clock(setting.path(), clock));
    let next = acquire(&mut setting.store());
    let pid = child.lock().unwrap().take().expect("a child").to_string();
    Command::new("kill").args(["-KILL", &pid]).status().unwrap();
    fork::waitpid(pid.parse().unwrap()).ok();
    assert_ne!(mine.unwrap().lease.worker(), next.unwrap().lease.worker());
}

/// Would catch: a copy that is taken for another one, of the same backup, that was there before.
#[cfg(unix)]
#[test]
fn i8_a_backup_that_is_copied_back_once_more_has_forgotten_more() {
    const HOUR: u64 = 3_600_000;
    let setting = Setting::granting(1);
    let (file, backup) = (setting.file(), setting.path().join("backup"));
    fs::copy(&file, &backup).unwrap();
    let restore = {
        let (file, backup) = (file.clone(), backup.clone());
        move || {
            fs::copy(&backup, file.with_extension("copy")).unwrap();
            fs::rename(file.with_extension("copy"), &file).unwrap();
        }
    };
    restore();
    let forgotten = Arc::new(Mutex::new(None));
    let clock = Busy::when(&setting.clock, LOOKS, {
        let (path, clock) = (setting.path().to_owned(), Arc::clone(&setting.clock));
        let forgotten = Arc::clone(&forgotten);
        move || {
            // Meanwhile others see to the first copy, wait, and are granted what the next copy does not know.
            let mut others = FileStore::with_clock(&path, Arc::clone(&clock));
            assert!(waits_for_the_forgotten(&acquire(&mut others)));
            clock.advance(HOUR);
            *forgotten.lock().unwrap() = Some(acquire(&mut others).unwrap());
            restore();
        }
    });
    let slow = acquire(&mut FileStore::with_clock(setting.path(), clock));
    let forgotten = forgotten.lock().unwrap().take().unwrap();
    let outcome = acquire(&mut setting.store());
    assert!(waits_for_the_forgotten(&outcome), "{forgotten:?} is in use: {slow:?}, {outcome:?}");
}

#[test]
fn i1_threads_that_ask_at_once_get_workers_of_their_own() {
    let setting = Setting::granting(8);
    let mut granted: Vec<u64> = thread::scope(|scope| {
        let ask = || {
            // On a busy machine others may be faster for longer than a call waits.
            testkit::eventually("a worker, or none", || match acquire(&mut setting.store()) {
                Ok(grant) => Some(Some(grant.lease.worker())),
                Err(StoreError::NoFreeWorker { .. }) => Some(None),
                Err(error) => {
                    assert!(error.is_retryable(), "{error:?}");
                    None
                }
            })
        };
        let asking: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().filter_map(|asking| asking.join().unwrap()).collect()
    });
    granted.sort_unstable();
    assert_eq!(granted, (0..8).collect::<Vec<_>>());
}

#[test]
fn i8_a_disk_that_is_full_or_read_only_grants_and_renews_nothing() {
    let setting = Setting::empty();
    let Some(disk) = Disk::mounted_on(setting.path()) else { return };
    let mut store = setting.store();
    store.init_immediately(&LAYOUT, 4).unwrap();
    let grant = acquire(&mut store).unwrap();
    let before = fs::read(setting.file()).unwrap();
    let fails = |store: &mut FileStore<_>, is_passing| {
        for outcome in [acquire(store), renew(store, &grant)] {
            let error = outcome.unwrap_err();
            assert!(matches!(error, StoreError::Unavailable { .. } | StoreError::Refused { .. }), "{error:?}");
            assert_eq!(error.is_retryable(), is_passing, "{error:?}");
        }
        assert_eq!(fs::read(setting.file()).unwrap(), before);
    };
    disk.fill();
    fails(&mut store, true);
    disk.make_room();
    disk.set_read_only(true);
    fails(&mut store, false);
    disk.set_read_only(false);
    renew(&mut store, &grant).expect("a disk with room");
}
