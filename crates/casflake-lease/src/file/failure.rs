//! `Failure`: an error of the file system and the file that it is about, so that the remedy can name that file.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::sharing;
use crate::error::StoreError;

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
            ErrorKind::NotFound | ErrorKind::NotADirectory => match lacking(directory) {
                Some(remedy) => remedy.into(),
                // Another process has just removed a file in it.
                None => return StoreError::unavailable(what, error),
            },
            ErrorKind::PermissionDenied => sharing::remedy(&path, directory),
            ErrorKind::ReadOnlyFilesystem => "mount the file system so that it can be written to".into(),
            _ => return StoreError::unavailable(what, error),
        };
        StoreError::refused(what, remedy, error)
    }
}

const MISSING: &str = "create the directory, or mount it or put it back if it was there before";
const NO_DIRECTORY: &str = "give the path of a directory";

/// Returns what to do where there is no such directory; `None` if there may be one.
fn lacking(directory: &Path) -> Option<&'static str> {
    match fs::metadata(directory) {
        Ok(found) => (!found.is_dir()).then_some(NO_DIRECTORY),
        Err(error) => match error.kind() {
            // Something above it is a file.
            ErrorKind::NotADirectory => Some(NO_DIRECTORY),
            // Windows calls that missing, too.
            ErrorKind::NotFound => {
                let above = directory.ancestors().skip(1).find_map(|above| fs::metadata(above).ok());
                Some(if above.is_some_and(|above| !above.is_dir()) { NO_DIRECTORY } else { MISSING })
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

    fn failed(kind: ErrorKind, directory: &Path) -> StoreError {
        Failure::at(&directory.join("lock"))(io::Error::from(kind)).of("locking".into(), directory)
    }

    #[track_caller]
    fn assert_remedy(error: &StoreError, expected: &str) {
        assert!(matches!(error, StoreError::Refused { remedy, .. } if remedy == expected), "{error}");
    }

    #[test]
    fn a_missing_file_is_passing_and_a_missing_directory_is_not() {
        assert!(failed(ErrorKind::NotFound, &env::temp_dir()).is_retryable());
        let missing = env::temp_dir().join(format!("casflake-missing-{}", process::id()));
        assert_remedy(&failed(ErrorKind::NotFound, &missing), MISSING);
    }

    /// Would catch: a path of a file, or below one, that is tried for ever, or is to be created.
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
