//! A store of leases for the command: the option `--lease`, and `casflake leases URL`.

use std::path::PathBuf;
use std::{env, fs, process};

use serde_json::Value;

use crate::common::{run, text};

/// A store in a directory that is removed at the end of the test.
pub(crate) struct Store(pub(crate) PathBuf);

impl Store {
    pub(crate) fn empty(name: &str) -> Self {
        let path = env::temp_dir().join(format!("casflake-cli-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn granting(name: &str, workers: &str) -> Self {
        let store = Self::empty(name);
        let output = store.run(&["leases"], &["init", "--beside", "--immediately", "--yes", "--workers", workers]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        store
    }

    pub(crate) fn path(&self) -> String {
        self.0.display().to_string().replace('\\', "/").trim_start_matches('/').to_owned()
    }

    pub(crate) fn run(&self, before: &[&str], after: &[&str]) -> process::Output {
        self.run_with(before, after, "")
    }

    pub(crate) fn run_with(&self, before: &[&str], after: &[&str], input: &str) -> process::Output {
        let url = format!("file:///{}", self.path());
        match before {
            ["leases", options @ ..] => run(&[&["leases", &url], options, after].concat(), input),
            _ => run(&[before, &["--lease", &url], after].concat(), input),
        }
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        let output = self.run(&["leases", "--json"], &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        // The first line is about the space.
        text(&output.stdout).lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
