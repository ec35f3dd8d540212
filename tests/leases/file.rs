//! `FileStore`: what it does with files and disks that are not as they should be.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use casflake::lease::{
    CLOCK_SLACK, FileStore, Grant, LeaseAdmin, LeaseStore, LostReason, MAX_TTL, Request, StoreError, Token,
};
use casflake::{Layout, ManualClock, Scheme, Sonyflake, Standard};

use crate::disk::Disk;
use crate::scratch::Scratch;

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
        setting.store().initialise(&LAYOUT, workers).unwrap();
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

fn request() -> Request {
    Request::new(Token::random().unwrap(), TTL, "a test")
}

fn acquire(store: &mut impl LeaseStore) -> Result<Grant, StoreError> {
    store.acquire(&LAYOUT, &request())
}

fn renew(store: &mut impl LeaseStore, grant: &Grant) -> Result<Grant, StoreError> {
    store.renew(&LAYOUT, &grant.lease, TTL, 0)
}

/// Whether nothing is granted until everything that may have been forgotten has passed.
fn waits_for_the_forgotten<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::NotYet { retry_after }) if *retry_after == MAX_TTL + CLOCK_SLACK)
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
            store.release(&LAYOUT, &grant.lease, None),
            store.initialise(&LAYOUT, 4),
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
    for end in [0, 1, 17, whole.len() / 2, whole.len() - 1, whole.len()] {
        fs::write(setting.path().join("leases.new"), &whole[..end]).unwrap();
        let renewed = renew(&mut store, &grant).unwrap();
        assert_eq!(renewed.lease.counter(), grant.lease.counter() + 1);
        grant = renewed;
    }
}

#[test]
fn i8_an_empty_directory_grants_nothing_until_all_that_it_may_have_forgotten_has_passed() {
    let setting = Setting::empty();
    let outcome = acquire(&mut setting.store());
    assert!(waits_for_the_forgotten(&outcome), "{outcome:?}");
    // The time that is left, and no more, whoever asks.
    setting.clock.advance(100_000);
    let left = MAX_TTL + CLOCK_SLACK - Duration::from_secs(100);
    let outcome = acquire(&mut setting.store());
    assert!(matches!(outcome, Err(StoreError::NotYet { retry_after }) if retry_after == left), "{outcome:?}");
    setting.clock.advance(50_001);
    let granted = acquire(&mut setting.store()).unwrap().lease;
    let floor = LAYOUT.tick_at(NOW).unwrap() + 150_000;
    assert_eq!((granted.worker(), granted.from()), (0, floor));
}

#[test]
fn i8_a_directory_that_was_emptied_or_made_anew_forgets_no_window() {
    for remake in [false, true] {
        let setting = Setting::granting(4);
        let mut store = setting.store();
        let grant = acquire(&mut store).unwrap();
        if remake {
            fs::remove_dir_all(setting.path()).unwrap();
            let outcome = renew(&mut store, &grant);
            assert!(
                matches!(outcome, Err(StoreError::Unavailable { .. })),
                "no directory is no empty one: {outcome:?}"
            );
            fs::create_dir(setting.path()).unwrap();
        } else {
            fs::remove_file(setting.file()).unwrap();
        }
        let outcome = acquire(&mut setting.store());
        assert!(waits_for_the_forgotten(&outcome), "{outcome:?}");
        let outcome = renew(&mut store, &grant);
        assert!(is_lost(&outcome), "{outcome:?}");
        setting.clock.advance(150_001);
        let next = acquire(&mut setting.store()).unwrap().lease;
        assert!(next.from() >= grant.lease.until());
    }
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
    setting.store().initialise(&LAYOUT, 1).unwrap();
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

/// Takes a worker's record out of the file as an editor would who knows its checksum.
pub(crate) fn lose_record(file: &Path, worker: u64) {
    let text = fs::read_to_string(file).unwrap();
    let (_, json) = text.split_once('\n').unwrap();
    let mut stored: serde_json::Value = serde_json::from_str(json).unwrap();
    stored["records"].as_object_mut().unwrap().remove(&worker.to_string()).expect("a record");
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
    let outcome = store.acquire(&Sonyflake::LAYOUT, &request());
    assert!(matches!(outcome, Err(StoreError::OtherLayout { .. })), "{outcome:?}");
    let other = LAYOUT.epoch_unix_ms(LAYOUT.epoch() + 1);
    let outcome = store.initialise(&other, 4);
    assert!(matches!(outcome, Err(StoreError::OtherLayout { .. })), "{outcome:?}");
    acquire(&mut store).unwrap();
}

#[test]
fn i5_a_time_to_live_or_a_number_of_workers_that_does_not_fit_is_refused() {
    let setting = Setting::granting(4);
    let mut store = setting.store();
    for ttl in [Duration::ZERO, Duration::from_micros(999), MAX_TTL + Duration::from_nanos(1), Duration::MAX] {
        let outcome = store.acquire(&LAYOUT, &Request::new(Token::random().unwrap(), ttl, ""));
        assert!(matches!(outcome, Err(StoreError::Ttl { value, max: MAX_TTL }) if value == ttl), "{outcome:?}");
    }
    for workers in [0, 1025, u64::MAX] {
        let outcome = store.initialise(&LAYOUT, workers);
        assert!(matches!(outcome, Err(StoreError::Workers { value, max: 1024 }) if value == workers), "{outcome:?}");
    }
    let outcome = store.reclaim(&LAYOUT, 3);
    assert!(matches!(outcome, Err(StoreError::NoSuchWorker { worker: 3 })), "{outcome:?}");
}

#[test]
fn a_lock_that_another_keeps_ends_a_call_and_one_on_a_file_that_is_gone_does_not() {
    let setting = Setting::granting(4);
    let lock = setting.path().join("lock");
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let outcome = acquire(&mut setting.store());
    assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
    fs::remove_file(&lock).unwrap();
    acquire(&mut setting.store()).expect("a lock on a file that is there no more locks nothing");
}

#[test]
fn i1_threads_that_ask_at_once_get_workers_of_their_own() {
    let setting = Setting::granting(8);
    let mut granted: Vec<u64> = thread::scope(|scope| {
        let ask = || {
            // On a busy machine others may be faster for longer than a call waits.
            crate::soon::soon("a worker, or none", || match acquire(&mut setting.store()) {
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
    store.initialise(&LAYOUT, 4).unwrap();
    let grant = acquire(&mut store).unwrap();
    let before = fs::read(setting.file()).unwrap();
    let fails = |store: &mut FileStore<_>| {
        for outcome in [acquire(store), renew(store, &grant)] {
            assert!(matches!(outcome, Err(StoreError::Unavailable { .. })), "{outcome:?}");
        }
        assert_eq!(fs::read(setting.file()).unwrap(), before);
    };
    disk.fill();
    fails(&mut store);
    disk.make_room();
    disk.set_read_only(true);
    fails(&mut store);
    disk.set_read_only(false);
    renew(&mut store, &grant).expect("a disk with room");
}
