//! A second, independent implementation of the node's answer to a line.

use super::json;

/// The node's promise for one line.
#[derive(Debug)]
pub(super) enum Verdict {
    /// No output.
    Blank,
    /// A report on stderr, and nothing on stdout.
    Skipped,
    Answered(Answer),
}

#[derive(Debug)]
pub(super) struct Answer {
    /// `src`, `dest` and `msg_id` of the request, as written there.
    pub(super) src: String,
    pub(super) dest: String,
    pub(super) msg_id: String,
    pub(super) kind: Kind,
}

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Init,
    Generate,
    /// This many IDs.
    Batch(u64),
    /// This value, in the protocol's form.
    Echo(String),
    Stats,
    /// This code.
    Error(u32),
}

/// The longest line.
const LIMIT: usize = 1 << 20;

/// The largest batch, unless an option sets another.
const MAX_BATCH: u64 = 1_000_000;

/// The number of workers of the standard layout.
const WORKERS: usize = 1024;

/// The node's name and all names, after an accepted `init`.
#[derive(Default)]
pub(super) struct Model(Option<(String, Vec<String>)>);

type Value<'t, 'a> = Option<&'t [&'a str]>;

impl Model {
    pub(super) fn judge(&mut self, line: &[u8]) -> Verdict {
        if line.len() > LIMIT {
            return Verdict::Skipped;
        }
        if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | 0x0c)) {
            return Verdict::Blank;
        }
        self.answer(line).map_or(Verdict::Skipped, Verdict::Answered)
    }

    fn answer(&mut self, line: &[u8]) -> Option<Answer> {
        let tokens = json::tokens(std::str::from_utf8(line).ok()?)?;
        let [src, dest, body] = values(&tokens, ["src", "dest", "body"])?;
        let (src, dest) = (quoted(src)?.to_owned(), quoted(dest)?.to_owned());
        let keys = ["type", "msg_id", "in_reply_to", "node_id", "node_ids", "count", "echo"];
        let [kind, msg_id, in_reply_to, node_id, node_ids, count, echo] = values(body?, keys)?;
        if in_reply_to.is_some_and(|value| value != ["null"]) {
            return None;
        }
        let msg_id = integer(msg_id)?.to_owned();
        let kind = match kind.and_then(json::string) {
            None => Kind::Error(12),
            Some(kind) => match (kind.as_str(), &self.0) {
                ("init", _) => self.init(node_id.and_then(json::string), node_ids.and_then(json::strings)),
                ("generate" | "generate_batch" | "echo" | "stats", None) => Kind::Error(11),
                ("generate", _) => Kind::Generate,
                ("generate_batch", _) => match integer(count).and_then(|count| count.parse().ok()) {
                    Some(count) if (1..=MAX_BATCH).contains(&count) => Kind::Batch(count),
                    _ => Kind::Error(12),
                },
                ("echo", _) => echo.map_or(Kind::Error(12), |value| Kind::Echo(json::form(value))),
                ("stats", _) => Kind::Stats,
                _ => Kind::Error(10),
            },
        };
        Some(Answer { src, dest, msg_id, kind })
    }

    fn init(&mut self, id: Option<String>, ids: Option<Vec<String>>) -> Kind {
        let (Some(id), Some(ids)) = (id, ids) else { return Kind::Error(12) };
        let init = (id, ids);
        if let Some(first) = &self.0 {
            return if *first == init { Kind::Init } else { Kind::Error(22) };
        }
        let mut sorted = init.1.clone();
        sorted.sort_unstable();
        if sorted.len() > WORKERS || sorted.binary_search(&init.0).is_err() || sorted.windows(2).any(|w| w[0] == w[1]) {
            return Kind::Error(12);
        }
        self.0 = Some(init);
        Kind::Init
    }
}

/// Returns the values of these keys in an object, or `None` if a key is there twice, because it is not a message then.
fn values<'t, 'a, const N: usize>(object: &'t [&'a str], keys: [&str; N]) -> Option<[Value<'t, 'a>; N]> {
    let mut values = [None; N];
    for (key, value) in json::fields(object)? {
        let key = json::string(&[key])?;
        if let Some(place) = keys.iter().position(|name| *name == key)
            && values[place].replace(value).is_some()
        {
            return None;
        }
    }
    Some(values)
}

/// Returns a string as written there, with its quotes.
fn quoted<'a>(value: Value<'_, 'a>) -> Option<&'a str> {
    let [token] = value? else { return None };
    token.starts_with('"').then_some(token)
}

/// Returns a number without fraction or exponent, as written there.
fn integer<'a>(value: Value<'_, 'a>) -> Option<&'a str> {
    let [token] = value? else { return None };
    let digits = token.strip_prefix('-').unwrap_or(token);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(token)
}
