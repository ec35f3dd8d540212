//! The reasons why a command ends early, and their exit codes.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::iter::successors;
use std::process::ExitCode;

pub(crate) type Outcome = Result<(), Stop>;

pub(crate) enum Stop {
    /// An argument is wrong: exit code 2.
    Usage(String),
    /// The command failed for this reason: exit code 1.
    Failed(String),
    /// The command failed and has already reported why: exit code 1.
    Reported,
    /// The program that reads stdout has closed stdout, as `head` does. This is not a failure.
    PipeClosed,
}

impl Stop {
    pub(crate) fn usage(why: impl Display) -> Self {
        Self::Usage(why.to_string())
    }

    pub(crate) fn failed(why: impl Display) -> Self {
        Self::Failed(why.to_string())
    }

    /// Returns a failure that reports the error and all its causes.
    pub(crate) fn because(error: &(dyn Error + 'static)) -> Self {
        Self::Failed(causes(error))
    }
}

/// Converts the error of a failed write to stdout.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::PipeClosed,
            _ => Self::Failed(format!("stdout can't be written: {error}")),
        }
    }
}

impl From<serde_json::Error> for Stop {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

/// Returns the texts of an error and its causes, joined by `: `. Leaves out a cause whose text already stands at the
/// end of the joined texts, because some errors end with the text of their cause.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    for cause in successors(error.source(), |&error| error.source()).map(ToString::to_string) {
        if !said.ends_with(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// Returns a text of up to 120 characters unchanged. Shortens a longer text to its first 70 and last 50 characters,
/// with `…` between them, because an error need not repeat a long text in full.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    const HEAD: usize = 70;
    const TAIL: usize = 50;
    let head = text.char_indices().nth(HEAD);
    let tail = text.char_indices().nth_back(TAIL - 1);
    match (head, tail) {
        (Some((end, _)), Some((start, _))) if end < start => {
            Cow::Owned(format!("{}…{}", text.split_at(end).0, text.split_at(start).1))
        }
        _ => Cow::Borrowed(text),
    }
}

/// Prints `what` as one line on stderr, with control characters escaped. A closed stderr is not a failure.
pub(crate) fn report(what: impl Display) {
    // The text may contain input or the name of a holder. A control character in it could move the terminal's cursor.
    let escaped = |c: char| if c.is_control() { c.escape_debug().collect() } else { c.to_string() };
    let what: String = what.to_string().chars().map(escaped).collect();
    let _ = writeln!(io::stderr(), "casflake: {what}");
}

pub(crate) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) | Err(Stop::PipeClosed) => ExitCode::SUCCESS,
        Err(Stop::Reported) => ExitCode::FAILURE,
        Err(Stop::Failed(why)) => {
            report(why);
            ExitCode::FAILURE
        }
        Err(Stop::Usage(why)) => {
            report(why);
            report("try --help");
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;

    use super::{causes, shortened};

    /// An error with a text and a cause. The error and its cause can have the same text, as happens in real errors.
    #[derive(Debug)]
    struct Because(&'static str, Option<Box<Because>>);

    impl fmt::Display for Because {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Because {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as _)
        }
    }

    #[test]
    fn no_cause_is_reported_twice() {
        let chain = |texts: [&'static str; 3]| {
            let [last, middle, first] = texts.map(|text| Because(text, None));
            let middle = Because(middle.0, Some(Box::new(first)));
            causes(&Because(last.0, Some(Box::new(middle))))
        };
        assert_eq!(chain(["asking failed", "refused", "refused"]), "asking failed: refused");
        assert_eq!(chain(["asking failed", "db error: FATAL", "FATAL"]), "asking failed: db error: FATAL");
        assert_eq!(chain(["asking failed", "refused", "by whom"]), "asking failed: refused: by whom");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let long = format!("begin {} end", "é".repeat(1000));
        let short = shortened(&long);
        assert!(short.starts_with("begin é") && short.ends_with("é end") && short.contains('…'), "{short}");
        assert!(short.chars().count() < 130, "{short}");
        for text in ["", "é", &"é".repeat(120)] {
            assert_eq!(shortened(text), text);
        }
        assert_eq!(shortened(&"é".repeat(121)), format!("{}…{}", "é".repeat(70), "é".repeat(50)));
    }
}
