//! Stores by TLS: with servers that have TLS, and with each fault that a certificate can have.

#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "redis")]
mod redis;
mod silent;

use std::path::{Path, PathBuf};
use std::time::Duration;

use casflake_lease::{LeasedGenerator, StoreError, from_url};
use testkit::Scratch;
use testkit::certificates::{Authority, HERE, Signed};

use crate::immediately::refused_immediately;

/// The two seconds that a call may take, and more for a busy machine.
const IN_TIME: Duration = Duration::from_millis(4500);

/// A directory with certificates of one authority.
struct Files {
    directory: Scratch,
    authority: Authority,
    roots: PathBuf,
}

impl Files {
    fn new() -> Self {
        let (directory, authority) = (Scratch::new(), Authority::new("of a test"));
        let roots = directory.path().join("roots.pem");
        std::fs::write(&roots, authority.certificate()).expect("a file");
        Self { directory, authority, roots }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the parameters by which a store trusts this authority.
    fn parameters(&self) -> String {
        format!("?sslrootcert={}", self.roots.display())
    }

    /// Returns these parameters with a certificate for the client.
    fn parameters_of_client(&self) -> String {
        let [certificate, key] = self.authority.client("ids").write(self.path(), "client");
        format!("{}&sslcert={}&sslkey={}", self.parameters(), certificate.display(), key.display())
    }
}

/// The words by which a store refuses the certificate of a server, and the certificate.
type Wrong = (&'static str, fn(&Authority) -> Signed);

const WRONG: [Wrong; 5] = [
    ("the certificate of an authority", Authority::itself),
    ("an unknown authority", |_| Authority::new("a stranger").member(HERE)),
    ("has expired", Authority::expired),
    ("not valid yet", Authority::not_yet_valid),
    ("another host name", |authority| authority.member(&["ids.example"])),
];

/// Asserts that the store is refused with these words, and that a generator does not wait for it.
#[track_caller]
fn assert_refused(url: &str, words: &str) {
    let error = from_url(url).expect("a URL").survey().expect_err("it is refused");
    let text = format!("{error:?}");
    assert!(matches!(error, StoreError::Refused { .. }) && !error.is_retryable(), "{url}: {text}");
    assert!(text.contains(words), "{words}: {text}");
    assert!(!text.contains("s3cr3t"), "{text}");
    let refused = refused_immediately(from_url(url).expect("a URL"));
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused:?}");
}

/// Asserts that the space can be created, and that a generator issues an ID by a lease of it.
#[track_caller]
fn assert_issues(url: &str) {
    let store = || from_url(url).expect("a URL");
    store().init_immediately(&<casflake::Standard as casflake::Scheme>::LAYOUT, 4).expect("a space");
    testkit::eventually("an ID", || {
        let ids: LeasedGenerator = LeasedGenerator::new(store()).ok()?;
        let id = ids.generate().ok()?;
        ids.shutdown().expect("it is released");
        Some(id)
    });
}
