//! `explain`: tells an operator the meaning of a TLS failure and the remedy.

use std::error::Error;
use std::io;

use rustls::{AlertDescription as Alert, CertificateError};

/// Returns one sentence that names the TLS failure that caused `error`, and the remedy. Returns `None` if no TLS
/// failure caused `error`, or if a retry may succeed without a remedy, for example after the alert `internal_error`.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref() {
            return of_rustls(error);
        }
        // `io::Error::source` returns the source of the inner error, and skips the inner error itself.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = within.map(|within| within as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

/// Returns what [`explain`] returns, with one exception. If `has_certificate` is false and [`explain`] says that the
/// server refuses the client's certificate, this function says that the server wants a client certificate. Some servers
/// report a missing certificate in the same way as a wrong certificate.
pub(crate) fn explain_to(has_certificate: bool, error: &(dyn Error + 'static)) -> Option<&'static str> {
    explain(error).map(|it| if it == REFUSES && !has_certificate { WANTS } else { it })
}

const WANTS: &str = "the server wants a client certificate: give one and its key";
const REFUSES: &str = "the server refuses the client certificate: give one that it trusts and that has not expired";

fn of_rustls(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(error) => Some(of_certificate(error)),
        rustls::Error::AlertReceived(alert) => of_alert(*alert),
        // The bytes received are not a TLS message.
        rustls::Error::InvalidMessage(_) => Some(NO_TLS),
        rustls::Error::PeerIncompatible(_) => Some(INCOMPATIBLE),
        _ => None,
    }
}

pub(crate) const NO_TLS: &str = "the server has no TLS on this port: turn it on there, or connect without TLS";

const INCOMPATIBLE: &str = "the server has no safe version or cipher of TLS: turn on TLS 1.2 or 1.3 there";

fn of_certificate(error: &CertificateError) -> &'static str {
    use CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    match error {
        Expired | ExpiredContext { .. } => {
            "the server's certificate has expired: renew it, or set the clock of this host"
        }
        NotValidYet | NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: set the clock of this host, or make another certificate"
        }
        NotValidForName | NotValidForNameContext { .. } => {
            "the server's certificate is for another host name: use a name in it (subjectAltName), or make another"
        }
        // The error is `BadSignature` if the unknown authority has the same name as a trusted authority.
        UnknownIssuer | BadSignature => {
            "an unknown authority has signed the server's certificate: give the certificate of that authority with \
             sslrootcert=/PATH"
        }
        // This is an error of the crate `webpki`. Rustls has no variant for this error.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server's certificate is the certificate of an authority (CA:TRUE): make another certificate with \
             openssl req -x509 -addext basicConstraints=critical,CA:FALSE, or let this authority sign a certificate \
             for the server"
        }
        _ => "the server's certificate is not acceptable: make another",
    }
}

/// Returns the explanation of an alert that the server has sent. Returns `None` for an alert that is not listed here.
fn of_alert(alert: Alert) -> Option<&'static str> {
    match alert {
        Alert::CertificateRequired => Some(WANTS),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => Some(REFUSES),
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => Some(
            "the server and this client have no TLS version or cipher in common, or the server wants a client \
             certificate: see the server's log",
        ),
        Alert::UnrecognisedName => Some("the server does not know this host name: use one that it knows"),
        _ => None,
    }
}
