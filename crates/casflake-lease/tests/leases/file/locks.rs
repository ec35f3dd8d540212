//! The lock: calls at the same time, a process that keeps it, and one that has lost it.

#[cfg(unix)]
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
#[cfg(unix)]
use std::sync::{Arc, Mutex};
#[cfg(unix)]
use std::time::Duration;
use std::{fs, thread};

#[cfg(unix)]
use casflake::ManualClock;
use casflake_lease::StoreError;
#[cfg(unix)]
use casflake_lease::{FileStore, LeaseAdmin};

use super::{Fixture, acquire};
#[cfg(unix)]
use super::{InterruptingClock, LAYOUT, NOW, UNDER_THE_LOCK, names, renew};

#[test]
fn l1_threads_that_acquire_at_the_same_time_get_different_workers() {
    let fixture = Fixture::granting(8);
    let mut granted: Vec<u64> = thread::scope(|scope| {
        let ask = || {
            // On a busy machine a call may wait for the lock in vain.
            testkit::eventually("a worker, or a refusal", || match acquire(&mut fixture.store()) {
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
fn a_call_fails_with_a_remedy_if_another_process_keeps_the_lock() {
    let fixture = Fixture::granting(4);
    let lock = fixture.path().join("lock");
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let Err(StoreError::Unavailable { what, cause }) = acquire(&mut fixture.store()) else { panic!("not locked") };
    assert!(what.contains("lock") && cause.to_string().contains("do not remove the file"), "{what}: {cause}");
    drop(held);
    acquire(&mut fixture.store()).unwrap();
}

/// Would catch: a slow process that replaces newer contents by a change to those that it has read. Other processes did not
/// wait for it, because an operator has removed the lock, against the documentation, or has replaced the directory.
#[cfg(unix)]
#[test]
fn l1_a_change_is_not_written_after_its_lock_was_removed() {
    type Sabotage = fn(&Path);
    let remove: Sabotage = |path| fs::remove_file(path.join("lock")).unwrap();
    let replace: Sabotage = |path| {
        fs::rename(path, path.with_extension("aside")).unwrap();
        fs::create_dir(path).unwrap();
        fs::rename(path.with_extension("aside").join("leases"), path.join("leases")).unwrap();
        // The file is a copy in the new directory, until an operator vouches for it.
        FileStore::with_clock(path, ManualClock::new(NOW)).init_immediately(&LAYOUT, 1).unwrap();
    };
    for (name, sabotage) in [("the lock is removed", remove), ("the directory is replaced", replace)] {
        let fixture = Fixture::granting(1);
        let path = fixture.path().join("store");
        fs::create_dir(&path).unwrap();
        let store = |path: &Path| FileStore::with_clock(path, ManualClock::new(NOW));
        store(&path).init_immediately(&LAYOUT, 1).unwrap();
        let other = Arc::new(Mutex::new(None));
        let clock = InterruptingClock::at(&fixture.clock, UNDER_THE_LOCK, {
            let (path, other) = (path.clone(), Arc::clone(&other));
            move || {
                sabotage(&path);
                *other.lock().unwrap() = Some(acquire(&mut store(&path)).unwrap());
            }
        });
        let slow = acquire(&mut FileStore::with_clock(&path, clock));
        assert!(matches!(slow, Err(StoreError::Unavailable { .. })), "{name}: {slow:?}");
        let other = other.lock().unwrap().take().unwrap();
        renew(&mut store(&path), &other).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&path), ["leases", "lock"], "{name}");
    }
}

/// Would catch: a lock that is released only by closing its file, which the child has open, too.
#[cfg(unix)]
#[test]
fn a_process_forked_during_a_change_does_not_keep_the_lock() {
    let fixture = Fixture::granting(2);
    let child = Arc::new(Mutex::new(None));
    let clock = InterruptingClock::at(&fixture.clock, UNDER_THE_LOCK, {
        let child = Arc::clone(&child);
        move || match fork::fork().unwrap() {
            fork::Fork::Child => {
                thread::sleep(Duration::from_secs(60));
                // Without destructors of the parent's values.
                std::process::abort();
            }
            fork::Fork::Parent(pid) => *child.lock().unwrap() = Some(pid),
        }
    });
    let mine = acquire(&mut FileStore::with_clock(fixture.path(), clock));
    let next = acquire(&mut fixture.store());
    let pid = child.lock().unwrap().take().expect("a child").to_string();
    Command::new("kill").args(["-KILL", &pid]).status().unwrap();
    fork::waitpid(pid.parse().unwrap()).ok();
    assert_ne!(mine.unwrap().lease.worker(), next.unwrap().lease.worker());
}
