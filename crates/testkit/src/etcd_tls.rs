//! A cluster of one etcd member that serves its clients with TLS.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::eventually::eventually;
use crate::scratch::Scratch;
use crate::skip::skipped;

pub struct TlsEtcd {
    child: Child,
    _directory: Scratch,
    port: u16,
}

impl TlsEtcd {
    /// Starts a server with a certificate and its key. If `clients` is a file with the certificates of authorities,
    /// each client needs a certificate that one of these authorities has signed. Returns `None` if etcd is not
    /// installed.
    #[track_caller]
    pub fn start([certificate, key]: &[PathBuf; 2], clients: Option<&Path>) -> Option<Self> {
        if Command::new("etcd").arg("--version").stdout(Stdio::null()).status().is_err() {
            skipped("etcds", "etcd and etcdctl");
            return None;
        }
        // Another process may take a port meanwhile.
        for _ in 0..10 {
            let directory = Scratch::new();
            let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
            let [port, peer] = ports.map(|listener| listener.local_addr().expect("an address").port());
            let (url, peer) = (format!("https://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
            let mut command = Command::new("etcd");
            command.args(["--name", "default", "--data-dir"]).arg(directory.path().join("data"));
            command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
            command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
            command.args(["--initial-cluster", &format!("default={peer}")]);
            command.args(["--heartbeat-interval", "20", "--election-timeout", "200"]);
            command.arg("--cert-file").arg(certificate).arg("--key-file").arg(key);
            if let Some(roots) = clients {
                command.arg("--client-cert-auth").arg("--trusted-ca-file").arg(roots);
            }
            let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let mut server = Self { child: child.expect("etcd starts"), _directory: directory, port };
            if server.is_up() {
                return Some(server);
            }
        }
        panic!("etcd does not start");
    }

    /// Waits until the server listens or has ended. Returns `true` if the server listens, and `false` if the server has
    /// ended. The server listens as soon as the cluster has a leader.
    fn is_up(&mut self) -> bool {
        let address = ("127.0.0.1", self.port);
        eventually("etcd listens, or ends", || match self.child.try_wait() {
            Ok(None) => std::net::TcpStream::connect(address).is_ok().then_some(true),
            _ => Some(false),
        })
    }

    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Turns authentication on. From then on, the server admits only the user `user`, which is given as
    /// `root:PASSWORD`.
    pub fn turn_authentication_on(&self, roots: &Path, user: &str) {
        for args in [&["user", "add", user][..], &["user", "grant-role", "root", "root"], &["auth", "enable"]] {
            let mut command = Command::new("etcdctl");
            command.env("ETCDCTL_API", "3").arg("--endpoints").arg(format!("https://{}", self.host()));
            let output = command.arg("--cacert").arg(roots).args(args).output().expect("etcdctl is installed");
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

impl Drop for TlsEtcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
