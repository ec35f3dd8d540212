//! The parameters behind a `?`.

use std::string::String;
use std::vec::Vec;

use super::StoreUrl;

/// Returns each parameter's name and value. No refusal shows them: behind an `&` in a password comes a part of it.
pub(in crate::lease) fn parameters<'a>(url: &StoreUrl<'a>) -> Result<Vec<(&'a str, &'a str)>, String> {
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
