//! A directory that several users share by a group: each new file in it is for the group, too.

#[cfg(not(unix))]
pub(super) use others::{remedy, share};
#[cfg(unix)]
pub(super) use unix::{remedy, share};

#[cfg(unix)]
mod unix {
    use std::format;
    use std::fs::{self, File, Metadata, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    use std::path::Path;
    use std::string::String;

    const READ_AND_WRITE: u32 = 0o060;
    const WRITE: u32 = 0o020;
    const STICKY: u32 = 0o1000;

    /// Lets the group of a shared directory read and write `file`, which this process has just created there, whatever
    /// the umask. Where that is not allowed, the file stays as the system has made it, and other users are told so.
    pub(in crate::lease::file) fn share(file: &File, directory: &Path) {
        let _ = fs::metadata(directory).and_then(|shared| {
            if !is_shared(&shared) || has_access_list(directory) {
                return Ok(());
            }
            let own = file.metadata()?;
            if own.gid() != shared.gid() {
                // Not without it: the permissions would be those of another group.
                fchown(file, None, Some(shared.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(own.mode() & 0o777 | READ_AND_WRITE))
        });
    }

    /// Whether the group may put a file in place of another's. In a sticky directory, as /tmp, it may not.
    fn is_shared(directory: &Metadata) -> bool {
        directory.mode() & (WRITE | STICKY) == WRITE
    }

    /// Whether an access control list says who may do what, to new files as well. The permissions of the group are not what
    /// they seem then.
    #[cfg(target_os = "linux")]
    fn has_access_list(directory: &Path) -> bool {
        rustix::fs::getxattr(directory, "system.posix_acl_access", &mut [0_u8; 0]).is_ok()
    }

    #[cfg(not(target_os = "linux"))]
    const fn has_access_list(_: &Path) -> bool {
        false
    }

    /// Returns what lets this user use `path`, which is `directory` or in it, and was refused.
    pub(in crate::lease::file) fn remedy(path: &Path, directory: &Path) -> String {
        let Ok(shared) = fs::metadata(directory) else {
            return format!("let this user enter the directories above {directory:?}");
        };
        let file = fs::symlink_metadata(path).ok().filter(|_| path != directory);
        let group = shared.gid();
        let is_shared = is_shared(&shared);
        match file {
            Some(file) if is_shared && (file.gid() != group || file.mode() & READ_AND_WRITE != READ_AND_WRITE) => {
                format!("chgrp {group} {path:?}; chmod g+rw {path:?}")
            }
            _ if is_shared => format!("add this user to the group {group}, which shares {directory:?}"),
            Some(_) => format!(
                "share the directory by a group: chgrp GROUP {directory:?} {path:?}; chmod 2770 {directory:?}; \
                 chmod g+rw {path:?}"
            ),
            None => format!("share the directory by a group: chgrp GROUP {directory:?}; chmod 2770 {directory:?}"),
        }
    }
}

#[cfg(not(unix))]
mod others {
    use std::format;
    use std::fs::File;
    use std::path::Path;
    use std::string::String;

    /// A new file has the permissions that its directory hands down.
    pub(in crate::lease::file) const fn share(_: &File, _: &Path) {}

    pub(in crate::lease::file) fn remedy(path: &Path, directory: &Path) -> String {
        format!("let this user write to {directory:?}, and to {path:?} in it")
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::{env, format, process};

    use rustix::fs::{XattrFlags, setxattr};

    use super::share;

    /// As acl(5) has it in bytes: the owner, the user 7, the group and the mask may do anything, others nothing.
    const LIST: &[u8] = b"\x02\0\0\0\
        \x01\0\x07\0\xff\xff\xff\xff\
        \x02\0\x07\0\x07\0\0\0\
        \x04\0\x05\0\xff\xff\xff\xff\
        \x10\0\x07\0\xff\xff\xff\xff\
        \x20\0\0\0\xff\xff\xff\xff";

    /// Would catch: a group that may write to a file because the mask of the directory's list looks like its permissions.
    #[test]
    fn a_new_file_is_left_alone_where_a_list_says_who_may_use_it() {
        let directory = env::temp_dir().join(format!("casflake-acl-{}", process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, Permissions::from_mode(0o770)).unwrap();
        let shared = |name: &str| {
            let file = File::create_new(directory.join(name)).unwrap();
            file.set_permissions(Permissions::from_mode(0o600)).unwrap();
            share(&file, &directory);
            file.metadata().unwrap().mode() & 0o777
        };
        let without = shared("without");
        let listed = setxattr(&directory, "system.posix_acl_access", LIST, XattrFlags::empty());
        let with = shared("with");
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(without, 0o660);
        // A file system without lists has nothing to be tried.
        assert!(listed.is_err() || with == 0o600, "{with:o}");
    }
}
