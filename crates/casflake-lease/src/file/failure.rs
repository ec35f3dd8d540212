//! `Failure`: an error of the file system, and the path that the error is about. The remedy can name that path.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::disk::{Disk, Kind};
use super::sharing;
use crate::error::StoreError;

#[derive(Debug)]
pub(super) struct Failure {
    path: PathBuf,
    error: io::Error,
}

impl Failure {
    /// Returns a function that makes a failure from an error about `path`.
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self { path: path.into(), error }
    }

    pub(super) fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Returns the error for the operation `what`, which failed because of `self`. The store of the operation is in
    /// `directory`. The error is `Refused` if waiting does not help, and otherwise `Unavailable`.
    pub(super) fn of(self, disk: &impl Disk, what: String, directory: &Path) -> StoreError {
        let Self { path, error } = self;
        let remedy = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => match lacking(disk, directory) {
                Some(remedy) => remedy.into(),
                // The directory exists, so another process has just removed the file.
                None => return StoreError::unavailable(what, error),
            },
            ErrorKind::PermissionDenied => sharing::remedy(&path, directory),
            ErrorKind::ReadOnlyFilesystem => "mount the file system so that it can be written to".into(),
            _ => return StoreError::unavailable(what, error),
        };
        StoreError::refused(what, remedy, error)
    }
}

const MISSING: &str = "create the directory, or mount or restore it if it existed before";
const NO_DIRECTORY: &str = "give the path of a directory";

/// If `directory` does not exist or is not a directory, returns the remedy for that. Returns `None` if the directory
/// may exist.
fn lacking(disk: &impl Disk, directory: &Path) -> Option<&'static str> {
    match disk.kind(directory) {
        Ok(found) => (found != Kind::Directory).then_some(NO_DIRECTORY),
        Err(error) => match error.kind() {
            // A parent of `directory` is a file.
            ErrorKind::NotADirectory => Some(NO_DIRECTORY),
            // Windows also reports `NotFound` if a parent of `directory` is a file.
            ErrorKind::NotFound => {
                let above = directory.ancestors().skip(1).find_map(|above| disk.kind(above).ok());
                Some(if above.is_some_and(|above| above != Kind::Directory) { NO_DIRECTORY } else { MISSING })
            }
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::path::Path;
    use std::{env, fs, io, process};

    use super::{Failure, MISSING, NO_DIRECTORY};
    use crate::error::StoreError;
    use crate::file::disk::LocalDisk;

    fn failed(kind: ErrorKind, directory: &Path) -> StoreError {
        Failure::at(&directory.join("lock"))(io::Error::from(kind)).of(&LocalDisk, "locking".into(), directory)
    }

    #[track_caller]
    fn assert_remedy(error: &StoreError, expected: &str) {
        assert!(matches!(error, StoreError::Refused { remedy, .. } if remedy == expected), "{error}");
    }

    #[test]
    fn a_missing_file_is_retryable_and_a_missing_directory_is_refused() {
        assert!(failed(ErrorKind::NotFound, &env::temp_dir()).is_retryable());
        let missing = env::temp_dir().join(format!("casflake-missing-{}", process::id()));
        assert_remedy(&failed(ErrorKind::NotFound, &missing), MISSING);
    }

    #[test]
    fn a_file_system_that_is_read_only_is_refused() {
        let error = failed(ErrorKind::ReadOnlyFilesystem, &env::temp_dir());
        assert_remedy(&error, "mount the file system so that it can be written to");
    }

    /// Would catch: a store that retries for ever if its path is a file, or is below a file; a remedy that asks to
    /// create a directory at such a path.
    #[test]
    fn a_file_in_place_of_a_directory_is_refused() {
        let file = env::temp_dir().join(format!("casflake-no-directory-{}", process::id()));
        fs::write(&file, "").unwrap();
        let errors = [&*file, &file.join(""), &file.join("below")].map(|path| failed(ErrorKind::NotADirectory, path));
        fs::remove_file(&file).unwrap();
        for error in &errors {
            assert_remedy(error, NO_DIRECTORY);
        }
    }
}
