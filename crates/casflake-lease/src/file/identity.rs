//! What tells a file from every other of its file system, as each system knows it.

#[cfg(not(any(unix, windows)))]
pub(super) use others::{is_at, mark, place};
use serde::{Deserialize, Serialize};
#[cfg(unix)]
pub(super) use unix::{is_at, mark, place};
#[cfg(windows)]
pub(super) use windows::{is_at, mark, place};

/// What no copy of a file has: its inode (Windows: its index), which the next file may be given that is made, and when it
/// was made, in nanoseconds since 1970, where the file system knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    pub(super) inode: u64,
    pub(super) created_nanos: Option<u64>,
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, File};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::time::UNIX_EPOCH;

    use super::Mark;

    /// The mark of this file, where there is such a thing.
    pub(in crate::file) fn mark(file: &File) -> io::Result<Option<Mark>> {
        let metadata = file.metadata()?;
        let created = || metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos().try_into().ok();
        Ok(Some(Mark { inode: metadata.ino(), created_nanos: created() }))
    }

    /// Which directory this is, until the host is started anew: one that is mounted over another, or put in its place,
    /// is another.
    pub(in crate::file) fn place(directory: &Path) -> io::Result<String> {
        let metadata = fs::metadata(directory)?;
        let created = metadata.created().ok();
        Ok(format!("device {}, inode {}, made at {created:?}", metadata.dev(), metadata.ino()))
    }

    /// Whether `path` still names this file. Where that can't be told, files in use are not removed.
    pub(in crate::file) fn is_at(file: &File, path: &Path) -> bool {
        let inodes = || Ok::<_, io::Error>((file.metadata()?.ino(), fs::metadata(path)?.ino()));
        inodes().is_ok_and(|(locked, there)| locked == there)
    }
}

#[cfg(windows)]
mod windows {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use winapi_util::file::information;
    use winapi_util::{AsHandleRef, Handle};

    use super::Mark;

    /// Without the time when the file was made: NTFS gives a file that is put in place of another the time of that one
    /// ("tunnelling"), so a mark from before it was put in place would not be the file's any more. Nor is it needed: in
    /// NTFS' index is a count of how often its place was given away, so that no file gets that of one before it.
    pub(in crate::file) fn mark(file: &File) -> io::Result<Option<Mark>> {
        Ok(Some(Mark { inode: information(file)?.file_index(), created_nanos: None }))
    }

    pub(in crate::file) fn place(directory: &Path) -> io::Result<String> {
        let (volume, index) = identity(Handle::from_path_any(directory)?)?;
        Ok(format!("volume {volume}, index {index}"))
    }

    pub(in crate::file) fn is_at(file: &File, path: &Path) -> bool {
        let both = || Ok::<_, io::Error>((identity(file)?, identity(Handle::from_path_any(path)?)?));
        both().is_ok_and(|(locked, there)| locked == there)
    }

    /// The volume, and the index on it.
    fn identity(file: impl AsHandleRef) -> io::Result<(u64, u64)> {
        let known = information(file)?;
        Ok((known.volume_serial_number(), known.file_index()))
    }
}

#[cfg(not(any(unix, windows)))]
mod others {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use super::Mark;

    pub(in crate::file) fn mark(_: &File) -> io::Result<Option<Mark>> {
        Ok(None)
    }

    pub(in crate::file) fn place(directory: &Path) -> io::Result<String> {
        Ok(directory.display().to_string())
    }

    pub(in crate::file) fn is_at(_: &File, _: &Path) -> bool {
        true
    }
}
