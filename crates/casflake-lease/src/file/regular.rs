//! `require_file`: refuses a FIFO, a device or a directory in place of a file. Opening a FIFO or a device may block for
//! ever, or have a side effect.

use std::path::Path;

use super::disk::{Disk, Kind};
use crate::error::StoreError;

/// Fails if something other than a regular file exists at `path`. Does not open `path`. Succeeds if nothing exists at
/// `path`, because opening `path` then fails anyway.
pub(super) fn require_file(disk: &impl Disk, path: &Path) -> Result<(), StoreError> {
    match disk.kind(path) {
        Ok(Kind::Directory | Kind::Other) => {
            let what = format!("opening {}, which is not a regular file,", path.display());
            Err(StoreError::refused(what, "remove it", "it is not a regular file"))
        }
        _ => Ok(()),
    }
}
