//! `share` and `remedy`: permissions in a directory that several users share through a group.

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

    /// Lets the group of a shared directory read and write `file`, whatever the umask is. `file` must have just been
    /// created by this process in `directory`. Users outside of the group get at most the permissions that they have on
    /// the directory. If the system does not allow these changes, `file` keeps its permissions, and other users get an
    /// error with a remedy.
    pub(in crate::file) fn share(file: &File, directory: &Path) {
        let _ = fs::metadata(directory).and_then(|shared| {
            if !is_shared(&shared) || has_access_list(directory) {
                return Ok(());
            }
            let own = file.metadata()?;
            if own.gid() != shared.gid() {
                // If this fails, the permissions are not changed, because they would apply to another group.
                fchown(file, None, Some(shared.gid()))?;
            }
            let admitted = OF_OWNER_AND_GROUP | shared.mode() & OF_OTHERS;
            file.set_permissions(Permissions::from_mode(own.mode() & admitted | READ_AND_WRITE))
        });
    }

    /// Returns whether the group of `directory` may replace the files of other users. In a sticky directory such as
    /// /tmp, the group may not.
    fn is_shared(directory: &Metadata) -> bool {
        directory.mode() & (WRITE | STICKY) == WRITE
    }

    /// Returns whether the directory has an access control list, either for the directory itself or for each new file
    /// in it. With such a list, the group's bits in a mode are not the permissions of the group: they are the mask of
    /// the list, which limits several entries of the list.
    #[cfg(target_os = "linux")]
    fn has_access_list(directory: &Path) -> bool {
        let has = |list: &str| rustix::fs::getxattr(directory, list, &mut [0_u8; 0]).is_ok();
        has("system.posix_acl_access") || has("system.posix_acl_default")
    }

    #[cfg(not(target_os = "linux"))]
    const fn has_access_list(_: &Path) -> bool {
        false
    }

    /// Returns the remedy for an error text. The error is that the system has refused this user access to `path`, which
    /// is `directory` or a path in `directory`.
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

    /// Returns whether the directory is shared through a group that other users can join. The group of root does not
    /// count. A directory that every user may write to does not count either, because its owner has not chosen a group
    /// for it.
    fn is_of_a_group(directory: &Metadata) -> bool {
        is_shared(directory) && directory.gid() != 0 && directory.mode() & WRITE_OF_OTHERS == 0
    }

    /// Returns the files of the store in `directory`, if they exist, with their metadata. If `path` is another existing
    /// file in `directory`, also returns `path`.
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

    /// Returns the path quoted for a shell.
    pub(super) fn quoted(path: &Path) -> String {
        format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
    }
}

#[cfg(not(unix))]
mod others {
    use std::fs::File;
    use std::path::Path;

    /// Does nothing: a new file inherits the permissions of its directory.
    pub(in crate::file) const fn share(_: &File, _: &Path) {}

    pub(in crate::file) fn remedy(path: &Path, directory: &Path) -> String {
        format!("let this user write to {directory:?}, and to {path:?} in it")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
