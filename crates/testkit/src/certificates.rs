//! Certificates for tests: authorities, and the certificates that these authorities sign for servers and clients.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// The DNS name and the addresses of this host, for the certificate of a server.
pub const HERE: &[&str] = &["localhost", "127.0.0.1", "::1"];

/// An authority that signs certificates. A program that trusts one authority does not trust the certificates of another
/// one, even if both authorities have the same name.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        Self(CertifiedIssuer::self_signed(params, key()).expect("it signs itself"))
    }

    /// Returns the certificate of this authority, as PEM.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// Returns the certificate and the key of this authority. A test uses this pair for a server that presents the
    /// certificate of an authority as its own.
    pub fn itself(&self) -> Signed {
        Signed { certificate: self.certificate(), key: self.0.key().serialize_pem() }
    }

    /// Signs a certificate for a server with these names. Returns the certificate and its key.
    pub fn server(&self, names: &[&str]) -> Signed {
        self.sign(of_server(names))
    }

    /// Signs a certificate with these names for a server that is also a client. Returns the certificate and its key. A
    /// member of etcd needs such a certificate, because the gateway in the member is a client of the member.
    pub fn member(&self, names: &[&str]) -> Signed {
        let mut params = of_server(names);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        self.sign(params)
    }

    /// Signs a certificate for a server on this host. The certificate expired at the end of 2020. Returns the
    /// certificate and its key.
    pub fn expired(&self) -> Signed {
        let mut params = of_server(HERE);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(params)
    }

    /// Signs a certificate for a server on this host. The certificate becomes valid only in the year 3000. Returns the
    /// certificate and its key.
    pub fn not_yet_valid(&self) -> Signed {
        let mut params = of_server(HERE);
        params.not_before = date_time_ymd(3000, 1, 1);
        self.sign(params)
    }

    /// Signs a certificate for a client with this name. Returns the certificate and its key.
    pub fn client(&self, name: &str) -> Signed {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params)
    }

    fn sign(&self, params: CertificateParams) -> Signed {
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("it signs");
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Signed {
    /// Returns a self-signed certificate for a server with these names, and the certificate's key. The certificate is
    /// not that of an authority.
    pub fn alone(names: &[&str]) -> Self {
        let key = key();
        let mut params = of_server(names);
        params.is_ca = IsCa::ExplicitNoCa;
        let certificate = params.self_signed(&key).expect("it signs itself");
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Writes the certificate to the file `NAME.crt` in `directory`, and the key to the file `NAME.key`. Returns the
    /// paths of both files, the certificate's first.
    pub fn write(&self, directory: &Path, name: &str) -> [PathBuf; 2] {
        [("crt", &self.certificate), ("key", &self.key)].map(|(extension, contents)| {
            let path = directory.join(format!("{name}.{extension}"));
            fs::write(&path, contents).expect("a file is written");
            path
        })
    }
}

fn of_server(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
