//! `Schema`: the schema of the tables. The caller can name this schema. Otherwise the store uses `public`, whatever the
//! settings of the role, the database or the session are.

use crate::error::StoreError;

/// The maximum length of a name. PostgreSQL truncates longer names, so two different names could name the same schema.
const MAX_LENGTH: usize = 63;

/// The schema that the store uses if the URL does not name a schema.
const PUBLIC: &str = "public";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schema {
    name: String,
    /// Whether the caller has named the schema.
    is_named: bool,
}

impl Default for Schema {
    fn default() -> Self {
        Self { name: PUBLIC.into(), is_named: false }
    }
}

impl Schema {
    /// Returns the schema `name`. If the name is not valid, fails with a sentence that says why. The sentence does not
    /// show the name, because a part of a password may be in it.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let is_known = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let why = if name.is_empty() {
            format!("the schema has an empty name: give 1 to {MAX_LENGTH} characters, or leave schema= out")
        } else if let Some(odd) = name.chars().find(|&c| !is_known(c)) {
            format!("the schema has {odd:?} in its name: use a to z, A to Z, 0 to 9 and _")
        } else if name.len() > MAX_LENGTH {
            format!("the name of the schema is {} characters long: use at most {MAX_LENGTH}", name.len())
        } else if name.starts_with(|c: char| c.is_ascii_digit()) {
            "the name of the schema begins with a digit: begin with a letter or _".into()
        } else if name.starts_with("pg_") {
            "the name of the schema begins with pg_, which PostgreSQL keeps for itself: use another name".into()
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

    /// Returns the name in quotes, for use in a statement. A valid name has no character that would end the quotes.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.name)
    }

    /// Returns the remedy for a schema that does not exist. The store does not create the schema, because the schema's
    /// name may be a mistake.
    pub(super) fn missing(&self) -> String {
        format!("CREATE SCHEMA {} in this database, or name another schema", self.quoted())
    }

    /// Fails if the URL names no schema and `unqualified` is not the default schema. Earlier versions of casflake found
    /// their tables along the `search_path`. So a process of such a version with the same URL and role would lease its
    /// worker in the schema `unqualified`, and could get the same worker as a process of this version.
    pub(super) fn refuse_another(&self, unqualified: &str) -> Result<(), StoreError> {
        if self.is_named || unqualified == self.name {
            return Ok(());
        }
        let remedy = match Self::named(unqualified) {
            Ok(_) => format!(
                "add ?schema={unqualified} to keep using the tables of earlier versions, or ?schema={} to use other \
                 tables",
                self.name
            ),
            Err(_) => format!(
                "add ?schema={0}; to keep using the tables of earlier versions, first move these tables to the schema \
                 {0} with ALTER TABLE ... SET SCHEMA",
                self.name
            ),
        };
        let why = format!(
            "no schema is named, so this version of casflake uses {}.casflake_spaces, but because of the search_path, \
             earlier versions use {unqualified}.casflake_spaces: {remedy}",
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
    fn a_name_of_a_schema_has_letters_digits_and_underscores() {
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
    fn another_unqualified_schema_is_refused_if_none_is_named() {
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
