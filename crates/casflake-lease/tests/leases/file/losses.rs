//! Losses: new, emptied, moved and restored directories, and records that are missing.

use std::fs;
#[cfg(unix)]
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[cfg(unix)]
use casflake::ManualClock;
use casflake_lease::{CLOCK_SLACK, LeaseAdmin, MAX_TTL, StoreError};
#[cfg(unix)]
use casflake_lease::{FileStore, LeaseStore, Missing};
#[cfg(unix)]
use testkit::Scratch;

#[cfg(unix)]
use super::{BEFORE_THE_LOCK, InterruptingClock, names, request};
use super::{Fixture, LAYOUT, NOW, acquire, has_no_space, is_lost, lose_record, renew, waits_for_forgotten_windows};

#[test]
fn l6_a_new_space_grants_nothing_until_every_forgotten_window_has_ended() {
    let fixture = Fixture::empty();
    assert!(fixture.store().init(&LAYOUT, 4).unwrap());
    let outcome = acquire(&mut fixture.store());
    assert!(waits_for_forgotten_windows(&outcome), "{outcome:?}");
    // Later requests wait only for the rest of this time.
    fixture.clock.advance(100_000);
    let left = MAX_TTL + CLOCK_SLACK - Duration::from_secs(100);
    let outcome = acquire(&mut fixture.store());
    assert!(matches!(outcome, Err(StoreError::NotYet { retry_after, .. }) if retry_after == left), "{outcome:?}");
    fixture.clock.advance(50_001);
    let granted = acquire(&mut fixture.store()).unwrap().lease;
    let floor = LAYOUT.tick_at(NOW).unwrap() + 150_000;
    assert_eq!((granted.worker(), granted.from()), (0, floor));
}

#[test]
fn l6_an_emptied_directory_grants_no_window_that_overlaps_a_lost_one() {
    for lock in [false, true] {
        let fixture = Fixture::granting(4);
        let mut store = fixture.store();
        let grant = acquire(&mut store).unwrap();
        fs::remove_file(fixture.file()).unwrap();
        if lock {
            fs::remove_file(fixture.path().join("lock")).unwrap();
        }
        let outcome = acquire(&mut fixture.store());
        assert!(has_no_space(&outcome), "{outcome:?}");
        let outcome = renew(&mut store, &grant);
        assert!(is_lost(&outcome), "{outcome:?}");
        let outcome = acquire(&mut fixture.store());
        assert!(waits_for_forgotten_windows(&outcome), "{outcome:?}");
        fixture.clock.advance(150_001);
        let next = acquire(&mut fixture.store()).unwrap().lease;
        assert!(next.from() >= grant.lease.until());
    }
}

/// Would catch: a second store after a file system was unmounted, or a directory was moved and created again. Other
/// processes may still use the first store.
#[cfg(unix)]
#[test]
fn l7_a_space_is_not_remade_in_another_directory() {
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
    assert!(
        matches!(outcome, Err(StoreError::Refused { .. })),
        "a missing directory differs from an empty one: {outcome:?}"
    );
    fs::create_dir(&path).unwrap();
    let mut again = request();
    again.missing = Missing::Create;
    for outcome in [renew(&mut holder, &grant), holder.acquire(&again), acquire(&mut store())] {
        assert!(has_no_space(&outcome), "{outcome:?}");
    }
    assert_eq!(names(&path), [""; 0]);
    fs::remove_dir(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    renew(&mut holder, &grant).expect("the directory is back");
}

/// Would catch: a restored backup that is mistaken for the current file.
#[test]
fn l6_a_restored_backup_grants_nothing_until_every_forgotten_window_has_ended() {
    let fixture = Fixture::granting(1);
    let backup = fixture.path().join("backup");
    fs::copy(fixture.file(), &backup).unwrap();
    let grant = acquire(&mut fixture.store()).unwrap();
    fs::rename(&backup, fixture.file()).unwrap();
    let outcome = acquire(&mut fixture.store());
    assert!(waits_for_forgotten_windows(&outcome), "{outcome:?}");
    let outcome = renew(&mut fixture.store(), &grant);
    assert!(is_lost(&outcome), "{outcome:?}");
    // An operator that vouches that no lease is in use ends the wait.
    fixture.clock.advance(11_000);
    fixture.store().init_immediately(&LAYOUT, 1).unwrap();
    assert!(acquire(&mut fixture.store()).unwrap().lease.from() >= grant.lease.until());
}

/// Would catch: a rollback of the same file. Only a holder with a newer lease can find it.
#[test]
fn l6_a_holder_finds_that_the_file_was_overwritten_with_an_older_one() {
    let fixture = Fixture::granting(2);
    let mut store = fixture.store();
    let grant = acquire(&mut store).unwrap();
    let old = fs::read(fixture.file()).unwrap();
    let grant = renew(&mut store, &grant).unwrap();
    fs::write(fixture.file(), old).unwrap();
    let outcome = renew(&mut store, &grant);
    assert!(is_lost(&outcome), "{outcome:?}");
    let outcome = acquire(&mut store);
    assert!(waits_for_forgotten_windows(&outcome), "another process may hold the worker: {outcome:?}");
}

#[test]
fn l6_a_worker_with_a_lost_record_is_not_granted_until_its_forgotten_window_has_ended() {
    let fixture = Fixture::granting(2);
    let (mut one, mut other) = (fixture.store(), fixture.store());
    let grants = [acquire(&mut one).unwrap(), acquire(&mut other).unwrap()];
    assert_eq!(grants.map(|grant| grant.lease.worker()), [0, 1]);
    lose_record(&fixture.file(), 0);
    let outcome = renew(&mut one, &grants[0]);
    assert!(is_lost(&outcome), "{outcome:?}");
    renew(&mut other, &grants[1]).expect("the record of the other worker is not lost");
    fixture.clock.advance(150_001);
    let next = acquire(&mut one).unwrap().lease;
    assert!(next.worker() == 1 || next.from() >= LAYOUT.tick_at(NOW).unwrap() + 150_000);
}

/// Would catch: a floor below the end of the window that the holder presents.
#[test]
fn l6_an_emptied_store_with_a_clock_that_moved_back_waits_for_the_window_that_a_holder_presents() {
    let fixture = Fixture::granting(1);
    let mut store = fixture.store();
    let grant = acquire(&mut store).unwrap();
    fixture.clock.step_back(3_600_000);
    for empty in [true, false] {
        if empty {
            fs::remove_file(fixture.file()).unwrap();
        }
        let outcome = renew(&mut store, &grant);
        assert!(is_lost(&outcome), "{outcome:?}");
    }
    fixture.clock.advance(3_600_000 - 10_000);
    let outcome = acquire(&mut store);
    assert!(matches!(outcome, Err(StoreError::NotYet { .. })), "{outcome:?}");
    fixture.clock.advance(20_001);
    assert!(acquire(&mut store).unwrap().lease.from() >= grant.lease.until());
}

/// Would catch: a copy that is mistaken for an earlier copy of the same backup.
#[cfg(unix)]
#[test]
fn l6_a_backup_that_is_restored_again_starts_another_wait() {
    const HOUR: u64 = 3_600_000;
    let fixture = Fixture::granting(1);
    let (file, backup) = (fixture.file(), fixture.path().join("backup"));
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
    let clock = InterruptingClock::at(&fixture.clock, BEFORE_THE_LOCK, {
        let (path, clock) = (fixture.path().to_owned(), Arc::clone(&fixture.clock));
        let forgotten = Arc::clone(&forgotten);
        move || {
            // Meanwhile other processes find the first copy, wait, and are granted leases that the next copy lacks.
            let mut others = FileStore::with_clock(&path, Arc::clone(&clock));
            assert!(waits_for_forgotten_windows(&acquire(&mut others)));
            clock.advance(HOUR);
            *forgotten.lock().unwrap() = Some(acquire(&mut others).unwrap());
            restore();
        }
    });
    let slow = acquire(&mut FileStore::with_clock(fixture.path(), clock));
    let forgotten = forgotten.lock().unwrap().take().unwrap();
    let outcome = acquire(&mut fixture.store());
    assert!(waits_for_forgotten_windows(&outcome), "{forgotten:?} is in use: {slow:?}, {outcome:?}");
}
