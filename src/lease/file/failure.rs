//! `Failure`: an error of the file system and the file that it is about, so that the remedy can name that file.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::string::String;

use super::sharing;
use crate::lease::error::StoreError;

#[derive(Debug)]
pub(super) struct Failure {
    path: PathBuf,
    error: io::Error,
}

impl Failure {
    /// Returns what makes a failure of an error about `path`.
    pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        move |error| Self { path: path.into(), error }
    }

    pub(super) fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    /// Returns the error of a store in `directory` that did `what`: permanent if waiting does not mend it.
    pub(super) fn of(self, what: String, directory: &Path) -> StoreError {
        let Self { path, error } = self;
        let remedy = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory if !is_there(directory) => "create the directory".into(),
            ErrorKind::PermissionDenied => sharing::remedy(&path, directory),
            ErrorKind::ReadOnlyFilesystem => "mount the file system so that it can be written to".into(),
            _ => return StoreError::unavailable(what, error),
        };
        StoreError::refused(what, remedy, error)
    }
}

/// Whether it may be a directory: a file in it that another process has just removed is no reason to give up.
fn is_there(directory: &Path) -> bool {
    fs::metadata(directory).map_or_else(|error| error.kind() != ErrorKind::NotFound, |found| found.is_dir())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::{env, format, io, process};

    use super::Failure;
    use crate::lease::error::StoreError;

    #[test]
    fn a_missing_file_is_passing_and_a_missing_directory_is_not() {
        let failed = |directory: &std::path::Path| {
            let failure = Failure::at(&directory.join("lock"))(io::Error::from(ErrorKind::NotFound));
            failure.of("locking".into(), directory)
        };
        assert!(failed(&env::temp_dir()).is_retryable());
        let missing = failed(&env::temp_dir().join(format!("casflake-missing-{}", process::id())));
        assert!(
            matches!(&missing, StoreError::Refused { remedy, .. } if remedy == "create the directory"),
            "{missing}"
        );
    }
}
