//! Directories that were copied with all that is in them: none of the copies is used beside the original.
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

#[track_caller]
fn assert_refused(directory: &Path, lease: Option<&Grant>) {
    let before = fs::read(directory.join("leases")).unwrap();
    let mut store = store(directory);
    let mut outcomes = vec![
        acquire(directory).map(drop),
        store.init(&Standard::LAYOUT, 4).map(drop),
        store.reclaim(&Standard::LAYOUT, 0),
    ];
    if let Some(Grant { lease, .. }) = lease {
        outcomes.push(store.renew(&crate::renewal(&Standard::LAYOUT, lease, Duration::from_secs(60), 0)).map(drop));
        outcomes.push(store.release(lease, None));
    }
    for outcome in outcomes {
        assert!(matches!(outcome, Err(StoreError::Copied { .. })), "{outcome:?}");
    }
    assert_eq!(fs::read(directory.join("leases")).unwrap(), before, "it is left as it is");
}

/// A file system of layers, as a container's is.
struct Layers {
    root: PathBuf,
}

impl Layers {
    /// Over the directory `below`. `None` where the user may not mount one.
    #[track_caller]
    fn over(below: &Path, root: PathBuf) -> Option<Self> {
        for part in ["upper", "work", "merged"] {
            fs::create_dir_all(root.join(part)).unwrap();
        }
        let layers = Self { root };
        if layers.mount(below) {
            return Some(layers);
        }
        skipped("a container's file system", "a user who may mount an overlay (root)");
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

/// Would catch: a store that is part of an image, and goes on in each of its containers.
#[test]
fn i1_containers_of_one_image_do_not_use_the_store_that_it_holds() {
    let scratch = Scratch::new();
    let below = scratch.path().join("below");
    fs::create_dir_all(below.join("ids")).unwrap();
    let Some(building) = Layers::over(&below, scratch.path().join("building")) else { return };
    let built = building.merged().join("ids");
    initialised(&built);
    let lease = acquire(&built).unwrap();
    // Nor is a copy used in the same container.
    let copy = building.merged().join("copy");
    assert!(Command::new("cp").arg("-a").args([&built, &copy]).status().unwrap().success());
    assert_refused(&copy, Some(&lease));
    // Each container would have a space of its own, so none creates one by itself.
    let elsewhere = building.merged().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let creating = LeasedGenerator::<Standard>::builder(store(&elsewhere)).create_if_missing().build();
    assert!(matches!(creating, Err(StoreError::NoSpace { .. })), "{creating:?}");
    assert!(store(&elsewhere).others().is_err_and(|error| format!("{error:?}").contains("mount a volume")));
    building.unmount();
    // The container that the image is made from may go on.
    assert!(building.mount(&below));
    acquire(&built).expect("the same container");
    building.unmount();
    let containers = ["one", "other"]
        .map(|name| Layers::over(&building.upper(), scratch.path().join(name)).expect("there was one before"));
    for container in &containers {
        assert_refused(&container.merged().join("ids"), Some(&lease));
    }
    // A store that an earlier version has made says nothing of where.
    let image = building.upper().join("ids/leases");
    crate::file::rewrite(&image, |stored| {
        let incarnation = stored["space"]["incarnation"].as_str().unwrap().split(',').next().unwrap().to_owned();
        stored["space"]["incarnation"] = incarnation.into();
    });
    let third = Layers::over(&building.upper(), scratch.path().join("third")).expect("there was one before");
    assert_refused(&third.merged().join("ids"), Some(&lease));
}

#[test]
fn i1_a_directory_that_was_copied_as_it_is_is_not_used_beside_the_original() {
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
    // One that is only called otherwise is the same.
    fs::remove_dir_all(&copy).unwrap();
    fs::rename(&original, &copy).unwrap();
    acquire(&copy).expect("the original");
}

/// Would catch: a snapshot of a volume, in which every number is the same.
#[test]
fn i1_a_copy_of_a_volume_is_not_used_beside_the_original() {
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
    /// `None` where the user may not mount one.
    #[track_caller]
    fn mounted_on(at: PathBuf, image: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).output();
        let volume = Self { at, image };
        if made.is_ok_and(|output| output.status.success()) && volume.mount() {
            return Some(volume);
        }
        skipped("a volume", "mkfs.ext4, and a user who may mount a file system (root)");
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

/// Would catch: a space that is remade on another file system, which has the numbers of the one before.
#[test]
fn i1_a_space_is_not_remade_on_another_file_system_at_the_same_place() {
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
fn an_operator_may_take_a_copy_for_the_original() {
    let scratch = Scratch::new();
    let Some(_disk) = Disk::mounted_on(scratch.path()) else { return };
    let (original, copy) = (scratch.path().join("original"), scratch.path().join("copy"));
    fs::create_dir(&original).unwrap();
    initialised(&original);
    acquire(&original).unwrap();
    Command::new("cp").arg("-a").args([&original, &copy]).status().unwrap();
    fs::remove_dir_all(&original).unwrap();
    assert_refused(&copy, None);
    assert_eq!(store(&copy).survey().unwrap().workers.len(), 1, "it can be looked at");
    initialised(&copy);
    acquire(&copy).expect("it is the original now");
    acquire(&copy).expect("and stays so");
}

/// Would catch: a rolling update after which each directory looks like a copy; and one after which none does.
#[test]
fn a_store_that_an_earlier_version_has_made_is_at_home_where_it_is_first_written() {
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
