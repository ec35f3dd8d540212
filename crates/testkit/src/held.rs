//! `Held`: a file that blocks each process that opens the file, as a file in a hanging file system does.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A Perl program. It takes a lease on a file (`F_SETLEASE`, `F_WRLCK`), and does not give the lease up when the kernel
/// asks for the lease. To open the file then takes 45 s, the value of `/proc/sys/fs/lease-break-time`.
const HOLD: &str = r#"$SIG{IO} = "IGNORE"; open(my $file, "+<", $ARGV[0]) or die "open: $!";
    fcntl($file, 1024, 1) or die "lease: $!"; $| = 1; print "held\n"; sleep 60;"#;

/// A file that other processes can't open until this value is dropped. After 45 s the kernel lets these processes open
/// the file in any case.
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
