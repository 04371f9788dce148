//! The practice authority is judged by OpenSSL: its certificates are good for their names, now, and for servers only.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloud_loopback::{Authority, CERTIFICATE_LIFETIME};

/// What openssl says to `verify` with these arguments, and whether it is content.
fn verified(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let mut openssl = Command::new("openssl");
    openssl.current_dir(folder).args(["verify", "-x509_strict", "-CAfile", "ca.pem"]).args(arguments);
    let output = openssl.arg("leaf.pem").output().expect("`openssl` is installed (Debian: openssl)");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn openssl_is_content_with_what_it_issues() {
    let folder = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "openssl compares the times with its own clock")]
    let now = SystemTime::now();
    let authority = Authority::new("Practice CA", now).unwrap();
    let long = format!("{}.rehearsal.internal", "a".repeat(63));
    let names = [long.clone(), "localhost".to_owned(), "127.0.0.1".to_owned()];
    let pair = authority.issue(&names, now).unwrap();
    fs::write(folder.path().join("ca.pem"), authority.root_pem()).unwrap();
    fs::write(folder.path().join("leaf.pem"), &pair.chain_pem).unwrap();
    assert!(!format!("{pair:?} {authority:?}").contains("PRIVATE"));

    let server = ["-purpose", "sslserver"];
    for name in
        [["-verify_hostname", long.as_str()], ["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"]]
    {
        let (is_good, said) = verified(folder.path(), &[server, name].concat());
        assert!(is_good, "{name:?}: {said}");
    }
    let at = |moment: SystemTime| moment.duration_since(UNIX_EPOCH).unwrap().as_secs().to_string();
    let (early, late) = (at(now - Duration::from_mins(59)), at(now + CERTIFICATE_LIFETIME));
    assert!(verified(folder.path(), &["-attime", &early]).0, "clocks may be late");
    for (arguments, why) in [
        (["-verify_hostname", "elsewhere.internal"], "hostname mismatch"),
        (["-attime", late.as_str()], "expired"),
        (["-purpose", "sslclient"], "purpose"),
    ] {
        let (is_good, said) = verified(folder.path(), &arguments);
        assert!(!is_good && said.contains(why), "{arguments:?}: {said}");
    }
    let other = Authority::new("Practice CA", now).unwrap();
    fs::write(folder.path().join("ca.pem"), other.root_pem()).unwrap();
    assert!(!verified(folder.path(), &[]).0, "a name alone is no authority");
}
