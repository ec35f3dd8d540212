//! JSON by its grammar (RFC 8259), with numbers of any size and values of any depth, because the node passes them on.

/// Returns the tokens of one JSON value without the white space between them, or `None` if the text is anything else.
pub(super) fn tokens(text: &str) -> Option<Vec<&str>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start_matches(SPACE);
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_length(rest.as_bytes())?);
        tokens.push(token);
        rest = after.trim_start_matches(SPACE);
    }
    (value_length(&tokens)? == tokens.len()).then_some(tokens)
}

/// Returns the keys and values of an object; `None` for any other value.
pub(super) fn fields<'a, 't>(object: &'t [&'a str]) -> Option<Vec<(&'a str, &'t [&'a str])>> {
    let mut fields = Vec::new();
    let mut rest = object.strip_prefix(&["{"])?;
    while let [key, ":", value @ ..] = rest {
        let (value, after) = value.split_at(value_length(value)?);
        fields.push((*key, value));
        rest = after.strip_prefix(&[","]).unwrap_or(after);
    }
    Some(fields)
}

/// Returns a list of strings, decoded; `None` for any other value.
pub(super) fn strings(list: &[&str]) -> Option<Vec<String>> {
    let items = list.strip_prefix(&["["])?.strip_suffix(&["]"])?;
    items.iter().filter(|token| **token != ",").map(|token| string(&[token])).collect()
}

/// Returns the text that a string stands for; `None` for any other value, and for half a surrogate pair.
pub(super) fn string(value: &[&str]) -> Option<String> {
    let [token] = value else { return None };
    serde_json::from_str(token).ok()
}

/// Returns the value as the protocol writes it.
pub(super) fn form(value: &[&str]) -> String {
    let space = |token: &&str| if matches!(*token, ":" | ",") { " " } else { "" };
    value.iter().flat_map(|token| [*token, space(token)]).collect()
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

fn token_length(text: &[u8]) -> Option<usize> {
    match text {
        [b'{' | b'}' | b'[' | b']' | b':' | b',', ..] => Some(1),
        [b'"', inside @ ..] => Some(string_length(inside)? + 2),
        [b'-' | b'0'..=b'9', ..] => number_length(text),
        _ => ["null", "true", "false"].iter().find(|word| text.starts_with(word.as_bytes())).map(|word| word.len()),
    }
}

/// Returns how many bytes come before the closing quote.
fn string_length(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += match text.get(at..)? {
            [b'"', ..] => return Some(at),
            [b'\\', b'u', digits @ ..] if digits.get(..4)?.iter().all(u8::is_ascii_hexdigit) => 6,
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'\\' | 0..0x20, ..] | [] => return None,
            [_, ..] => 1,
        };
    }
}

fn number_length(text: &[u8]) -> Option<usize> {
    let digits = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let some = |count: usize| (count > 0).then_some(count);
    let mut at = usize::from(text[0] == b'-');
    at += if text.get(at) == Some(&b'0') { 1 } else { some(digits(at))? };
    if text.get(at) == Some(&b'.') {
        at += 1 + some(digits(at + 1))?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1 + usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        at += some(digits(at))?;
    }
    Some(at)
}

/// Returns how many tokens belong to the first value. Without recursion, so that no depth is too deep.
fn value_length(tokens: &[&str]) -> Option<usize> {
    let mut open = Vec::new();
    let mut at = 0;
    loop {
        let token = *tokens.get(at)?;
        at += 1;
        let is_complete = match token {
            "{" | "[" => {
                let close = if token == "{" { "}" } else { "]" };
                open.push(close);
                *tokens.get(at)? == close
            }
            "}" | "]" | ":" | "," => return None,
            _ => true,
        };
        if !is_complete {
            at += key_length(&open, &tokens[at..])?;
            continue;
        }
        // A value has ended, and with it every list and object that closes here.
        loop {
            let Some(close) = open.last() else { return Some(at) };
            let token = *tokens.get(at)?;
            if token == "," {
                at += 1;
                at += key_length(&open, &tokens[at..])?;
                break;
            }
            if token != *close {
                return None;
            }
            open.pop();
            at += 1;
        }
    }
}

/// Returns how many tokens come before the next value: a key and a colon in an object, none in a list.
fn key_length(open: &[&str], tokens: &[&str]) -> Option<usize> {
    match (open.last(), tokens) {
        (Some(&"}"), [key, ":", ..]) if key.starts_with('"') => Some(2),
        (Some(&"}"), _) => None,
        _ => Some(0),
    }
}
