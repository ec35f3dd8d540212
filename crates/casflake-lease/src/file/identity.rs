//! `Mark` and `place`: how each operating system distinguishes a file or directory from all others.

#[cfg(not(any(unix, windows)))]
pub(super) use others::{is_at, mark, place};
use serde::{Deserialize, Serialize};
#[cfg(unix)]
pub(super) use unix::{is_at, mark, place};
#[cfg(windows)]
pub(super) use windows::{is_at, mark, place};

/// Properties that distinguish a file from copies of that file. The inode (on Windows, the file index) is not enough,
/// because a new file may get the inode of a removed file. The time of creation is in nanoseconds since 1970, or `None`
/// if the file system does not record it.
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

    /// Returns the mark of `file`, or `None` on systems without marks.
    pub(in crate::file) fn mark(file: &File) -> io::Result<Option<Mark>> {
        let metadata = file.metadata()?;
        let created = || metadata.created().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos().try_into().ok();
        Ok(Some(Mark { inode: metadata.ino(), created_nanos: created() }))
    }

    /// Returns a text that identifies the directory until the host restarts. If another directory is mounted over this
    /// directory, or is put in its place, the path has a different text from then on.
    pub(in crate::file) fn place(directory: &Path) -> io::Result<String> {
        let metadata = fs::metadata(directory)?;
        let created = metadata.created().ok();
        Ok(format!("device {}, inode {}, made at {created:?}", metadata.dev(), metadata.ino()))
    }

    /// Returns whether the file at `path` is still `file`.
    pub(in crate::file) fn is_at(file: &File, path: &Path) -> bool {
        let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let both = || Ok::<_, io::Error>((identity(file.metadata()?), identity(fs::metadata(path)?)));
        both().is_ok_and(|(locked, there)| locked == there)
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

    /// Returns the mark without a time of creation. When a new file replaces an old one, NTFS gives the new file the
    /// old file's time of creation ("tunnelling"). So a mark with a time of creation would change when a temporary file
    /// replaces `leases`. The time is not needed, because an NTFS index contains a count of its reuses, so no file gets
    /// the index of an earlier file.
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

    /// Returns the serial number of the volume, and the index of the file on that volume.
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

    /// Returns `true`. This system can't tell whether a file was replaced, so the store assumes that a file in use is
    /// never replaced.
    pub(in crate::file) fn is_at(_: &File, _: &Path) -> bool {
        true
    }
}
