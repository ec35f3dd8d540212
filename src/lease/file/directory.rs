//! The directory of a store, whose path is absolute.

use core::fmt;
use std::format;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf, absolute};
use std::string::String;

use crate::lease::error::StoreError;

/// A path that means the same directory whatever the working directory is, or why there is none.
pub(super) struct Directory(Result<PathBuf, Unknown>);

/// A relative path that could not be made absolute.
#[derive(Clone, Debug)]
pub(super) struct Unknown(String);

impl Directory {
    pub(super) fn of(path: PathBuf) -> Self {
        Self(absolute(&path).map_err(|error| Unknown(format!("the path {path:?} can not be made absolute: {error}"))))
    }

    pub(super) fn path(&self) -> Result<&Path, Unknown> {
        self.0.as_deref().map_err(Clone::clone)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(path) => path.fmt(f),
            Err(unknown) => unknown.fmt(f),
        }
    }
}

impl From<Unknown> for StoreError {
    fn from(Unknown(why): Unknown) -> Self {
        Self::Url { why: format!("{why}: give the whole path of its directory") }
    }
}

impl From<Unknown> for io::Error {
    fn from(Unknown(why): Unknown) -> Self {
        Self::new(ErrorKind::InvalidInput, why)
    }
}
