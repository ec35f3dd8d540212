//! `Directory`: the absolute path of the directory of a store.

use std::path::{Path, PathBuf, absolute};
use std::{fmt, io};

use crate::error::StoreError;
use crate::token::Token;

/// The absolute path of a directory, or the reason why the path is unknown. An absolute path does not depend on the
/// working directory.
#[derive(Clone)]
pub(super) struct Directory(Result<PathBuf, Unknown>);

/// The reason why a path could not be made absolute: a sentence that names the path.
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

/// The name of a temporary file is `BEFORE`, a token and `AFTER`. A process first writes a new `leases` or `lock` as a
/// temporary file, and then gives the file its final name.
const BEFORE: &str = "leases.";
const AFTER: &str = ".new";

/// Returns the path of a new temporary file in `directory`. No other file has the same name. A fixed name would not be
/// safe: if the lock file was removed, another process may write a temporary file at the same time.
pub(super) fn temporary(directory: &Path) -> io::Result<PathBuf> {
    Ok(directory.join(format!("{BEFORE}{}{AFTER}", Token::random()?)))
}

pub(super) fn is_temporary(name: &str) -> bool {
    let token = name.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
    token.is_some_and(|token| token.parse::<Token>().is_ok())
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
        Self::Url { why: format!("{why}: give the absolute path of the directory") }
    }
}
