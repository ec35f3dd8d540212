//! `Held`: a file that makes other processes wait when they open the file, as in a file system that hangs.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A Perl program that takes a file lease from the kernel (`F_SETLEASE`, `F_WRLCK`). When another process opens the
/// file, the kernel asks the program to give up the file lease. The program ignores the request, so the other process
/// waits for 45 s, the value of `/proc/sys/fs/lease-break-time`.
const HOLD: &str = r#"$SIG{IO} = "IGNORE"; open(my $file, "+<", $ARGV[0]) or die "open: $!";
    fcntl($file, 1024, 1) or die "lease: $!"; $| = 1; print "held\n"; sleep 60;"#;

/// A file that is slow to open. If another process opens the file, the call waits until this value is dropped, but at
/// most 45 s. Then the call succeeds.
pub struct Held(Child);

impl Held {
    pub fn file(path: &Path) -> Self {
        let mut perl = Command::new("perl");
        let mut holder =
            perl.args(["-e", HOLD]).arg(path).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("perl");
        let mut said = String::new();
        let output = holder.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut said).expect("it is text");
        let held = Self(holder);
        assert_eq!(said, "held\n", "{}", path.display());
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        // If this is dropped in a forked child, the holder is not a child of that process.
        let _ = self.0.wait();
    }
}
