//! Lines of hostile clients: noise, broken JSON, JSON of any shape, requests with an error, and good ones.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Generates one line, or a few if the noise has newlines in it.
pub(super) fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let text = |text: String| text.into_bytes();
    prop_oneof![
        300 => noise(),
        150 => json().prop_map(text),
        350 => almost_request().prop_map(text),
        150 => damaged(request()),
        150 => request().prop_map(text),
        1 => huge().prop_map(text),
    ]
}

/// Generates a request without an error.
fn request() -> BoxedStrategy<String> {
    let body = prop_oneof![
        Just(r#""type":"generate""#.to_owned()),
        (1..=20_u32).prop_map(|count| format!(r#""type":"generate_batch","count":{count}"#)),
        json().prop_map(|value| format!(r#""type":"echo","echo":{value}"#)),
        Just(r#""type":"stats""#.to_owned()),
        Just(r#""type":"init","node_id":"n1","node_ids":["n1"]"#.to_owned()),
    ];
    (body, any::<u32>())
        .prop_map(|(body, msg_id)| format!(r#"{{"src":"c1","dest":"n1","body":{{{body},"msg_id":{msg_id}}}}}"#))
        .boxed()
}

/// Generates bytes that are hardly ever JSON.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(select(&b"{}[]:,\"\\/ue0123-+. \t\r\n\0\x0c\xef\xbb\xbf\xed\xa0\x80"[..]), 0..60),
        any::<String>().prop_map(String::into_bytes),
        "[ \t\r\x0c]{0,9}".prop_map(String::into_bytes),
        (select(&["\u{feff}", "\0", "\x0b", "\u{a0}", "]", "// "][..]), request())
            .prop_map(|(before, request)| format!("{before}{request}").into_bytes()),
        (request(), select(&["\r", "\r\r", "\0", " ", "\x0c", ",", "}", "{}"][..]))
            .prop_map(|(request, after)| format!("{request}{after}").into_bytes()),
    ]
}

/// Cuts a line off anywhere, or removes, doubles or overwrites one byte, or flips one bit.
fn damaged(line: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<u8>> {
    (line, any::<Index>(), 0..5, any::<u8>()).prop_map(|(line, at, how, byte)| {
        let mut line = line.into_bytes();
        let at = at.index(line.len());
        match how {
            0 => line.truncate(at),
            1 => drop(line.remove(at)),
            2 => line.insert(at, line[at]),
            3 => line[at] = byte,
            _ => line[at] ^= 1 << (byte % 8),
        }
        line
    })
}

const KINDS: [&str; 8] = ["init", "generate", "generate_batch", "echo", "stats", "generate_ok", "Generate", ""];

/// Generates a request in which any field may be wrong, missing, duplicated or written with escapes.
fn almost_request() -> impl Strategy<Value = String> {
    let body = [
        field("type", select(&KINDS[..]).prop_map(|kind| format!("\"{kind}\""))),
        field("msg_id", integer()),
        field("node_id", select(&[r#""n1""#, r#""n2""#, r#""\u006e1""#][..]).prop_map(str::to_owned)),
        field("node_ids", select(&[r#"["n1"]"#, r#"["n2","n1"]"#, r#"["n1","n1"]"#, "[]"][..]).prop_map(str::to_owned)),
        field("count", prop_oneof![4 => (1..=20_u32).prop_map(|count| count.to_string()), 1 => integer()]),
        field("echo", json()),
        prop_oneof![20 => Just(vec![]), 1 => field("in_reply_to", integer())].boxed(),
        prop_oneof![20 => Just(vec![]), 1 => (string(), json()).prop_map(|(key, value)| vec![format!("{key}:{value}")])]
            .boxed(),
    ];
    let envelope = [field("src", string()), field("dest", string()), field("body", object(body))];
    object(envelope)
}

/// Generates an object of these fields, in any order.
fn object<const N: usize>(fields: [BoxedStrategy<Vec<String>>; N]) -> impl Strategy<Value = String> {
    let fields = fields.prop_map(|fields| fields.concat()).prop_shuffle();
    (fields, space()).prop_map(|(fields, space)| format!("{{{space}{}{space}}}", fields.join(&format!(",{space}"))))
}

/// Generates the right field, mostly with a right value.
fn field(key: &'static str, good: impl Strategy<Value = String> + 'static) -> BoxedStrategy<Vec<String>> {
    let escaped = move |at: Index| {
        let at = at.index(key.len());
        format!("{}\\u{:04x}{}", &key[..at], key.as_bytes()[at], &key[at + 1..])
    };
    let key = prop_oneof![20 => Just(key.to_owned()), 1 => any::<Index>().prop_map(escaped)];
    let field = (key, space(), prop_oneof![25 => good, 1 => json()])
        .prop_map(|(key, space, value)| format!("\"{key}\"{space}:{space}{value}"))
        .boxed();
    prop_oneof![
        40 => field.clone().prop_map(|field| vec![field]),
        1 => Just(vec![]),
        1 => (field.clone(), field).prop_map(|(one, other)| vec![one, other]),
    ]
    .boxed()
}

fn json() -> BoxedStrategy<String> {
    let leaf = prop_oneof![select(&["null", "true", "false"][..]).prop_map(str::to_owned), number(), string()];
    leaf.prop_recursive(6, 40, 8, |inner| {
        let list = (prop::collection::vec(inner.clone(), 0..8), space())
            .prop_map(|(items, space)| format!("[{space}{}]", items.join(&format!("{space},"))));
        let object = (prop::collection::vec((string(), inner), 0..8), space()).prop_map(|(fields, space)| {
            let fields: Vec<String> = fields.into_iter().map(|(key, value)| format!("{key}{space}:{value}")).collect();
            format!("{{{}{space}}}", fields.join(&format!(",{space}")))
        });
        prop_oneof![list, object]
    })
    .boxed()
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![integer(), "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?"]
}

fn integer() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u8>().prop_map(|number| number.to_string()),
        // Numbers over 32 and 64 bits, a part of which may look right.
        select(&["0", "-0", "-1", "1000001", "4294967297", "18446744073709551617"][..]).prop_map(str::to_owned),
        "-?[1-9][0-9]{300,400}",
    ]
}

/// Generates a string, mostly a good one. Escapes, half surrogate pairs and control characters are among its pieces.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        20 => "[a-z0-9 :,{}\\[\\]/']{1,8}",
        5 => "[^\"\\\\\\x00-\\x1f]",
        3 => "\\\\[\"\\\\/bfnrt]",
        3 => "\\\\u[0-9a-fA-F]{4}",
        1 => "\\\\u[dD][89abcdefABCDEF][0-9a-f]{2}",
        1 => "(\\\\[^u]|\\\\u[0-9a-z]{3}|[\\x00-\\x1f\"])".prop_filter("one line", |piece| !piece.contains('\n')),
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![10 => Just(""), 1 => Just(" "), 1 => Just("\t \r")]
}

/// Generates lines around the limit of 1 MiB, full of the smallest pieces that make work: depth, names, commas, digits,
/// escapes.
pub(super) fn huge() -> impl Strategy<Value = String> {
    let size = (1 << 20) - 200..(1_usize << 20) + 100;
    let fill = select(&["[", "[]", "1,", "\"\",", "{\"a\":", "9", "x", " ", "\\u00e9", "é"][..]);
    (size, fill, 0..6).prop_map(|(size, fill, place)| {
        let filled = fill.repeat(size / fill.len());
        let lists = || format!("{}{}", "[".repeat(size / 2), "]".repeat(size / 2));
        let list = || format!("[{}1]", "1,".repeat(size / 2));
        let names = || format!("[{}\"n1\"]", (0..size / 9).map(|n| format!("\"{n:06x}\",")).collect::<String>());
        let body = |body: String| format!(r#"{{"src":"c1","dest":"n1","body":{{"msg_id":7,{body}}}}}"#);
        match place {
            0 => filled,
            1 => body(format!(r#""type":"echo","echo":"{filled}""#)),
            2 => body(format!(r#""type":"echo","echo":{}"#, lists())),
            3 => body(format!(r#""type":"echo","echo":{}"#, list())),
            4 => body(format!(r#""type":"init","node_id":"n1","node_ids":{}"#, names())),
            _ => body(format!(r#""type":"generate","{filled}":0"#)),
        }
    })
}
