//! The parameters behind a `?`.

use super::StoreUrl;

/// A name that is longer is none that somebody has misspelt.
#[cfg(any(feature = "etcd", feature = "redis"))]
const LONGEST: usize = 32;

/// Returns each parameter's name and value. No refusal shows them: behind an `&` in a password comes a part of it.
pub(crate) fn parameters<'a>(url: &StoreUrl<'a>) -> Result<Vec<(&'a str, &'a str)>, String> {
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    for parameter in url.query.into_iter().flat_map(|query| query.split('&')) {
        let (name, value) = parameter.split_once('=').ok_or("a parameter of its query has no =")?;
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._[]".contains(&byte)) {
            return Err("a name in its query has other characters than ASCII letters, digits and - . _ [ ]".into());
        }
        // One parser takes the first, and another the last.
        if parameters.iter().any(|(known, _)| *known == name) {
            return Err("a parameter of its query is repeated: give it once".into());
        }
        parameters.push((name, value));
    }
    Ok(parameters)
}

/// Returns why a parameter is refused that the store does not have. It is named unless it can be a part of a password,
/// with an `&` in it, that is the value of the one `before`.
#[cfg(any(feature = "etcd", feature = "redis"))]
pub(crate) fn unknown(name: &str, before: Option<&str>, known: &str) -> String {
    let is_shown = name.len() <= LONGEST && before.is_none_or(|before| !before.starts_with("pass"));
    let named = if is_shown { format!("the parameter {name:?}") } else { "a parameter".into() };
    format!("{named} of its query is unknown: give {known} only")
}
