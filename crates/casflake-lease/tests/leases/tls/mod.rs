//! Stores by TLS: each with a server that has it, and with what can be wrong with its certificate.

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

/// A call takes two seconds at most, and the machine what it takes.
const IN_TIME: Duration = Duration::from_millis(4500);

/// Files with certificates of one authority.
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

    /// The parameters by which a store takes a server of this authority.
    fn parameters(&self) -> String {
        format!("?sslrootcert={}", self.roots.display())
    }

    /// The same, with a certificate of the client's own.
    fn parameters_of_client(&self) -> String {
        let [certificate, key] = self.authority.client("ids").write(self.path(), "client");
        format!("{}&sslcert={}&sslkey={}", self.parameters(), certificate.display(), key.display())
    }
}

/// A certificate that a server may have, and the words by which it is refused by those who trust the authority.
type Wrong = (&'static str, fn(&Authority) -> Signed);

const WRONG: [Wrong; 5] = [
    ("an authority's own", Authority::itself),
    ("an unknown authority", |_| Authority::new("a stranger").member(HERE)),
    ("has expired", Authority::expired),
    ("not valid yet", Authority::not_yet_valid),
    ("another host name", |authority| authority.member(&["ids.example"])),
];

/// Asserts that what the store says is refused with these words, immediately, and that no time is spent on it.
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

/// Creates the space, and issues by a lease of it.
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
