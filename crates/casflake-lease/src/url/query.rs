//! `parameters`: reads the parameters after the `?` of a URL.

use super::StoreUrl;

/// The length of the longest unknown name that an error shows, in bytes. A longer name is probably not a misspelt name
/// of a parameter.
#[cfg(any(feature = "etcd", feature = "redis"))]
const LONGEST: usize = 32;

/// Returns the name and the value of each parameter. Fails if a parameter has no `=`, if a name is repeated, or if a
/// name contains a character other than ASCII letters, digits and `-._[]`. No error shows a name or a value, because
/// both may be parts of a password: if a password contains an `&`, the text after the `&` looks like a parameter.
pub(crate) fn parameters<'a>(url: &StoreUrl<'a>) -> Result<Vec<(&'a str, &'a str)>, String> {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for parameter in url.query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = parameter.split_once('=').ok_or("a parameter of the query has no =")?;
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]".contains(&byte)) {
            return Err("a name in the query has other characters than ASCII letters, digits and - . _ [ ]".into());
        }
        // If a parameter is repeated, some parsers use the first value, and other parsers the last.
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err("a parameter of the query is repeated: give each parameter once".into());
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// Returns the error text for the parameter `name`, which the store does not know. `before` is the name of the
/// parameter that precedes `name` in the URL, and `known` lists the parameters that the store knows.
///
/// The text does not show `name` if `name` is longer than [`LONGEST`], or if `before` begins with `pass`. In the second
/// case `name` may be a part of a password that contains an `&`.
#[cfg(any(feature = "etcd", feature = "redis"))]
pub(crate) fn unknown(name: &str, before: Option<&str>, known: &str) -> String {
    let is_shown = name.len() <= LONGEST && before.is_none_or(|before| !before.starts_with("pass"));
    let named = if is_shown { format!("the parameter {name:?}") } else { "a parameter".into() };
    format!("{named} of the query is unknown: give only {known}")
}
