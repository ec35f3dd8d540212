//! The file: it is corrupt, left by a crash, of another layout, not regular, or on a full or read-only disk.

use std::fs;
#[cfg(unix)]
use std::process::Command;
use std::time::Duration;

use casflake::{Scheme, Sonyflake, Standard};
use casflake_lease::{AcquireRequest, FileStore, LeaseAdmin, LeaseStore, MAX_TTL, StoreError, Token};

use super::{Fixture, LAYOUT, acquire, names, renew, request};
use crate::disk::Disk;

#[test]
fn a_corrupt_file_is_refused_and_left_unchanged() {
    let fixture = Fixture::granting(4);
    let mut store = fixture.store();
    let grant = acquire(&mut store).unwrap();
    let good = fs::read(fixture.file()).unwrap();
    let cut = (0..good.len()).map(|end| good[..end].to_vec());
    let flipped = (0..good.len()).map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    });
    let foreign = [&b"\n"[..], b"{}", b"root:x:0:0", b"casflake leases 2 0000000000000000\n{}\n", b"\xff\xfe\0"];
    for bad in cut.chain(flipped).chain(foreign.map(<[u8]>::to_vec)).chain([[&good[..], b"x"].concat()]) {
        fs::write(fixture.file(), &bad).unwrap();
        // Each call of a store.
        for (call, outcome) in [
            ("acquire", acquire(&mut store).map(drop)),
            ("renew", renew(&mut store, &grant).map(drop)),
            ("release", store.release(&grant.lease, None)),
            ("init_immediately", store.init_immediately(&LAYOUT, 4)),
            ("reclaim", store.reclaim(&LAYOUT, 0)),
            ("survey", store.survey().map(drop)),
        ] {
            let text = String::from_utf8_lossy(&bad);
            assert!(matches!(outcome, Err(StoreError::Corrupt { .. })), "{call}: {outcome:?} of {text:?}");
        }
        assert_eq!(fs::read(fixture.file()).unwrap(), bad);
    }
    fs::write(fixture.file(), good).unwrap();
    assert_eq!(renew(&mut store, &grant).unwrap().lease.worker(), grant.lease.worker(), "the same file is still good");
}

/// A crash during a write leaves another file in the directory, of any length.
#[test]
fn l1_a_file_left_by_a_crash_during_a_write_has_no_effect() {
    let fixture = Fixture::granting(4);
    let mut store = fixture.store();
    let mut grant = acquire(&mut store).unwrap();
    let whole = fs::read(fixture.file()).unwrap();
    let others = ["leases.new", "leases.old.new", "leases.0123456789abcdef0123456789abcdef"];
    for end in [0, 1, 17, whole.len() / 2, whole.len() - 1, whole.len()] {
        for left in others.iter().chain(&["leases.0123456789abcdef0123456789abcdef.new"]) {
            fs::write(fixture.path().join(left), &whole[..end]).unwrap();
        }
        let renewed = renew(&mut store, &grant).unwrap();
        assert_eq!(renewed.lease.counter(), grant.lease.counter() + 1);
        grant = renewed;
        // The files left are removed, and no others, because these may belong to a user.
        let mut names = names(fixture.path());
        names.retain(|name| !others.contains(&&**name));
        assert_eq!(names, ["leases", "lock"]);
    }
}

#[test]
fn another_layout_is_refused() {
    let fixture = Fixture::granting(4);
    let mut store = fixture.store();
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
fn l3_a_ttl_out_of_range_is_refused_and_so_is_a_number_of_workers() {
    let fixture = Fixture::granting(4);
    let mut store = fixture.store();
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

/// Would catch: a call that opens a FIFO, which blocks for ever, or tries to open a device or a directory over and over.
#[cfg(unix)]
#[test]
fn a_fifo_or_a_directory_in_the_place_of_a_file_is_refused_immediately() {
    for name in ["lock", "leases"] {
        for make in ["mkfifo", "mkdir"] {
            let fixture = Fixture::granting(4);
            let path = fixture.path().join(name);
            fs::remove_file(&path).unwrap();
            assert!(Command::new(make).arg(&path).status().expect(make).success());
            let outcome = acquire(&mut fixture.store());
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
fn a_full_or_read_only_disk_grants_and_renews_nothing() {
    let fixture = Fixture::empty();
    let Some(disk) = Disk::mounted_on(fixture.path()) else { return };
    let mut store = fixture.store();
    store.init_immediately(&LAYOUT, 4).unwrap();
    let grant = acquire(&mut store).unwrap();
    let before = fs::read(fixture.file()).unwrap();
    let fails = |store: &mut FileStore<_>, is_retryable| {
        for outcome in [acquire(store), renew(store, &grant)] {
            let error = outcome.unwrap_err();
            assert!(matches!(error, StoreError::Unavailable { .. } | StoreError::Refused { .. }), "{error:?}");
            assert_eq!(error.is_retryable(), is_retryable, "{error:?}");
        }
        assert_eq!(fs::read(fixture.file()).unwrap(), before);
    };
    disk.fill();
    fails(&mut store, true);
    disk.make_room();
    disk.set_read_only(true);
    fails(&mut store, false);
    disk.set_read_only(false);
    renew(&mut store, &grant).expect("a disk that is writable and has room");
}
