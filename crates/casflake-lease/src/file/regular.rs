//! A FIFO, a device or a directory in place of a file: to open one may take for ever, or have an effect of its own.

use std::fs;
use std::path::Path;

use crate::error::StoreError;

/// Fails if there is something else than a file at `path`, without opening it. Where there is nothing, opening it says so.
pub(super) fn require_file(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            let what = format!("opening {}, which is not a regular file,", path.display());
            Err(StoreError::refused(what, "remove it", "it is not a regular file"))
        }
        _ => Ok(()),
    }
}
