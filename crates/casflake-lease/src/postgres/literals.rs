//! Writes values into statements, as literals of SQL.
//!
//! The store sends the settings of a transaction and the statement in one message, because a renewal must take only one
//! round trip. PostgreSQL has two protocols for statements. Only the simple protocol allows such a message, and the
//! simple protocol has no parameters.

/// A value for a placeholder in a statement. The placeholders are `$1`, `$2` and so on.
#[derive(Clone, Copy)]
pub(super) enum Param<'a> {
    Text(&'a str),
    /// A text, or null.
    MaybeText(Option<&'a str>),
    Bigint(i64),
    Bool(bool),
}

impl Param<'_> {
    fn write(self, sql: &mut String) {
        match self {
            Self::Text(text) | Self::MaybeText(Some(text)) => {
                // The meaning of `E''` does not depend on a setting. The quote and the backslash are doubled. In UTF-8,
                // their bytes are never part of another character.
                sql.push_str("E'");
                for c in text.chars() {
                    if matches!(c, '\'' | '\\') {
                        sql.push(c);
                    }
                    sql.push(c);
                }
                sql.push_str("'::text");
            }
            Self::MaybeText(None) => sql.push_str("NULL::text"),
            Self::Bigint(number) => *sql += &format!("'{number}'::bigint"),
            Self::Bool(is_true) => sql.push_str(if is_true { "TRUE" } else { "FALSE" }),
        }
    }
}

/// Returns the statement with each placeholder replaced by its value. A placeholder without a value is not changed, so
/// the server refuses the statement. A quoted name is not changed either, because the name may contain a `$`. In a
/// statement, each `"` begins or ends a quoted name, or is half of a `""` within the name.
pub(super) fn filled(statement: &str, params: &[Param<'_>]) -> String {
    let mut sql = String::new();
    for (at, part) in statement.split('"').enumerate() {
        if at > 0 {
            sql.push('"');
        }
        if at % 2 == 0 {
            fill(&mut sql, part, params);
        } else {
            sql.push_str(part);
        }
    }
    sql
}

/// Appends `part` to `sql`, with each placeholder replaced by its value. `part` must not contain a quoted name.
fn fill(sql: &mut String, part: &str, params: &[Param<'_>]) {
    let mut parts = part.split('$');
    sql.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(digits);
        match number.parse::<usize>().ok().and_then(|number| params.get(number.checked_sub(1)?)) {
            Some(param) => param.write(sql),
            None => {
                sql.push('$');
                sql.push_str(number);
            }
        }
        sql.push_str(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::{Param, filled};

    #[test]
    fn each_placeholder_is_replaced_by_its_value() {
        let params = [
            Param::Text("a"),
            Param::MaybeText(None),
            Param::MaybeText(Some("b")),
            Param::Bigint(-5),
            Param::Bool(true),
        ];
        let sql = filled("SELECT $1, $2, $3, $4, $5 OR $5, $1", &params);
        assert_eq!(sql, "SELECT E'a'::text, NULL::text, E'b'::text, '-5'::bigint, TRUE OR TRUE, E'a'::text");
        assert_eq!(filled("$1", &[Param::Bigint(i64::MIN)]), "'-9223372036854775808'::bigint");
        let eleven = [Param::Bigint(1); 11];
        assert_eq!(filled("$11$0$12$", &eleven), "'1'::bigint$0$12$");
    }

    #[test]
    fn a_quoted_name_is_not_changed() {
        let sql = filled(r#"SELECT $1 FROM "a$1"."b""$1" WHERE "c" = $1"#, &[Param::Text("x\"")]);
        assert_eq!(sql, r#"SELECT E'x"'::text FROM "a$1"."b""$1" WHERE "c" = E'x"'::text"#);
    }

    #[test]
    fn a_text_can_not_end_its_literal() {
        let sql = filled("SELECT $1", &[Param::Text("it's \\' $1; DROP -- \u{fc}\n")]);
        assert_eq!(sql, "SELECT E'it''s \\\\'' $1; DROP -- \u{fc}\n'::text");
    }
}
