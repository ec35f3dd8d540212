//! A directory that several users share by a group: each new file in it is for the group, too.

#[cfg(not(unix))]
pub(super) use others::{remedy, share};
#[cfg(unix)]
pub(super) use unix::{remedy, share};

#[cfg(unix)]
mod unix {
    use std::fs::{self, File, Metadata, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    use std::path::{Path, PathBuf};

    const OF_OWNER_AND_GROUP: u32 = 0o770;
    const OF_OTHERS: u32 = 0o007;
    const READ_AND_WRITE: u32 = 0o060;
    const WRITE: u32 = 0o020;
    const WRITE_OF_OTHERS: u32 = 0o002;
    const STICKY: u32 = 0o1000;

    /// Lets the group of a shared directory read and write `file`, which this process has just created there, and others
    /// no more than the directory lets them, whatever the umask. Where that is not allowed, the file stays as the system has
    /// made it, and other users are told so.
    pub(in crate::file) fn share(file: &File, directory: &Path) {
        let _ = fs::metadata(directory).and_then(|shared| {
            if !is_shared(&shared) || has_access_list(directory) {
                return Ok(());
            }
            let own = file.metadata()?;
            if own.gid() != shared.gid() {
                // Not without it: the permissions would be those of another group.
                fchown(file, None, Some(shared.gid()))?;
            }
            let admitted = OF_OWNER_AND_GROUP | shared.mode() & OF_OTHERS;
            file.set_permissions(Permissions::from_mode(own.mode() & admitted | READ_AND_WRITE))
        });
    }

    /// Whether the group may put a file in place of another's. In a sticky directory, as /tmp, it may not.
    fn is_shared(directory: &Metadata) -> bool {
        directory.mode() & (WRITE | STICKY) == WRITE
    }

    /// Whether an access control list says who may do what: to the directory, or to each new file in it. The permissions of
    /// the group are not what they seem then.
    #[cfg(target_os = "linux")]
    fn has_access_list(directory: &Path) -> bool {
        let has = |list: &str| rustix::fs::getxattr(directory, list, &mut [0_u8; 0]).is_ok();
        has("system.posix_acl_access") || has("system.posix_acl_default")
    }

    #[cfg(not(target_os = "linux"))]
    const fn has_access_list(_: &Path) -> bool {
        false
    }

    /// Returns what lets this user use `path`, which is `directory` or in it, and was refused.
    pub(in crate::file) fn remedy(path: &Path, directory: &Path) -> String {
        let place = quoted(directory);
        let Ok(shared) = fs::metadata(directory) else {
            return format!("let this user enter the directories above {place}");
        };
        let files = files(path, directory);
        if !is_of_a_group(&shared) {
            let paths = [&[place.clone()][..], &named(&files)].concat().join(" ");
            let of_files = change_mode(&files);
            return format!("share the directory by a group: chgrp GROUP {paths}; chmod 2770 {place}{of_files}");
        }
        let group = shared.gid();
        let is_closed = |file: &Metadata| file.gid() != group || file.mode() & READ_AND_WRITE != READ_AND_WRITE;
        let closed: Vec<_> = files.into_iter().filter(|(_, file)| is_closed(file)).collect();
        if closed.iter().any(|(closed, _)| closed == path) {
            return format!("chgrp {group} {}{}", named(&closed).join(" "), change_mode(&closed));
        }
        format!("add this user to the group {group}, which shares {place}")
    }

    /// Whether a directory is shared by a group that users can be added to. That of root is none, and where every user may
    /// write its owner has chosen none.
    fn is_of_a_group(directory: &Metadata) -> bool {
        is_shared(directory) && directory.gid() != 0 && directory.mode() & WRITE_OF_OTHERS == 0
    }

    /// The files of a store that are there, and `path` if it is another file.
    fn files(path: &Path, directory: &Path) -> Vec<(PathBuf, Metadata)> {
        let mut paths: Vec<_> = ["lock", "leases"].map(|name| directory.join(name)).into();
        if path != directory && !paths.iter().any(|known| known == path) {
            paths.push(path.into());
        }
        let found = |path: PathBuf| fs::symlink_metadata(&path).ok().map(|file| (path, file));
        paths.into_iter().filter_map(found).collect()
    }

    fn named(files: &[(PathBuf, Metadata)]) -> Vec<String> {
        files.iter().map(|(path, _)| quoted(path)).collect()
    }

    fn change_mode(files: &[(PathBuf, Metadata)]) -> String {
        if files.is_empty() { String::new() } else { format!("; chmod g+rw {}", named(files).join(" ")) }
    }

    /// Returns a path as a shell reads it.
    pub(super) fn quoted(path: &Path) -> String {
        format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
    }
}

#[cfg(not(unix))]
mod others {
    use std::fs::File;
    use std::path::Path;

    /// A new file has the permissions that its directory hands down.
    pub(in crate::file) const fn share(_: &File, _: &Path) {}

    pub(in crate::file) fn remedy(path: &Path, directory: &Path) -> String {
        format!("let this user write to {directory:?}, and to {path:?} in it")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
