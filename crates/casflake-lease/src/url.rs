//! `StoreUrl`: a store's URL, split into its parts. Every store parses its URL in this way.
//!
//! A lenient parser may silently read a malformed URL as the URL of another store or space. Processes that work in
//! different spaces issue the same IDs. So this module refuses every doubtful URL, before a parser of another crate can
//! guess the URL's meaning. No error shows the URL, because the URL may contain a password.

mod hint;
#[cfg(feature = "_server")]
mod host;
mod path;
#[cfg(feature = "_server")]
mod query;
#[cfg(feature = "_server")]
mod space;
mod text;

#[cfg(feature = "_server")]
pub(super) use self::host::{HOST, check_host};
pub(super) use self::path::local_path;
#[cfg(feature = "_server")]
pub(super) use self::query::parameters;
#[cfg(any(feature = "etcd", feature = "redis"))]
pub(super) use self::query::unknown;
#[cfg(feature = "_server")]
pub(super) use self::space::space_name;
#[cfg(feature = "postgres")]
pub(super) use self::text::trimmed;
#[cfg(not(feature = "postgres"))]
use self::text::trimmed;
use self::text::{Part, is_invisible};
use crate::error::StoreError;

pub(super) struct StoreUrl<'a> {
    /// The scheme, in lower case.
    pub(super) scheme: String,
    /// The part between `//` and the path. `None` if the URL has no `//`.
    pub(super) authority: Option<Authority<'a>>,
    /// The path. If there is an authority, the path is empty or begins with `/`.
    pub(super) path: &'a str,
    /// The part after the `?`.
    pub(super) query: Option<&'a str>,
    /// The part after the `#`. Only [`space`](Self::space) checks whether this part is a valid name of a space.
    pub(super) name: Option<&'a str>,
    /// Everything after the `:` of the scheme and before the `#`.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    rest: &'a str,
}

pub(super) struct Authority<'a> {
    /// The part before the `@`.
    pub(super) user: Option<&'a str>,
    /// One host and port, or several, separated by commas.
    pub(super) hosts: &'a str,
}

impl<'a> StoreUrl<'a> {
    /// Parses a URL. Ignores white space around the URL.
    pub(super) fn parse(text: &'a str) -> Result<Self, StoreError> {
        Self::try_parse(text).map_err(|why| StoreError::Url { why })
    }

    fn try_parse(text: &'a str) -> Result<Self, String> {
        let (scheme, rest) = split_scheme(trimmed(text))?;
        let scheme = scheme.to_ascii_lowercase();
        hint::check_scheme(&scheme, rest)?;
        let (rest, name) = split(rest, '#');
        let (before, query) = split(rest, '?');
        let (authority, path) = match before.strip_prefix("//") {
            Some(before) => {
                let (authority, path) = before.split_at(authority_end(before));
                (Some(Authority::of(authority)), path)
            }
            None => (None, before),
        };
        let url = Self {
            scheme,
            authority,
            path,
            query,
            name,
            #[cfg(any(feature = "postgres", feature = "redis"))]
            rest,
        };
        url.check_at_signs()?;
        for (part, text) in url.parts() {
            part.check(text)?;
        }
        Ok(url)
    }

    /// Returns whether the URL's path is a path in the file system of this host. This is true if the scheme is `file`
    /// or ends with `unix`.
    pub(super) fn is_local(&self) -> bool {
        self.scheme == "file" || self.scheme.ends_with("unix")
    }

    fn parts(&self) -> [(Part, &'a str); 5] {
        let authority = self.authority.as_ref();
        [
            (Part::User, authority.and_then(|authority| authority.user).unwrap_or_default()),
            (Part::Host, authority.map_or("", |authority| authority.hosts)),
            (Part::Path, self.path),
            (Part::Query, self.query.unwrap_or_default()),
            (Part::Name, self.name.unwrap_or_default()),
        ]
    }

    /// Refuses a URL that has more than one `@` before the hosts, or an `@` after the hosts. Some parsers take such an
    /// `@` for the end of the password, and other parsers do not. Accepts every local URL, because a local URL has no
    /// password before an `@`.
    fn check_at_signs(&self) -> Result<(), String> {
        let Some(Authority { user, hosts }) = self.authority.as_ref().filter(|_| !self.is_local()) else {
            return Ok(());
        };
        if user.is_some_and(|user| user.contains('@')) {
            return Err("there is more than one @ before the hosts: write %40 in a user or password, and give one \
                        user for all hosts"
                .into());
        }
        // If there is an `@` after the hosts, the text before it may be a user and a part of a password. Such a text
        // only looks like a host and a port.
        let after = [Some(self.path), self.query, self.name];
        let is_after = after.into_iter().flatten().any(|part| part.contains('@'));
        if is_after && !(hosts.is_empty() && user.is_none()) {
            return Err("there is an @ after the host: write it as %40, and / ? # in a password as %2F %3F %23".into());
        }
        Ok(())
    }
}

#[cfg(feature = "_server")]
impl StoreUrl<'_> {
    /// Fails if the scheme is not one of `schemes`, which are the schemes of this store.
    pub(super) fn check_scheme(&self, schemes: &[&str]) -> Result<(), String> {
        if schemes.contains(&&*self.scheme) {
            return Ok(());
        }
        Err(format!("the scheme is not one of {}", schemes.join(", ")))
    }

    /// Returns the name of the ID space, which is `default` if the URL has no `#`. Fails if the name is not valid.
    pub(super) fn space(&self) -> Result<&str, String> {
        match self.name {
            None => Ok("default"),
            // The name may come from a variable that was not set. An empty name must not lead to the space `default`.
            Some("") => Err("the # names no space: leave the # out for the space default".into()),
            Some(name) => space::checked(name).map(|()| name),
        }
    }
}

#[cfg(any(feature = "postgres", feature = "redis"))]
impl StoreUrl<'_> {
    /// Returns the URL without the `#`, without the name of the space, and without the white space around the URL.
    #[cfg(feature = "postgres")]
    pub(super) fn server(&self) -> String {
        format!("{}:{}", self.scheme, self.rest)
    }

    /// Returns the URL without the `#` and the name of the space. The scheme of the returned URL is `scheme`.
    #[cfg(feature = "redis")]
    pub(super) fn server_by(&self, scheme: &str) -> String {
        format!("{scheme}:{}", self.rest)
    }
}

impl<'a> Authority<'a> {
    fn of(text: &'a str) -> Self {
        match text.rsplit_once('@') {
            Some((user, hosts)) => Self { user: Some(user), hosts },
            None => Self { user: None, hosts: text },
        }
    }
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c) || is_invisible(c);
    // If the text before the colon is not a scheme, no error shows it, because it may be a password.
    match text.split_once(':') {
        Some((scheme, rest)) if !scheme.is_empty() && scheme.chars().all(is_scheme) => {
            Part::Scheme.check(scheme)?;
            Ok((scheme, rest))
        }
        _ => Err(hint::without_scheme(text)),
    }
}

/// Returns the text before the first `mark` and the text after it. Returns the whole text and `None` if there is no
/// `mark`.
fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Returns the index at which the authority ends and the path begins.
fn authority_end(text: &str) -> usize {
    // A slash is not always the start of the path. In "a,http://b" and "a/,b" the list of hosts continues after the
    // slashes.
    let is_end = |at: usize| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let is_of_scheme = before.ends_with(':') && after.starts_with('/') || before.ends_with(":/");
        !is_of_scheme && !after.starts_with(',')
    };
    text.match_indices('/').map(|(at, _)| at).find(|at| is_end(*at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
