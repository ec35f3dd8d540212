//! `require_file`: refuses a FIFO, a device or a directory in place of a file. Opening one may block for ever, or have
//! an effect of its own.

use std::fs;
use std::path::Path;

use crate::error::StoreError;

/// Fails if `path` exists and is not a regular file. Does not open it. If nothing exists there, the later opening
/// reports that.
pub(super) fn require_file(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            let what = format!("opening {}, which is not a regular file,", path.display());
            Err(StoreError::refused(what, "remove it", "it is not a regular file"))
        }
        _ => Ok(()),
    }
}
