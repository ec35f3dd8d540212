//! `--plot`: the file to which the chart is written.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::stop::{Outcome, Stop};

pub(crate) struct Plot {
    path: PathBuf,
    file: File,
}

impl Plot {
    /// Creates the file `path`, or empties it if it exists. The command calls this before the run begins, so that a
    /// wrong path is reported immediately.
    pub(crate) fn create(path: &Path) -> Result<Self, Stop> {
        let file = File::create(path).map_err(|error| {
            Stop::usage(format_args!(
                "--plot {} can't be created ({error}): give a writable file in an existing directory",
                path.display()
            ))
        })?;
        Ok(Self { path: path.to_owned(), file })
    }

    pub(crate) fn write(mut self, svg: &str) -> Outcome {
        let written = self.file.write_all(svg.as_bytes());
        written.map_err(|error| Stop::failed(format_args!("--plot {} can't be written: {error}", self.path.display())))
    }
}
