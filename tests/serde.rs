//! Defends what a `Snowflake` looks like in serialised data, and I5 on the way back in.

use casflake::{Discord, JsSafe, Snowflake, Standard};
use serde::{Deserialize, Serialize};
use serde_test::{
    Compact, Configure, Readable, Token, assert_de_tokens, assert_de_tokens_error, assert_ser_tokens, assert_tokens,
};

const ID: u64 = 541_815_603_606_036_480;
const TEXT: &str = "541815603606036480";

fn id() -> Snowflake {
    Snowflake::try_from(ID).expect("an ID")
}

#[test]
fn human_readable_formats_have_a_string() {
    assert_tokens(&id().readable(), &[Token::Str(TEXT)]);
    assert_de_tokens(&id().readable(), &[Token::BorrowedStr(TEXT)]);
    assert_de_tokens(&id().readable(), &[Token::String(TEXT)]);
}

#[test]
fn binary_formats_have_an_integer() {
    assert_tokens(&id().compact(), &[Token::U64(ID)]);
    let signed = i64::try_from(ID).expect("63 bits");
    assert_de_tokens(&id().compact(), &[Token::I64(signed)]);
}

fn refused<S: casflake::Scheme>(token: &Token, text: &str) {
    match token {
        Token::Str(_) => assert_de_tokens_error::<Readable<Snowflake<S>>>(&[*token], text),
        _ => assert_de_tokens_error::<Compact<Snowflake<S>>>(&[*token], text),
    }
}

#[test]
fn i5_reserved_bits_and_negative_numbers_are_refused() {
    let foreign = "ID 9223372036854775808 is out of range: 0 to 2^63 - 1 in this layout; choose the layout that the \
                   ID was made with";
    refused::<Standard>(&Token::U64(1 << 63), foreign);
    refused::<Standard>(&Token::Str("9223372036854775808"), foreign);
    let unsafe_in_js = "ID 9007199254740992 is out of range: 0 to 2^53 - 1 in this layout; choose the layout that \
                        the ID was made with";
    refused::<JsSafe>(&Token::U64(1 << 53), unsafe_in_js);
    refused::<JsSafe>(&Token::Str("9007199254740992"), unsafe_in_js);
    let negative = "ID -1 is negative: IDs of this layout are at least 0; choose the layout that the ID was made with";
    refused::<Standard>(&Token::I64(-1), negative);
    refused::<Standard>(&Token::Str("-1"), "'-' at byte 0 is not a digit: give decimal digits only");
}

#[test]
fn a_negative_integer_is_an_id_if_all_64_bits_are_used() {
    let last = Snowflake::<Discord>::MAX;
    assert_de_tokens(&last.compact(), &[Token::I64(-1)]);
    assert_tokens(&last.readable(), &[Token::Str("18446744073709551615")]);
}

#[test]
fn i5_a_text_that_is_not_a_number_is_refused() {
    refused::<Standard>(&Token::Str(""), "the text is empty: give a decimal number");
    refused::<Standard>(&Token::Str("+1"), "'+' at byte 0 is not a digit: give decimal digits only");
    refused::<Standard>(&Token::Str("1.5"), "'.' at byte 1 is not a digit: give decimal digits only");
    let zeros = "the number has leading zeros: remove them";
    refused::<Standard>(&Token::Str("007"), zeros);
    refused::<Standard>(&Token::Str("00"), zeros);
    refused::<Standard>(&Token::Str("99999999999999999999"), "the number is out of range: 0 to 18446744073709551615");
}

#[test]
fn i5_another_type_is_refused_by_name() {
    let text = "expected a Snowflake ID as a string of decimal digits";
    let readable = |token: Token, found: &str| {
        assert_de_tokens_error::<Readable<Snowflake>>(&[token], &format!("invalid type: {found}, {text}"));
    };
    readable(Token::U64(7), "integer `7`");
    readable(Token::F64(7.5), "floating point `7.5`");
    readable(Token::Bool(true), "boolean `true`");
    readable(Token::Unit, "unit value");
    let compact = |token: Token, found: &str| {
        let text = format!("invalid type: {found}, expected a Snowflake ID as an integer");
        assert_de_tokens_error::<Compact<Snowflake>>(&[token], &text);
    };
    compact(Token::F64(7.5), "floating point `7.5`");
    compact(Token::Str("7"), "string \"7\"");
    compact(Token::None, "Option value");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: Snowflake,
    #[serde(with = "casflake::serde_as::integer")]
    integer: Snowflake,
    #[serde(with = "casflake::serde_as::string")]
    string: Snowflake,
    parent: Option<Snowflake>,
}

fn order(parent: Option<Snowflake>) -> Order {
    Order { id: id(), integer: id(), string: id(), parent }
}

#[test]
fn a_form_that_is_named_holds_in_every_format() {
    let tokens = |plain: Token| {
        let start = Token::Struct { name: "Order", len: 4 };
        let [id, integer, string, parent] = ["id", "integer", "string", "parent"].map(Token::Str);
        let (number, text) = (Token::U64(ID), Token::Str(TEXT));
        [start, id, plain, integer, number, string, text, parent, Token::None, Token::StructEnd]
    };
    assert_ser_tokens(&order(None).readable(), &tokens(Token::Str(TEXT)));
    assert_ser_tokens(&order(None).compact(), &tokens(Token::U64(ID)));
}

#[test]
fn json_leads_back_to_the_same_ids() {
    for parent in [None, Some(Snowflake::MIN), Some(Snowflake::MAX)] {
        let json = serde_json::to_string(&order(parent)).expect("JSON");
        assert_eq!(serde_json::from_str::<Order>(&json).expect("an order"), order(parent));
    }
    let json = serde_json::to_string(&order(Some(Snowflake::MAX))).expect("JSON");
    let expected = format!(r#"{{"id":"{TEXT}","integer":{TEXT},"string":"{TEXT}","parent":"9223372036854775807"}}"#);
    assert_eq!(json, expected);
}

#[test]
fn i5_json_of_another_kind_is_refused() {
    for json in ["12", "1.5", "-1", "null", "true", "[]", "{}", r#""""#, r#""x""#, r#""9223372036854775808""#] {
        assert!(serde_json::from_str::<Snowflake>(json).is_err(), "{json}");
    }
    for number in ["-1", "1.5", "9223372036854775808", "1e3", "\"7\"", "null"] {
        let json = format!(r#"{{"id":"1","integer":{number},"string":"1","parent":null}}"#);
        assert!(serde_json::from_str::<Order>(&json).is_err(), "{json}");
    }
}

#[test]
fn an_id_can_be_the_key_of_a_json_map() {
    let map = std::collections::BTreeMap::from([(Snowflake::<Standard>::MIN, 1), (id(), 2)]);
    let json = serde_json::to_string(&map).expect("JSON");
    assert_eq!(json, format!(r#"{{"0":1,"{TEXT}":2}}"#));
    assert_eq!(serde_json::from_str::<std::collections::BTreeMap<Snowflake, u64>>(&json).expect("a map"), map);
}
