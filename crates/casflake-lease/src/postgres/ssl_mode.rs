//! `Mode`: the values of the parameter `sslmode`.

use tokio_postgres::config::SslMode;

/// A value of the URL's parameter `sslmode`. Each value has the same meaning as in libpq.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Disable,
    Allow,
    #[default]
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    pub(super) fn named(name: &str) -> Result<Self, String> {
        Ok(match name {
            "disable" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                let known = "disable, allow, prefer, require, verify-ca or verify-full";
                return Err(format!("invalid value for option `sslmode`: give {known}"));
            }
        })
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    /// Returns the mode for `tokio_postgres`, which has fewer modes. For `allow`, returns `Prefer`. For `verify-ca` and
    /// `verify-full`, returns `Require`. Each other mode has the same name in `tokio_postgres`.
    pub(super) fn of_the_client(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Allow | Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}
