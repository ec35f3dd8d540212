//! `Schema`: where the tables are, whatever a role, a database or a session has set.

use crate::error::StoreError;

/// PostgreSQL cuts longer names short, and two of them may then be one.
const MAX_LENGTH: usize = 63;

/// The schema of a URL that names none.
const PUBLIC: &str = "public";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schema {
    name: String,
    /// Whether the caller has named it.
    is_named: bool,
}

impl Default for Schema {
    fn default() -> Self {
        Self { name: PUBLIC.into(), is_named: false }
    }
}

impl Schema {
    /// Fails with a sentence if a schema can't be named so, which does not show the name, because half of a password may
    /// be in it.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let is_known = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let why = if name.is_empty() {
            format!("it names an empty schema: give 1 to {MAX_LENGTH} characters, or leave schema= out")
        } else if let Some(odd) = name.chars().find(|&c| !is_known(c)) {
            format!("its schema has {odd:?} in its name: use a to z, A to Z, 0 to 9 and _")
        } else if name.len() > MAX_LENGTH {
            format!("the name of its schema is {} characters long: use at most {MAX_LENGTH}", name.len())
        } else if name.starts_with(|c: char| c.is_ascii_digit()) {
            "the name of its schema begins with a digit: begin with a letter or _".into()
        } else if name.starts_with("pg_") {
            "the name of its schema begins with pg_, which PostgreSQL keeps for itself: use another".into()
        } else {
            return Ok(Self { name: name.into(), is_named: true });
        };
        Err(why)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_named(&self) -> bool {
        self.is_named
    }

    /// Its name in a statement. The alphabet has no character that would end it early.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.name)
    }

    /// Returns what to do if the schema does not exist. The store does not create it, because its name may be a
    /// mistake.
    pub(super) fn missing(&self) -> String {
        format!("CREATE SCHEMA {} in this database, or name another", self.quoted())
    }

    /// Fails if the URL names no schema and `unqualified` is another one. Earlier versions found their tables along the
    /// `search_path`: their processes, with the same URL and role, would lease the same workers there.
    pub(super) fn refuse_another(&self, unqualified: &str) -> Result<(), StoreError> {
        if self.is_named || unqualified == self.name {
            return Ok(());
        }
        let go_on = match Self::named(unqualified) {
            Ok(_) => format!("say ?schema={unqualified} to go on with it, or ?schema={}", self.name),
            Err(_) => format!(
                "say ?schema={}, or move its tables there first, by ALTER TABLE ... SET SCHEMA, to go on with them",
                self.name
            ),
        };
        let why = format!(
            "it names no schema, so it means {}.casflake_spaces, but earlier versions of casflake take \
             {unqualified}.casflake_spaces for it, by the search_path: {go_on}",
            self.name
        );
        Err(StoreError::Url { why })
    }
}

#[cfg(test)]
mod tests {

    use super::Schema;

    fn refusal(name: &str) -> String {
        Schema::named(name).expect_err(name).to_string()
    }

    #[test]
    fn a_schema_is_named_by_letters_digits_and_underscores() {
        let longest = "x".repeat(63);
        for name in ["orders", "Orders", "_", "a1", "Pg_a", "pg", "information_schema", &longest] {
            let schema = Schema::named(name).expect("a name");
            assert_eq!((schema.name(), schema.quoted()), (name, format!("\"{name}\"")));
        }
        assert!(refusal("").contains("empty"));
        assert!(refusal(&"x".repeat(64)).contains("64 characters long: use at most 63"));
        assert!(refusal("1a").contains("digit"));
        assert!(refusal("pg_toast").contains("pg_"));
        for name in ["a b", "a\"b", "a.b", "a-b", "é", "a\0", "a;password=secret", "secret'"] {
            let why = refusal(name);
            assert!(why.contains("a to z") && !why.contains("secret"), "{name:?}: {why}");
        }
    }

    #[test]
    fn another_schema_is_refused_if_none_is_named() {
        let public = Schema::default();
        assert!(public.refuse_another("public").is_ok());
        let why = public.refuse_another("orders").expect_err("another").to_string();
        for words in ["public.casflake_spaces", "orders.casflake_spaces", "?schema=orders", "?schema=public"] {
            assert!(why.contains(words), "{why}");
        }
        let why = public.refuse_another("my-app").expect_err("another").to_string();
        assert!(why.contains("SET SCHEMA") && !why.contains("?schema=my"), "{why}");
        for name in ["orders", "public", "billing"] {
            assert!(Schema::named(name).expect("a name").refuse_another("orders").is_ok());
        }
    }
}
