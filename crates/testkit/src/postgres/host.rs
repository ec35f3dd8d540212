//! The parts of the host that a PostgreSQL server needs: the installed programs, the user that runs the server, and the
//! server's directories.

use std::env;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Initialises a data directory, and returns its contents as a tar archive. Returns `None` if PostgreSQL is not
/// installed.
pub(super) fn template() -> Option<Vec<u8>> {
    let initdb = binary("initdb")?;
    let directory = new_directory();
    let mut command = as_postgres(initdb);
    command.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]);
    run(command.arg(directory.join("data")));
    let archive = run(Command::new("tar").arg("-C").arg(directory.join("data")).args(["-c", "."])).stdout;
    fs::remove_dir_all(directory).expect("the directory can be removed");
    Some(archive)
}

/// Creates `directory`, and unpacks `archive` there. Only the user that runs the server may open `directory`.
pub(super) fn unpack(archive: &[u8], directory: &Path) {
    fs::create_dir(directory).expect("a directory");
    let mut tar = Command::new("tar").arg("-C").arg(directory).args(["-x", "-p"]).stdin(Stdio::piped()).spawn();
    let tar = tar.as_mut().expect("tar starts");
    tar.stdin.take().expect("it is piped").write_all(archive).expect("tar reads");
    assert!(tar.wait().expect("tar ends").success());
    fs::set_permissions(directory, Permissions::from_mode(0o700)).expect("it is ours");
    give(directory);
}

/// Creates a temporary directory that no other server uses. The user that runs the server owns the directory.
pub fn new_directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // ORDERING: Relaxed. Only the numbers matter, and each is drawn once.
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let directory = env::temp_dir().join(format!("casflake-postgres-{}-{number}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("a temporary directory");
    give(&directory);
    directory
}

/// Returns the path of PostgreSQL's program `name`, or `None` if the program is not installed.
pub(super) fn binary(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let places = env::split_paths(&path).chain(versions.map(|version| version.path().join("bin")));
    places.map(|place| place.join(name)).find(|program| program.is_file())
}

/// Returns the path of libfaketime, or `None` if libfaketime is not installed.
pub(super) fn libfaketime() -> Option<PathBuf> {
    let multiarch = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let places = multiarch.chain(["/usr/lib".into(), "/usr/local/lib".into()]);
    places.map(|place| place.join("faketime/libfaketime.so.1")).find(|library| library.is_file())
}

/// Returns the user ID and the group ID of the user `postgres`, or `None` if this process does not run as root.
/// PostgreSQL refuses to run as root, so a test that runs as root lets the user `postgres` run the server. Any other
/// test runs the server as its own user.
fn user() -> Option<(u32, u32)> {
    static USER: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
        if fs::metadata("/proc/self").is_ok_and(|ours| ours.uid() != 0) {
            return None;
        }
        let id = |option| {
            let said = run(Command::new("id").args([option, "postgres"])).stdout;
            String::from_utf8_lossy(&said).trim().parse().expect("a number")
        };
        Some((id("-u"), id("-g")))
    });
    *USER
}

/// Returns a command that runs `program` as the user that runs the server.
pub fn as_postgres(program: impl AsRef<Path>) -> Command {
    let Some((user, group)) = user() else { return Command::new(program.as_ref()) };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]);
    command.arg(program.as_ref()).current_dir("/");
    command
}

/// Makes the user that runs the server the owner of the file or directory `path`.
pub fn give(path: &Path) {
    if let Some((user, group)) = user() {
        chown(path, Some(user), Some(group)).expect("root may do that");
    }
}

/// Runs a command that must succeed, and returns its output.
#[track_caller]
pub(super) fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
