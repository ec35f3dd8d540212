//! Directories: the disk is full or read-only, a write was cut off, or the directory was replaced.

use std::fs;

use testkit::eventually;

use super::Trial;
use super::holder::Holder;
use super::stores::{all_draw, end, end_under, holders, some_draw, verdict};
use super::verdict::Verdict;
use crate::disk::Disk;
use crate::servers::StoreServer;

pub(crate) fn a_full_disk(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let disk = Disk::mounted_on(server.directory()?)?;
    let holders = holders(server, trial);
    // A file that replaces another one frees some room, so the disk is filled again and again.
    end_under(&holders, trial, || disk.fill());
    disk.make_room();
    all_draw(&holders);
    verdict(holders)
}

pub(crate) fn a_read_only_disk(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let disk = Disk::mounted_on(server.directory()?)?;
    let holders = holders(server, trial);
    disk.set_read_only(true);
    end(&holders, trial);
    disk.set_read_only(false);
    all_draw(&holders);
    verdict(holders)
}

/// Kills holders. Each leaves a part of the next file: nothing, more and more of it, all of it, or a longer file.
pub(crate) fn cut_off_writes(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    const PARTS: usize = 4;
    let directory = server.directory()?;
    let mut holders = holders(server, trial);
    let mut ids = Vec::new();
    for part in 0..=PARTS + 1 {
        ids.push(holders.remove(0).kill());
        // With the lock, as a holder writes; the lock ends with its process.
        let lock = fs::File::open(directory.join("lock")).expect("the lock");
        lock.lock().expect("the lock");
        let whole = fs::read(directory.join("leases")).expect("the store's file");
        fs::write(directory.join("leases.new"), &whole.repeat(2)[..whole.len() * part / PARTS]).expect("a file");
        drop(lock);
        eventually("a write of another holder", || (fs::read(directory.join("leases")).ok()? != whole).then_some(()));
        holders.push(trial.start(server));
    }
    all_draw(&holders);
    ids.extend(holders.into_iter().map(Holder::finish));
    Some(Verdict::of(ids))
}

/// Replaces the directory with an empty one while holders draw, as if a file system were unmounted. No process creates a
/// space there. When the directory is back, holders continue.
pub(crate) fn a_remade_directory(server: &mut dyn StoreServer, trial: &Trial) -> Option<Verdict> {
    let directory = server.directory()?;
    let mut holders = holders(server, trial);
    let away = directory.with_extension("away");
    fs::rename(&directory, &away).expect("the directory");
    fs::create_dir(&directory).expect("a directory");
    holders.push(trial.start(server));
    end(&holders, trial);
    assert_eq!(fs::read_dir(&directory).expect("the directory").count(), 0);
    fs::remove_dir(&directory).expect("the empty directory");
    fs::rename(&away, &directory).expect("the directory");
    some_draw(&holders);
    Some(Verdict::of(holders.into_iter().map(Holder::kill)))
}
