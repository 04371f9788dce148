//! slapd of `OpenLDAP` and `PostgreSQL`, with the certificate of a test.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::parts::{Pki, Running};

const READY_WITHIN: Duration = Duration::from_mins(1);

/// A server in a folder of its own.
pub(crate) struct Service {
    _child: Running,
    _folder: TempDir,
    pub(crate) address: SocketAddr,
}

/// A loopback address that nothing listens on.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Waits until somebody listens there.
fn wait_for(address: SocketAddr) {
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < READY_WITHIN, "nothing listens on {address} after {READY_WITHIN:?}");
        sleep(Duration::from_millis(20));
    }
}

/// A program of Debian that is not on everybody's path.
fn program(name: &str, places: &[&str], package: &str) -> String {
    let found = places.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    let found = found
        .unwrap_or_else(|| panic!("{name} is not there: apt-get install --no-install-recommends {package}"));
    found.to_str().unwrap().to_owned()
}

/// slapd with `StartTLS`, as long as `with_tls`.
pub(crate) fn slapd(pki: &Pki, with_tls: bool) -> Service {
    let program = program("slapd", &["/usr/sbin", "/usr/libexec"], "slapd");
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("slapd.conf");
    let tls = if with_tls {
        format!(
            "TLSCertificateFile {}\nTLSCertificateKeyFile {}\n",
            pki.path("full.pem"),
            pki.path("key.pem")
        )
    } else {
        String::new()
    };
    fs::write(&configuration, format!("pidfile {}\n{tls}", folder.path().join("pid").display())).unwrap();
    let address = free();
    let url = format!("ldap://{address}");
    let child = Running::start(&[&program, "-h", &url, "-f", configuration.to_str().unwrap(), "-d", "0"]);
    wait_for(address);
    Service { _child: child, _folder: folder, address }
}

/// The newest folder of `PostgreSQL`'s programs.
fn postgres_programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin"));
    versions
        .filter(|path| path.join("initdb").exists())
        .max()
        .expect("PostgreSQL is not there: apt-get install --no-install-recommends postgresql")
}

/// `PostgreSQL` with `ssl = on`, as long as `with_tls`.
pub(crate) fn postgres(pki: &Pki, with_tls: bool) -> Service {
    const NOBODY: u32 = 65534;
    let programs = postgres_programs();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(folder.path().join("key.pem"), fs::read(pki.path("key.pem")).unwrap()).unwrap();
    fs::write(folder.path().join("full.pem"), fs::read(pki.path("full.pem")).unwrap()).unwrap();
    fs::set_permissions(folder.path().join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    // It refuses to run as root.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut before = vec!["--pdeathsig", "KILL"];
    if is_root {
        for path in [data.clone(), folder.path().join("key.pem"), folder.path().join("full.pem")] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        before.extend(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    }
    before.push("--");
    let made = Command::new("setpriv")
        .args(&before)
        .arg(programs.join("initdb"))
        .args(["-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C", "-D"])
        .arg(&data)
        .current_dir("/")
        .stdout(Stdio::null())
        .output()
        .expect("`setpriv` is there (Debian: apt-get install util-linux)");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let address = free();
    let (certificate, key) = (folder.path().join("full.pem"), folder.path().join("key.pem"));
    let mut settings = vec![
        format!("port={}", address.port()),
        "listen_addresses=127.0.0.1".to_owned(),
        format!("unix_socket_directories={}", data.display()),
        "fsync=off".to_owned(),
    ];
    if with_tls {
        settings.extend([
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", certificate.display()),
            format!("ssl_key_file={}", key.display()),
        ]);
    }
    let mut command = Command::new("setpriv");
    command.args(&before).arg(programs.join("postgres")).arg("-D").arg(&data).current_dir("/");
    for setting in settings {
        command.args(["-c", &setting]);
    }
    let child = Running::spawn(&mut command);
    wait_for(address);
    Service { _child: child, _folder: folder, address }
}

/// A mail server that says what such servers say before TLS.
pub(crate) fn mail(pki: &Pki, protocol: &str) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("mail.py");
    fs::write(&script, include_str!("mail.py")).unwrap();
    let (certificate, key) = (pki.path("full.pem"), pki.path("key.pem"));
    let mut child = Running::start(&["python3", script.to_str().unwrap(), protocol, &certificate, &key]);
    let port: u16 = child.line("PORT ").trim().parse().unwrap();
    Service { _child: child, _folder: folder, address: SocketAddr::from(([127, 0, 0, 1], port)) }
}
