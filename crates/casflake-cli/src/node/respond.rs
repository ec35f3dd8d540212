//! Writes replies in the exact form of the protocol: with the same order of keys, and with a space after each `:` and
//! `,`.

use std::io::{self, Write};

use casflake::Stats;
use serde::Serialize;

use super::request::Request;
use super::server::Reply;

/// Writes `reply`. `to` is the request that `reply` answers, and `msg_id` is the number of the reply. `quote` is the
/// text before and after each ID.
pub(crate) fn write<S>(
    out: &mut impl Write,
    to: &Request<'_>,
    msg_id: u64,
    reply: Reply<'_, S>,
    quote: &str,
) -> io::Result<()> {
    let Request { src, dest, msg_id: in_reply_to, .. } = to;
    let kind = match reply {
        Reply::Init => "init_ok",
        Reply::Echo(_) => "echo_ok",
        Reply::Generate(_) => "generate_ok",
        Reply::GenerateBatch { .. } => "generate_batch_ok",
        Reply::Stats(_) => "stats_ok",
        Reply::Error(..) => "error",
    };
    write!(out, r#"{{"src": {dest}, "dest": {src}, "body": {{"type": "{kind}", "in_reply_to": {in_reply_to}, "#)?;
    match reply {
        Reply::Init => {}
        Reply::Echo(value) => write!(out, r#""echo": {}, "#, spaced(value.get()))?,
        Reply::Generate(id) => write!(out, r#""id": {quote}{id}{quote}, "#)?,
        Reply::GenerateBatch { ids, max_sequence } => {
            out.write_all(br#""ids": ["#)?;
            let mut separator = "";
            for id in &ids {
                write!(out, "{separator}{quote}{id}{quote}")?;
                separator = ", ";
            }
            write!(out, r#"], "max_sequence": {max_sequence}, "#)?;
        }
        Reply::Stats(stats) => {
            let fields = spaced(&serde_json::to_string(&StatsFields::from(&*stats))?);
            // The braces are left out, because the fields are part of the body's own object.
            write!(out, "{}, ", fields.trim_start_matches('{').trim_end_matches('}'))?;
        }
        Reply::Error(code, text) => {
            write!(out, r#""code": {}, "text": {}, "#, code as u32, serde_json::to_string(&text)?)?;
        }
    }
    writeln!(out, r#""msg_id": {msg_id}}}}}"#)
}

/// The generator's statistics, as the reply to the request `stats` contains them.
#[derive(Serialize)]
struct StatsFields {
    ids: u64,
    ticks: u64,
    last_tick: Option<u64>,
    tick_max_sequence: u64,
    max_sequence: u64,
    /// The first number counts the ticks in which 1 ID was issued, the second the ticks with 2 to 3 IDs, the third the
    /// ticks with 4 to 7 IDs, and so on.
    ids_per_tick: Vec<u64>,
    overflow_waits: u64,
    overflow_wait_us: u128,
    cas_retries: u64,
    clock_behind: u64,
}

impl From<&Stats> for StatsFields {
    fn from(stats: &Stats) -> Self {
        Self {
            ids: stats.ids,
            ticks: stats.ticks,
            last_tick: stats.last_tick,
            tick_max_sequence: stats.tick_max_sequence,
            max_sequence: stats.max_sequence,
            ids_per_tick: stats.ids_per_tick.iter().map(|(_, ticks)| ticks).collect(),
            overflow_waits: stats.overflow_waits,
            overflow_wait_us: stats.overflow_wait_time.as_micros(),
            cas_retries: stats.cas_retries,
            clock_behind: stats.clock_behind,
        }
    }
}

/// Returns the JSON value in `json` with one space after each colon and each comma. Removes all other white space.
/// Strings inside the value stay as they are.
fn spaced(json: &str) -> String {
    let mut spaced = String::with_capacity(json.len() + json.len() / 8);
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            spaced.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if !c.is_ascii_whitespace() {
            spaced.push(c);
            in_string = c == '"';
            if matches!(c, ':' | ',') {
                spaced.push(' ');
            }
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::spaced;

    #[test]
    fn spaces_stand_after_colons_and_commas_and_nowhere_else() {
        assert_eq!(spaced(r#"{"a":[1 ,2.50e3,{}],  "b" : null}"#), r#"{"a": [1, 2.50e3, {}], "b": null}"#);
    }

    #[test]
    fn strings_stay_as_they_are() {
        for text in [r#""a:b,c  d""#, r#""quote \" :,""#, r#""backslash \\""#, r#""é:\u00e9,""#] {
            assert_eq!(spaced(text), text);
            assert_eq!(spaced(&format!("[{text},{text}]")), format!("[{text}, {text}]"));
        }
    }
}
