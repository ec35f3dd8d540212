//! Copies of a directory with its store: no copy is used while the original may be in use (L8).
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use casflake::{Scheme, Standard};
use casflake_lease::{AcquireRequest, FileStore, Grant, LeaseAdmin, LeaseStore, LeasedGenerator, StoreError, Token};
use testkit::{Scratch, skipped};

use crate::disk::Disk;

fn store(directory: &Path) -> FileStore {
    FileStore::new(directory)
}

fn initialised(directory: &Path) {
    store(directory).init_immediately(&Standard::LAYOUT, 4).unwrap();
}

fn acquire(directory: &Path) -> Result<Grant, StoreError> {
    store(directory).acquire(&AcquireRequest::new(
        &Standard::LAYOUT,
        Token::random().unwrap(),
        Duration::from_secs(60),
        "",
    ))
}

/// Asserts that every call fails with `Copied` and writes nothing. `lease` is one that the original has granted.
#[track_caller]
fn assert_refused(directory: &Path, lease: Option<&Grant>) {
    let before = fs::read(directory.join("leases")).unwrap();
    let mut store = store(directory);
    let mut outcomes = vec![
        ("acquire", acquire(directory).map(drop)),
        ("init", store.init(&Standard::LAYOUT, 4).map(drop)),
        ("reclaim", store.reclaim(&Standard::LAYOUT, 0)),
    ];
    if let Some(Grant { lease, .. }) = lease {
        let renewal = crate::renewal(&Standard::LAYOUT, lease, Duration::from_secs(60), 0);
        outcomes.push(("renew", store.renew(&renewal).map(drop)));
        outcomes.push(("release", store.release(lease, None)));
    }
    for (call, outcome) in outcomes {
        assert!(matches!(outcome, Err(StoreError::Copied { .. })), "{call}: {outcome:?}");
    }
    assert_eq!(fs::read(directory.join("leases")).unwrap(), before, "the file is unchanged");
}

/// A file system of layers, like that of a container.
struct Layers {
    root: PathBuf,
}

impl Layers {
    /// Mounts one over the directory `below`. Returns `None` if the user may not.
    #[track_caller]
    fn over(below: &Path, root: PathBuf) -> Option<Self> {
        for part in ["upper", "work", "merged"] {
            fs::create_dir_all(root.join(part)).unwrap();
        }
        let layers = Self { root };
        if layers.mount(below) {
            return Some(layers);
        }
        skipped("a container's file system", "permission to mount an overlay (root)");
        None
    }

    fn mount(&self, below: &Path) -> bool {
        let part = |name: &str| self.root.join(name).display().to_string();
        let options = format!("lowerdir={},upperdir={},workdir={}", below.display(), part("upper"), part("work"));
        let mounted =
            Command::new("mount").args(["-t", "overlay", "overlay", "-o", &options]).arg(self.merged()).output();
        mounted.is_ok_and(|output| output.status.success())
    }

    fn unmount(&self) {
        let _ = Command::new("umount").arg(self.merged()).output();
    }

    fn merged(&self) -> PathBuf {
        self.root.join("merged")
    }

    fn upper(&self) -> PathBuf {
        self.root.join("upper")
    }
}

impl Drop for Layers {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// Would catch: a store in an image that continues in each container of that image.
#[test]
fn l8_containers_of_one_image_do_not_use_the_store_in_the_image() {
    let scratch = Scratch::new();
    let below = scratch.path().join("below");
    fs::create_dir_all(below.join("ids")).unwrap();
    let Some(building) = Layers::over(&below, scratch.path().join("building")) else { return };
    let built = building.merged().join("ids");
    initialised(&built);
    let lease = acquire(&built).unwrap();
    // A copy in the same container is not used either.
    let copy = building.merged().join("copy");
    assert!(Command::new("cp").arg("-a").args([&built, &copy]).status().unwrap().success());
    assert_refused(&copy, Some(&lease));
    // Each container would have its own space, so no process in a container creates one.
    let elsewhere = building.merged().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let creating = LeasedGenerator::<Standard>::builder(store(&elsewhere)).create_if_missing().build();
    assert!(matches!(creating, Err(StoreError::NoSpace { .. })), "{creating:?}");
    assert!(store(&elsewhere).others().is_err_and(|error| format!("{error:?}").contains("mount a volume")));
    building.unmount();
    // The container that the image was made from may use its store again, also if its mount has another number now.
    let _other = Layers::over(&below, scratch.path().join("other number")).expect("an overlay was mounted before");
    assert!(building.mount(&below));
    acquire(&built).expect("the same container");
    building.unmount();
    let containers = ["one", "other"]
        .map(|name| Layers::over(&building.upper(), scratch.path().join(name)).expect("an overlay was mounted before"));
    for container in &containers {
        assert_refused(&container.merged().join("ids"), Some(&lease));
    }
    // The file of an earlier version does not name its place.
    let image = building.upper().join("ids/leases");
    crate::file::rewrite(&image, |stored| {
        let incarnation = stored["space"]["incarnation"].as_str().unwrap().split(',').next().unwrap().to_owned();
        stored["space"]["incarnation"] = incarnation.into();
    });
    let third = Layers::over(&building.upper(), scratch.path().join("third")).expect("an overlay was mounted before");
    assert_refused(&third.merged().join("ids"), Some(&lease));
}

#[test]
fn l8_a_copied_directory_is_not_used_beside_the_original() {
    let scratch = Scratch::new();
    let Some(_disk) = Disk::mounted_on(scratch.path()) else { return };
    let (original, copy) = (scratch.path().join("original"), scratch.path().join("copy"));
    fs::create_dir(&original).unwrap();
    initialised(&original);
    let lease = acquire(&original).unwrap();
    let copied = Command::new("cp").args(["-a", "--reflink=auto"]).args([&original, &copy]).status().unwrap();
    assert!(copied.success());
    assert_refused(&copy, Some(&lease));
    acquire(&original).expect("the original");
    // A renamed directory is not a copy.
    fs::remove_dir_all(&copy).unwrap();
    fs::rename(&original, &copy).unwrap();
    acquire(&copy).expect("the original");
}

/// Would catch: a snapshot of a volume, in which all numbers that identify a file are the same.
#[test]
fn l8_a_copied_volume_is_not_used_beside_the_original() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path().join(name);
    let Some(volume) = Volume::mounted_on(path("original"), path("disk")) else { return };
    let ids = volume.at.join("ids");
    fs::create_dir(&ids).unwrap();
    initialised(&ids);
    let lease = acquire(&ids).unwrap();
    volume.unmount();
    fs::copy(path("disk"), path("snapshot")).unwrap();
    assert!(volume.mount());
    acquire(&ids).expect("the same volume, mounted again");
    let snapshot = Volume { at: path("copy"), image: path("snapshot") };
    fs::create_dir(&snapshot.at).unwrap();
    assert!(snapshot.mount());
    assert_refused(&snapshot.at.join("ids"), Some(&lease));
}

/// A file system in a file.
struct Volume {
    at: PathBuf,
    image: PathBuf,
}

impl Volume {
    /// Makes and mounts one. Returns `None` if the user may not mount it.
    #[track_caller]
    fn mounted_on(at: PathBuf, image: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
        let volume = Self { at, image };
        if made.is_ok_and(|output| output.status.success()) && volume.mount() {
            return Some(volume);
        }
        skipped("a volume", "mkfs.ext4, and permission to mount a file system (root)");
        None
    }

    fn mount(&self) -> bool {
        let mounted = Command::new("mount").args(["-o", "loop"]).args([&self.image, &self.at]).output();
        mounted.is_ok_and(|output| output.status.success())
    }

    fn unmount(&self) {
        let _ = Command::new("umount").arg(&self.at).output();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// Would catch: a space that is remade on another file system with the same numbers of files.
#[test]
fn l7_a_space_is_not_remade_on_another_file_system_at_the_same_path() {
    let scratch = Scratch::new();
    let Some(disk) = Disk::mounted_on(scratch.path()) else { return };
    initialised(scratch.path());
    let mut holder = store(scratch.path());
    let request = AcquireRequest::new(&Standard::LAYOUT, Token::random().unwrap(), Duration::from_secs(60), "");
    let lease = holder.acquire(&request).unwrap().lease;
    drop(disk);
    let _disk = Disk::mounted_on(scratch.path());
    let renewed = holder.renew(&crate::renewal(&Standard::LAYOUT, &lease, Duration::from_secs(60), 0));
    assert!(matches!(renewed, Err(StoreError::NoSpace { .. })), "{renewed:?}");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn l8_a_copy_grants_leases_after_an_operator_has_vouched_for_it() {
    let scratch = Scratch::new();
    let Some(_disk) = Disk::mounted_on(scratch.path()) else { return };
    let (original, copy) = (scratch.path().join("original"), scratch.path().join("copy"));
    fs::create_dir(&original).unwrap();
    initialised(&original);
    acquire(&original).unwrap();
    Command::new("cp").arg("-a").args([&original, &copy]).status().unwrap();
    fs::remove_dir_all(&original).unwrap();
    assert_refused(&copy, None);
    assert_eq!(store(&copy).survey().unwrap().workers.len(), 1, "a copy can be surveyed");
    initialised(&copy);
    acquire(&copy).expect("the copy is the original now");
    acquire(&copy).expect("and remains the original");
}

/// Would catch: a rolling update after which every directory counts as a copy, or none.
#[test]
fn l8_a_store_of_an_earlier_version_belongs_to_the_directory_in_which_it_is_first_written() {
    let scratch = Scratch::new();
    let Some(_disk) = Disk::mounted_on(scratch.path()) else { return };
    let (original, copy) = (scratch.path().join("original"), scratch.path().join("copy"));
    fs::create_dir(&original).unwrap();
    initialised(&original);
    crate::file::rewrite(&original.join("leases"), |stored| stored["space"]["incarnation"] = "0123".into());
    let lease = acquire(&original).unwrap();
    Command::new("cp").arg("-a").args([&original, &copy]).status().unwrap();
    assert_refused(&copy, Some(&lease));
    store(&original)
        .renew(&crate::renewal(&Standard::LAYOUT, &lease.lease, Duration::from_secs(60), 0))
        .expect("the original");
}
