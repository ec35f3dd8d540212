//! What a failure of TLS means for the one who can mend it.

use std::error::Error;
use std::io;

use rustls::{AlertDescription as Alert, CertificateError};

/// Returns which failure of TLS an error is and what to do about it, in one sentence; `None` if it is another failure,
/// or one of TLS that may pass.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref() {
            return of_rustls(error);
        }
        // The source of an `io::Error` is that of the error within it, which it skips.
        let within = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = within.map(|within| within as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
}

/// The same where it is known whether the client has shown a certificate. Some servers say of none what they say of one
/// that is wrong.
pub(crate) fn explain_to(has_certificate: bool, error: &(dyn Error + 'static)) -> Option<&'static str> {
    explain(error).map(|it| if it == REFUSES && !has_certificate { WANTS } else { it })
}

const WANTS: &str = "the server wants a client certificate: give one and its key";
const REFUSES: &str = "the server refuses the client certificate: give one that it trusts and that has not expired";

fn of_rustls(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(error) => Some(of_certificate(error)),
        rustls::Error::AlertReceived(alert) => of_alert(*alert),
        // What came is no message of TLS.
        rustls::Error::InvalidMessage(_) => Some(NO_TLS),
        rustls::Error::PeerIncompatible(_) => Some(INCOMPATIBLE),
        _ => None,
    }
}

pub(crate) const NO_TLS: &str = "the server has no TLS on this port: turn it on there, or ask without";

const INCOMPATIBLE: &str = "the server has no version or cipher of TLS that is safe: turn on TLS 1.2 or 1.3 there";

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
            "the server's certificate is not valid yet: set the clock of this host, or make another"
        }
        NotValidForName | NotValidForNameContext { .. } => {
            "the server's certificate is for another host name: ask for a name in it (subjectAltName), or make another"
        }
        // The second is of an authority of the same name as one that is trusted.
        UnknownIssuer | BadSignature => {
            "an unknown authority has signed the server's certificate: give the certificate of that authority by \
             sslrootcert=/PATH"
        }
        // An error of the crate below, which has no name in this one.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server's certificate is an authority's own (CA:TRUE): make it anew with -addext \
             basicConstraints=critical,CA:FALSE, or let it sign one for the server"
        }
        _ => "the server's certificate is not acceptable: make another",
    }
}

/// What the server has said of the client.
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
            "the server and this client have no TLS in common, or it wants a client certificate: see the server's log",
        ),
        Alert::UnrecognisedName => Some("the server knows no such host name: ask for one that it knows"),
        _ => None,
    }
}
