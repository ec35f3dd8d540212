//! `local_path`: reads a path of this host from a URL, according to the rules of file URLs:
//! <https://www.rfc-editor.org/rfc/rfc8089>.

use std::borrow::Cow;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

use super::StoreUrl;

/// Returns the absolute path that the URL names.
pub(crate) fn local_path(url: &StoreUrl<'_>) -> Result<PathBuf, String> {
    let scheme = &*url.scheme;
    let is_here = |host: &str| host.is_empty() || host.eq_ignore_ascii_case("localhost");
    if url.authority.as_ref().is_some_and(|authority| authority.user.is_some() || !is_here(authority.hosts)) {
        return Err(format!(
            "{scheme}://HOST/… is a path of another host: give {scheme}:///srv/ids for a path of this host"
        ));
    }
    if url.path.is_empty() {
        return Err(format!("the URL has no path: give an absolute path, as in {scheme}:/srv/ids"));
    }
    let Some(path) = url.path.strip_prefix('/') else {
        return Err(format!(
            "the path is relative and depends on the working directory: give the absolute path, as in \
             {scheme}:/srv/ids"
        ));
    };
    // Several slashes in a row count as one.
    let segments = path.split('/').filter(|segment| !segment.is_empty()).map(decoded);
    let segments: Vec<Cow<'_, [u8]>> = segments.collect::<Result<_, _>>()?;
    if segments.is_empty() {
        return Err("the path is the root directory: give another path".into());
    }
    whole(&segments)
}

fn decoded(segment: &str) -> Result<Cow<'_, [u8]>, String> {
    let decoded: Cow<'_, [u8]> = percent_decode_str(segment).into();
    if decoded.contains(&0) {
        return Err("there is a %00 in the path: a name can't contain a NUL".into());
    }
    if decoded.contains(&b'/') {
        return Err("there is a %2F in the path: a name can't contain a slash".into());
    }
    if matches!(&*decoded, b"." | b"..") {
        let why = "a . or .. in the path may lead elsewhere through a symbolic link";
        return Err(format!("{why}: give the path without . and .."));
    }
    Ok(decoded)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "on other systems a path can't contain every byte")]
fn whole(segments: &[Cow<'_, [u8]>]) -> Result<PathBuf, String> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut path = PathBuf::from("/");
    path.extend(segments.iter().map(|segment| OsStr::from_bytes(segment)));
    Ok(path)
}

#[cfg(not(unix))]
fn whole(segments: &[Cow<'_, [u8]>]) -> Result<PathBuf, String> {
    windows_path(segments).map(PathBuf::from)
}

/// Returns the path on a drive of Windows, such as `C:\srv\ids` for the segments `C:`, `srv` and `ids`.
#[cfg(any(not(unix), test))]
pub(super) fn windows_path(segments: &[Cow<'_, [u8]>]) -> Result<String, String> {
    let utf8 = |segment| std::str::from_utf8(segment).map_err(|_| "the path is not UTF-8");
    let [drive, names @ ..] = segments else { return Err("the path names no drive".into()) };
    let drive = utf8(drive)?;
    if !matches!(drive.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic()) {
        return Err("the path does not begin with a drive: give the absolute path, as in file:///C:/ids".into());
    }
    let mut path = String::from(drive);
    for name in names {
        let name = utf8(name)?;
        // Windows reads a backslash as a separator of names, and a colon as the beginning of a stream's name. Windows
        // drops a dot or a blank at the end of a name.
        if name.contains(['\\', ':', '"', '<', '>', '|', '?', '*']) || name.ends_with(['.', ' ']) {
            return Err("the path contains a name that a directory can't have on Windows".into());
        }
        path.push('\\');
        path.push_str(name);
    }
    if names.is_empty() {
        return Err("the path is the root directory of a drive: give another path".into());
    }
    Ok(path)
}
