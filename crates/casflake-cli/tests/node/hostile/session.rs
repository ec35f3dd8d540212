//! One node, the lines sent to it, and a check of all its output.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::process::{ChildStderr, ChildStdout};
use std::sync::Once;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use std::{process, thread};

use super::super::common::casflake;
use super::count;
use super::model::{Answer, Model, Verdict};
use super::replies::Replies;

/// The results of a session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) lines: u64,
    pub(super) skipped: u64,
    pub(super) replies: u64,
    pub(super) errors: u64,
    /// The number of requests of the client `planted` that got an ID, in order.
    pub(super) planted: u64,
    /// The most memory that the node ever held, in KiB, if the system reports it.
    pub(super) peak: Option<u64>,
}

/// A line that must be answered, and the answer.
type Promise = (Vec<u8>, Answer);

/// Sends these texts to one node, each with a newline after it, and checks all its output.
pub(super) fn session(texts: impl Iterator<Item = Vec<u8>>) -> Session {
    end_if_the_node_hangs();
    let mut child = casflake(&["node"]).spawn().expect("the node starts");
    let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let mut stdin = BufWriter::new(child.stdin.take().expect("piped"));
    // The node's pipes hold back the side that is ahead, so these queues stay short.
    let (promise, promises) = mpsc::channel();
    let (skip, skips) = mpsc::channel();
    let session = thread::scope(|scope| {
        let replies = scope.spawn(|| check_replies(BufReader::new(stdout), promises));
        let reports = scope.spawn(|| check_reports(BufReader::new(stderr), skips));
        let mut lines = 0;
        let sent = send(texts, &mut stdin, &promise, &skip, &mut lines);
        drop((promise, skip));
        let (replies, planted, mut stdout) = replies.join().expect("good replies");
        sent.expect("an open stdin");
        // The last reply has come, but not the end of the input, so the node still runs.
        let peak = peak_memory(child.id());
        drop(stdin);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).expect("UTF-8");
        assert_eq!(rest, "", "after the last reply");
        let skipped = reports.join().expect("good reports");
        Session { lines, skipped, replies: replies.count, errors: replies.errors, planted, peak }
    });
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    session
}

/// Ends the test run if the node keeps back a reply, so that the run does not hang.
fn end_if_the_node_hangs() {
    static WATCH: Once = Once::new();
    // Far more than any machine needs: a million lines take some minutes.
    let limit = Duration::from_secs(120 + count() / 500);
    WATCH.call_once(|| {
        thread::spawn(move || {
            thread::sleep(limit);
            // Not `eprintln`: the test harness captures its text and shows it only when the test ends.
            let _ = writeln!(io::stderr(), "the node still owes a reply after {limit:?}");
            process::exit(1);
        });
    });
}

/// Writes the lines, and sends on the promise for each.
fn send(
    texts: impl Iterator<Item = Vec<u8>>,
    stdin: &mut impl Write,
    promise: &Sender<Promise>,
    skip: &Sender<u64>,
    lines: &mut u64,
) -> io::Result<()> {
    let mut model = Model::default();
    for text in texts {
        for line in text.split(|&byte| byte == b'\n') {
            *lines += 1;
            // If the receiver has stopped, it has failed and reports why.
            let _ = match model.judge(line) {
                Verdict::Blank => true,
                Verdict::Skipped => skip.send(*lines).is_ok(),
                Verdict::Answered(answer) => promise.send((line.to_vec(), answer)).is_ok(),
            };
            stdin.write_all(line)?;
            stdin.write_all(b"\n")?;
        }
    }
    stdin.flush()
}

/// Checks that stdout holds these replies. Returns the rest of stdout, which should be empty.
fn check_replies(
    mut stdout: BufReader<ChildStdout>,
    promises: Receiver<Promise>,
) -> (Replies, u64, BufReader<ChildStdout>) {
    let (mut replies, mut planted) = (Replies::default(), 0);
    for (line, answer) in promises {
        let mut reply = String::new();
        stdout.read_line(&mut reply).expect("UTF-8");
        let _context = Context(&line, &reply);
        replies.check(reply.strip_suffix('\n').expect("a whole line"), &answer);
        let granted = r#"{"src": "n1", "dest": "planted", "body": {"type": "generate_ok", "in_reply_to": "#;
        planted += u64::from(reply.starts_with(&format!("{granted}{planted}, ")));
    }
    (replies, planted, stdout)
}

/// The line and its reply, which are shown if a check fails.
struct Context<'a>(&'a [u8], &'a str);

impl Drop for Context<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let shown = |bytes: &[u8]| bytes.escape_ascii().take(4000).map(char::from).collect::<String>();
            eprintln!("{}\nwas answered with\n{}", shown(self.0), shown(self.1.as_bytes()));
        }
    }
}

/// Checks that stderr holds one report for each of these lines, and nothing else.
fn check_reports(stderr: BufReader<ChildStderr>, skips: Receiver<u64>) -> u64 {
    let mut reports = 0;
    for report in stderr.lines() {
        let report = report.expect("UTF-8");
        let number = skips.recv().unwrap_or_else(|_| panic!("no line was left to be skipped: {report}"));
        let head = format!("casflake: line {number}: skipped: ");
        let why = report.strip_prefix(&head).unwrap_or_else(|| panic!("{head}… was promised: {report}"));
        assert!((1..200).contains(&why.chars().count()), "a reason, and not the whole line: {report}");
        reports += 1;
    }
    assert_eq!(skips.iter().count(), 0, "lines that were skipped without a report");
    reports
}

#[cfg(target_os = "linux")]
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the node runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    Some(peak.trim().trim_end_matches(" kB").parse().expect("KiB"))
}

#[cfg(not(target_os = "linux"))]
fn peak_memory(_process: u32) -> Option<u64> {
    None
}
