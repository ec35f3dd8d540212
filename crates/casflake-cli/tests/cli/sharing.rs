//! A directory of leases that several users share through a group. Needs root, because only root can act as two users.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

use testkit::skipped;

use crate::common::{assert_fails, text};

/// Users with these numbers need not exist.
const ONE: u32 = 30_001;
const OTHER: u32 = 30_002;
const GROUP: u32 = 30_000;

/// A directory of root and the group, and a copy of the command that each user can run.
struct Shared(PathBuf);

impl Shared {
    /// Returns `None` if there is only one user.
    #[track_caller]
    fn new(name: &str, mode: u32) -> Option<Self> {
        let path = env::temp_dir().join(format!("casflake-sharing-{name}-{}", process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        let shared = Self(path);
        let ids = shared.0.join("ids");
        fs::create_dir(&ids).unwrap();
        let is_root = chown(&ids, Some(0), Some(GROUP)).is_ok();
        if !is_root || Command::new("setpriv").arg("--version").output().is_err() {
            skipped("a directory that users share", "root, and setpriv of util-linux");
            return None;
        }
        // Copied by another process, so that a child which another test forks meanwhile does not inherit the file while
        // it is open for writing.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_casflake")).arg(shared.command()).status();
        assert!(copied.unwrap().success());
        // Sets the modes explicitly, because the umask has reduced them.
        for (path, mode) in [(&shared.0, 0o755), (&ids, mode), (&shared.command(), 0o755)] {
            set_mode(path, mode);
        }
        Some(shared)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join("ids").join(name)
    }

    fn command(&self) -> PathBuf {
        self.0.join("casflake")
    }

    /// Runs the command as a user that has a group of its own and is also in the shared one.
    fn run(&self, user: u32, umask: &str, before: &[&str], after: &[&str]) -> Output {
        self.run_in(GROUP, user, umask, before, after)
    }

    fn run_in(&self, group: u32, user: u32, umask: &str, before: &[&str], after: &[&str]) -> Output {
        let (user, group) = (user.to_string(), group.to_string());
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &user, "--regid", &user, "--groups", &group]);
        command.args(["sh", "-c", "umask $0; exec \"$@\"", umask]).arg(self.command()).args(before);
        if before != ["leases"] {
            command.arg("--lease");
        }
        command.arg(format!("file:{}", self.0.join("ids").display())).args(after);
        command.output().expect("setpriv")
    }

    #[track_caller]
    fn init(&self, user: u32, umask: &str) {
        let output = self.run(user, umask, &["leases"], &["init", "--immediately", "--beside", "--yes"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    #[track_caller]
    fn generate(&self, user: u32, umask: &str) {
        let output = self.run(user, umask, &["generate", "-n", "3"], &[]);
        assert!(output.status.success(), "{user}: {}", text(&output.stderr));
    }

    /// Returns the permissions of the files, and their group.
    fn files(&self) -> [(u32, u32); 2] {
        ["lock", "leases"].map(|name| {
            let file = fs::metadata(self.file(name)).unwrap();
            (file.mode() & 0o7777, file.gid())
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Would catch: a second user that is refused, because the first one's umask takes the group's permissions away.
#[test]
fn the_users_of_a_group_share_a_directory() {
    for (mode, umask) in [(0o2770, "022"), (0o2770, "077"), (0o770, "022"), (0o770, "077")] {
        let Some(shared) = Shared::new("group", mode) else { return };
        shared.init(ONE, umask);
        assert_eq!(shared.files(), [(0o660, GROUP); 2], "{mode:o}, {umask}");
        for user in [OTHER, ONE, OTHER] {
            shared.generate(user, umask);
            assert_eq!(shared.files(), [(0o660, GROUP); 2], "{mode:o}, {umask}, by {user}");
        }
    }
}

#[test]
fn a_file_admits_no_group_that_may_not_write_to_the_directory() {
    for (mode, umask, expected) in [
        (0o2750, "022", (0o644, GROUP)),
        (0o755, "022", (0o644, ONE)),
        // A sticky directory, like /tmp.
        (0o1777, "022", (0o644, ONE)),
        (0o3777, "077", (0o600, GROUP)),
    ] {
        let Some(shared) = Shared::new("alone", mode) else { return };
        chown(shared.0.join("ids"), Some(ONE), None).unwrap();
        set_mode(&shared.0.join("ids"), mode);
        shared.init(ONE, umask);
        assert_eq!(shared.files(), [expected; 2], "{mode:o}, {umask}");
    }
}

/// The shared group of the directory is one that the user is not in. The user's own group keeps the access that it had.
#[test]
fn a_file_that_can_not_have_the_group_of_the_directory_admits_no_other_group() {
    let Some(shared) = Shared::new("stranger", 0o777) else { return };
    chown(shared.0.join("ids"), None, Some(GROUP + 9)).unwrap();
    shared.init(ONE, "022");
    assert_eq!(shared.files(), [(0o644, ONE); 2]);
}

#[test]
fn an_error_about_a_file_of_another_user_has_a_remedy_that_works() {
    let Some(shared) = Shared::new("mended", 0o2770) else { return };
    shared.init(ONE, "022");
    // For the other file, permission to read is enough.
    for (name, mode) in [("lock", 0o644), ("leases", 0o600)] {
        let file = shared.file(name);
        chown(&file, Some(ONE), Some(ONE)).unwrap();
        set_mode(&file, mode);
        let output = shared.run(OTHER, "022", &["generate"], &[]);
        let remedy = format!("chgrp {GROUP} '{0}'; chmod g+rw '{0}'", file.display());
        assert_fails(&output, 1, &[&remedy, "Permission denied"]);
        assert!(Command::new("sh").args(["-c", &remedy]).status().unwrap().success());
        shared.generate(OTHER, "022");
    }
}

#[test]
fn an_error_about_an_unshared_directory_has_a_remedy_that_works() {
    let Some(shared) = Shared::new("unshared", 0o755) else { return };
    let ids = shared.0.join("ids");
    chown(&ids, Some(ONE), Some(ONE)).unwrap();
    shared.init(ONE, "022");
    let output = shared.run(OTHER, "022", &["generate"], &[]);
    let directory = format!("'{}'", ids.display());
    let files = ["lock", "leases"].map(|name| format!("'{}'", shared.file(name).display())).join(" ");
    let remedy = format!("chgrp GROUP {directory} {files}; chmod 2770 {directory}; chmod g+rw {files}");
    assert_fails(&output, 1, &[&remedy]);
    let remedy = remedy.replace("GROUP", &GROUP.to_string());
    assert!(Command::new("sh").args(["-c", &remedy]).status().unwrap().success());
    shared.generate(OTHER, "022");
    // A user that is not in the group of the directory.
    set_mode(&ids, 0o2775);
    let output = shared.run_in(OTHER, OTHER, "022", &["generate"], &[]);
    assert_fails(&output, 1, &[&format!("add this user to the group {GROUP}, which shares {directory}")]);
}

/// Would catch: a link through which a user that may write to the directory makes root create a file elsewhere, or open
/// one up.
#[test]
fn a_link_in_place_of_a_file_does_not_change_its_target() {
    let Some(shared) = Shared::new("link", 0o2770) else { return };
    let [secret, missing] = ["secret", "missing"].map(|name| shared.0.join(name));
    fs::write(&secret, "").unwrap();
    set_mode(&secret, 0o600);
    for target in [&missing, &secret] {
        let _ = fs::remove_file(shared.file("lock"));
        symlink(target, shared.file("lock")).unwrap();
        // As root, which may do anything.
        let output = shared.run(0, "022", &["leases"], &["init", "--immediately", "--beside", "--yes"]);
        assert_eq!(output.status.success(), target == &secret, "{}", text(&output.stderr));
        assert!(!missing.exists());
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
    }
}
