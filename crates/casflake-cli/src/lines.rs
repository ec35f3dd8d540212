//! Reads lines from stdin in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

use crate::stop::{Outcome, Stop};

/// The length of the longest line that is read, in bytes. Longer lines are skipped.
const MAX_LINE: usize = 1 << 20;

pub(crate) enum Line<'a> {
    /// A line without its newline.
    Text(&'a [u8]),
    /// A line of more than 1 MiB, which was skipped.
    TooLong,
    /// The end of the input.
    End,
}

pub(crate) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// `true` until the first bytes of the input have been checked for a byte order mark.
    at_start: bool,
}

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF_16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), line: Vec::new(), at_start: true }
    }

    /// Returns the next line. Calls `before_waiting` before each read from the input. In `before_waiting` the caller
    /// should flush its output, because the sender of the input may be waiting for the output. Skips a byte order mark
    /// of UTF-8 at the start of the input.
    ///
    /// # Errors
    /// Fails if `before_waiting` fails or reading fails. Also fails if the input is UTF-16, because the lines of UTF-16
    /// can't be read.
    pub(crate) fn next(&mut self, mut before_waiting: impl FnMut() -> Outcome) -> Result<Line<'_>, Stop> {
        self.line.clear();
        let mut too_long = false;
        loop {
            if self.input.buffer().is_empty() {
                before_waiting()?;
            }
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Failed(format!("stdin can't be read: {error}"))),
            };
            let newline = chunk.iter().position(|&byte| byte == b'\n');
            let (text, _) = chunk.split_at(newline.unwrap_or(chunk.len()));
            if self.line.len() + text.len() > MAX_LINE {
                too_long = true;
                self.line.clear();
            }
            if !too_long {
                self.line.extend_from_slice(text);
            }
            let at_end = chunk.is_empty();
            let used = text.len() + usize::from(newline.is_some());
            self.input.consume(used);
            let is_whole = newline.is_some() || at_end;
            if self.at_start && (is_whole || self.line.len() >= UTF_8_MARK.len()) {
                self.at_start = false;
                self.skip_mark()?;
            }
            if is_whole {
                return Ok(match too_long {
                    true => Line::TooLong,
                    false if at_end && self.line.is_empty() => Line::End,
                    false => Line::Text(&self.line),
                });
            }
        }
    }

    /// Removes a byte order mark of UTF-8 from the first bytes of the input, which are in `line`. Fails if the input is
    /// UTF-16.
    fn skip_mark(&mut self) -> Outcome {
        if is_utf_16(&self.line) {
            return Err(Stop::failed(
                "stdin is UTF-16: convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8",
            ));
        }
        if self.line.starts_with(UTF_8_MARK) {
            self.line.drain(..UTF_8_MARK.len());
        }
        Ok(())
    }
}

/// Returns whether a text begins with a byte order mark of UTF-16, or with a printable ASCII character that is encoded
/// in UTF-16. In UTF-16 one of the two bytes of an ASCII character is NUL. A line of UTF-8 has no NUL byte.
fn is_utf_16(start: &[u8]) -> bool {
    UTF_16_MARKS.iter().any(|mark| start.starts_with(mark))
        || matches!(start, [0, 0x20..0x7f, ..] | [0x20..0x7f, 0, ..])
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::mem;

    use proptest::prelude::*;

    use super::{Line, Lines, MAX_LINE, UTF_8_MARK, UTF_16_MARKS, is_utf_16};
    use crate::stop::Stop;

    /// An input that can be read only twice after its last byte. The reader needs the first of these reads to find the
    /// end of a last line without a newline, and the second to return [`Line::End`]. A third such read fails.
    struct Ending<R> {
        input: R,
        ends: u32,
    }

    impl<R: Read> Ending<R> {
        fn new(input: R) -> Self {
            Self { input, ends: 0 }
        }
    }

    impl<R: Read> Read for Ending<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.input.read(buffer)?;
            self.ends += u32::from(size == 0);
            if self.ends > 2 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(size) }
        }
    }

    fn all(input: &[u8]) -> Vec<Option<usize>> {
        let mut lines = Lines::new(Ending::new(input));
        let mut lengths = Vec::new();
        loop {
            match lines.next(|| Ok(())) {
                Ok(Line::Text(text)) => lengths.push(Some(text.len())),
                Ok(Line::TooLong) => lengths.push(None),
                Ok(Line::End) => return lengths,
                Err(_) => panic!("a slice can be read up to its end"),
            }
        }
    }

    /// An input whose first read fails. Each later read reports the end of the input.
    struct Broken(bool);

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            if mem::take(&mut self.0) { Err(io::ErrorKind::Other.into()) } else { Ok(0) }
        }
    }

    #[test]
    fn a_failing_input_is_not_an_end() {
        let mut lines = Lines::new(Broken(true));
        assert!(matches!(lines.next(|| Ok(())), Err(Stop::Failed(why)) if why.starts_with("stdin can't be read")));
    }

    #[test]
    fn lines_up_to_the_limit_are_read_and_longer_ones_skipped() {
        let limit = vec![b'x'; MAX_LINE];
        let over = vec![b'x'; MAX_LINE + 1];
        let input = [&b"a\n\n"[..], &limit, b"\n", &over, b"\nbc\n", &over, &over, b"\nlast"].concat();
        assert_eq!(all(&input), [Some(1), Some(0), Some(MAX_LINE), None, Some(2), None, Some(4)]);
    }

    #[test]
    fn an_input_may_end_within_a_long_line() {
        assert_eq!(all(&vec![b'x'; 3 * MAX_LINE]), [None]);
        assert_eq!(all(b""), []);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_only_at_the_start_of_the_input() {
        assert_eq!(all(b"\xef\xbb\xbfab\n\xef\xbb\xbfab"), [Some(2), Some(5)]);
        assert_eq!(all(b"\xef\xbb\xbf\xef\xbb\xbf"), [Some(3)], "only one mark is skipped");
        assert_eq!(all(b"\xef\xbb\xbf"), []);
        assert_eq!(all(b"\xef\xbb\n"), [Some(2)], "a part of a mark is not a mark");
        let limit = [UTF_8_MARK, &vec![b'x'; MAX_LINE]].concat();
        assert_eq!(all(&limit), [Some(MAX_LINE)], "the mark does not count");
    }

    #[test]
    fn utf_16_is_an_error_with_a_remedy() {
        for mark in UTF_16_MARKS {
            for rest in [&b""[..], b"\n\0", &vec![b'x'; 2 * MAX_LINE]] {
                let input = [mark, rest].concat();
                let mut lines = Lines::new(input.as_slice());
                let refused = lines.next(|| Ok(()));
                assert!(matches!(refused, Err(Stop::Failed(why)) if why.contains("UTF-16: convert it to UTF-8")));
            }
        }
    }

    /// An input that returns its bytes in pieces. The sizes of the pieces repeat in a cycle. Before each piece, one
    /// read fails with `Interrupted`.
    struct Pieces<'a> {
        bytes: &'a [u8],
        sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
        interrupt: bool,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupt = !self.interrupt;
            if self.interrupt {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let size = self.sizes.next().copied().unwrap_or(1).min(buffer.len());
            self.bytes.read(&mut buffer[..size])
        }
    }

    /// Generates an input of short pieces, newlines, and long pieces. A long piece has about [`MAX_LINE`] bytes.
    fn input() -> impl Strategy<Value = Vec<u8>> {
        let long = (MAX_LINE - 3..MAX_LINE + 3).prop_map(|size| vec![b'y'; size]);
        let piece = prop_oneof![
            100 => prop::collection::vec(any::<u8>(), 0..40),
            100 => prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(0)], 0..4),
            1 => long,
        ];
        prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_line_is_lost_or_torn_however_the_input_arrives(
            mark in any::<bool>(),
            lines in input(),
            sizes in prop_oneof![prop::collection::vec(1..50_usize, 1..5), prop::collection::vec(1..200_000_usize, 1..3)]
        ) {
            prop_assume!(!is_utf_16(&lines) && !lines.starts_with(UTF_8_MARK));
            let input = [if mark { UTF_8_MARK } else { b"" }, &lines].concat();
            let mut expected: Vec<&[u8]> = lines.split(|&byte| byte == b'\n').collect();
            // After the last newline there is a line only if it is not empty.
            if expected.last().is_some_and(|last| last.is_empty()) {
                expected.pop();
            }
            let pieces = Pieces { bytes: &input, sizes: sizes.iter().cycle(), interrupt: false };
            let mut lines = Lines::new(Ending::new(pieces));
            for line in expected {
                match lines.next(|| Ok(())) {
                    Ok(Line::Text(text)) => prop_assert!(text == line && line.len() <= MAX_LINE),
                    Ok(Line::TooLong) => prop_assert!(line.len() > MAX_LINE),
                    _ => return Err(TestCaseError::fail("an end before the last line")),
                }
            }
            prop_assert!(matches!(lines.next(|| Ok(())), Ok(Line::End)));
            prop_assert!(lines.line.capacity() <= 2 * MAX_LINE, "a long line is not kept");
        }
    }
}
