//! Runs the command as a child process.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

use testkit::within;

pub(crate) fn casflake(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casflake"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command to its end with this input.
pub(crate) fn run(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut child = casflake(args).spawn().expect("the command starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.as_ref().to_vec();
    // On a thread of its own, so that neither side waits for the other with full pipes. A command that does not read its
    // input closes it, which is not a failure.
    thread::spawn(move || drop(stdin.write_all(&input)));
    within(&format!("casflake {}", args.join(" ")), move || child.wait_with_output()).expect("the command ends")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Asserts that a command failed properly: with this exit code, a message on stderr with these words, and without a
/// panic.
#[track_caller]
pub(crate) fn assert_fails(output: &Output, code: i32, words: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_no_panic(output);
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in: {stderr}");
    }
}

#[track_caller]
pub(crate) fn assert_no_panic(output: &Output) {
    let stderr = text(&output.stderr);
    assert!(!stderr.contains("panicked") && !stderr.contains("backtrace"), "{stderr}");
}
