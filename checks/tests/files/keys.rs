//! Private keys are found where they lie, and known by their public halves.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use checks::cert::facts::{FileAccess, KeyFacts, KeyState};
use checks::cert::read::{Form, Other, items, material};

use crate::support::{Folder, certificates, openssl, pair, remarks, text};

/// How openssl makes a key, and the commands that write it in other forms.
const KINDS: [(&str, &[&str]); 9] = [
    ("rsa:1024", &["pkcs8", "rsa"]),
    ("rsa:2048", &["pkcs8", "rsa"]),
    ("rsa:4096", &["pkcs8", "rsa"]),
    ("ec:P-256", &["pkcs8", "ec"]),
    ("ec:P-384", &["pkcs8", "ec"]),
    ("ec:P-521", &["pkcs8", "ec"]),
    ("ed25519", &["pkcs8"]),
    ("ed448", &["pkcs8"]),
    ("ec:secp256k1", &["pkcs8", "ec"]),
];

fn make(folder: &Folder, kind: &str) -> (String, String) {
    let (key, certificate) = (text(&folder.path("a.key")), text(&folder.path("a.pem")));
    let made: &[&str] = match kind.split_once(':') {
        Some(("rsa", bits)) => {
            &["genpkey", "-algorithm", "RSA", "-pkeyopt", &format!("rsa_keygen_bits:{bits}")]
        }
        Some((_, curve)) => {
            &["genpkey", "-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{curve}")]
        }
        None => &["genpkey", "-algorithm", kind],
    };
    openssl(&[made, &["-out", &key]].concat());
    openssl(&["req", "-x509", "-new", "-key", &key, "-subj", "/CN=a", "-days", "30", "-out", &certificate]);
    (key, certificate)
}

#[test]
fn every_kind_in_every_form_has_the_public_half_of_its_certificate() {
    for (kind, forms) in KINDS {
        let folder = Folder::new();
        let (key, certificate) = make(&folder, kind);
        let certificate = material(Path::new(&certificate));
        let spki = certificates(&certificate)[0].spki_der.clone();
        for form in forms {
            for encoding in ["PEM", "DER"] {
                let to = folder.path("other.key");
                let command: &[&str] = match *form {
                    "pkcs8" => &["pkcs8", "-topk8", "-nocrypt"],
                    "rsa" => &["rsa", "-traditional"],
                    other => &[other],
                };
                openssl(&[command, &["-in", &key, "-outform", encoding, "-out", &text(&to)]].concat());
                let contents = items(&std::fs::read(&to).unwrap());
                assert!(contents.items.is_empty());
                let is_read = !matches!(kind, "ed448" | "ec:secp256k1");
                match &contents.keys[..] {
                    [KeyState::Public(public)] if is_read => {
                        assert_eq!(*public, spki, "{kind} {form} {encoding}");
                    }
                    [KeyState::Unreadable(why)] if !is_read => assert!(!why.is_empty()),
                    other => panic!("{kind} {form} {encoding}: {other:?}"),
                }
            }
        }
        let beside = certificate.key.expect("it lies beside");
        assert_eq!(beside.path, folder.path("a.key"));
    }
}

#[test]
fn a_key_restricted_to_pss_matches_its_certificate() {
    let folder = Folder::new();
    let (key, certificate) = (text(&folder.path("a.key")), text(&folder.path("a.crt")));
    openssl(&["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &key]);
    openssl(&["req", "-x509", "-new", "-key", &key, "-subj", "/CN=a", "-out", &certificate]);
    let found = material(Path::new(&certificate));
    assert_eq!(found.key.as_ref().unwrap().key, KeyState::Public(certificates(&found)[0].spki_der.clone()));
    assert_eq!(certificates(&found)[0].signature.name, "rsassaPss with SHA-256");
}

fn key(folder: &Folder, name: &str) -> Option<KeyFacts> {
    material(&folder.path(name)).key
}

#[test]
fn a_key_is_looked_for_where_people_put_it() {
    let folder = Folder::new();
    let (pem, secret) = pair("www.example.com");
    for (certificate, beside) in [
        ("certbot/fullchain.pem", "certbot/privkey.pem"),
        ("certbot2/cert.pem", "certbot2/privkey.pem"),
        ("plain/cert.pem", "plain/key.pem"),
        ("kubernetes/tls.crt", "kubernetes/tls.key"),
        ("lego/a.example.com.crt", "lego/a.example.com.key"),
        ("windows/site.cer", "windows/site.key"),
        ("pem/site.pem", "pem/site.key"),
        ("mkcert/site.pem", "mkcert/site-key.pem"),
        ("a.example.com_ecc/fullchain.cer", "a.example.com_ecc/a.example.com.key"),
    ] {
        folder.write(certificate, &pem);
        let beside = folder.write(beside, &secret);
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o640)).unwrap();
        let found = key(&folder, certificate).expect(certificate);
        assert_eq!(found.path, beside);
        assert!(matches!(found.key, KeyState::Public(_)), "{found:?}");
        assert_eq!(found.access.unwrap().mode, 0o640);
    }
    // The issuers' certificates of certbot have no key here.
    folder.write("certbot/chain.pem", &pem);
    assert_eq!(key(&folder, "certbot/chain.pem"), None);
    assert_eq!(key(&folder, "none.pem"), None);
}

#[test]
fn a_key_in_the_same_file_is_the_one_and_the_mode_is_of_what_a_link_leads_to() {
    let folder = Folder::new();
    let (pem, secret) = pair("www.example.com");
    let other = pair("other.example.com").1;
    let both = folder.write("both.pem", format!("{other}{secret}{pem}"));
    folder.write("both.key", &other);
    std::fs::set_permissions(&both, std::fs::Permissions::from_mode(0o604)).unwrap();
    let link = folder.link("link.pem", "both.pem");
    let found = material(&link);
    let facts = found.key.as_ref().unwrap();
    assert_eq!(facts.key, KeyState::Public(certificates(&found)[0].spki_der.clone()));
    assert_eq!(facts.path, link);
    let metadata = std::fs::metadata(&both).unwrap();
    assert_eq!(facts.access, Some(FileAccess { mode: 0o604, uid: metadata.uid(), gid: metadata.gid() }));
}

#[test]
fn a_key_that_is_not_what_it_should_be_says_so() {
    let folder = Folder::new();
    let (pem, secret) = pair("www.example.com");
    folder.write("a.pem", &pem);
    let encrypted = folder.path("a.key");
    let plain = folder.write("plain.key", &secret);
    openssl(&["pkcs8", "-topk8", "-in", &text(&plain), "-passout", "pass:secret", "-out", &text(&encrypted)]);
    assert_eq!(key(&folder, "a.pem").unwrap().key, KeyState::Encrypted);
    for content in [pem.clone(), String::new(), "garbage".to_owned(), secret[..100].to_owned()] {
        folder.write("a.key", content);
        let found = key(&folder, "a.pem").unwrap();
        assert!(matches!(found.key, KeyState::Unreadable(_)), "{found:?}");
    }
    // A lineage of certbot has a key.
    folder.write("live/www.example.com/fullchain.pem", &pem);
    let found = key(&folder, "live/www.example.com/fullchain.pem").unwrap();
    assert_eq!((found.key, found.path), (KeyState::Missing, folder.path("live/www.example.com/privkey.pem")));
}

#[test]
fn nothing_of_a_private_key_is_in_what_is_known() {
    let folder = Folder::new();
    let (pem, secret) = pair("www.example.com");
    folder.write("a.pem", format!("{pem}{secret}"));
    folder.write("b.pem", &secret);
    // A line of a key that is damaged right there.
    folder.write("c.pem", secret.replacen('M', "*", 1));
    for name in ["a.pem", "b.pem", "c.pem"] {
        let said = format!("{:?}", material(&folder.path(name)));
        for line in secret.lines().filter(|line| !line.starts_with('-')) {
            for part in line.as_bytes().chunks(12) {
                let part = std::str::from_utf8(part).unwrap();
                assert!(part.len() < 12 || !said.contains(part), "{part} is in {said}");
            }
        }
    }
}

#[test]
fn archives_open_without_a_password_or_say_that_they_have_one() {
    let folder = Folder::new();
    let (pem, secret) = pair("www.example.com");
    let (certificate, key) = (folder.write("a.pem", &pem), folder.write("a.key", &secret));
    let export = |password: &str, more: &[&str]| {
        let to = folder.path("a.p12");
        let inputs =
            ["pkcs12", "-export", "-in", &text(&certificate), "-inkey", &text(&key), "-out", &text(&to)];
        openssl(&[&inputs[..], &["-passout", password], more].concat());
        material(&to)
    };
    let opened: [&[&str]; 4] =
        [&[], &["-legacy"], &["-nomac"], &["-keypbe", "NONE", "-certpbe", "NONE", "-nomac"]];
    for more in opened {
        let found = export("pass:", more);
        assert!(remarks(&found).is_empty(), "{more:?}: {found:?}");
        let own = certificates(&found)[0];
        assert_eq!(own.dns_names, ["www.example.com"]);
        let facts = found.key.as_ref().unwrap();
        assert_eq!((&facts.key, facts.access), (&KeyState::Public(own.spki_der.clone()), None));
    }
    for more in [&[][..], &["-legacy"]] {
        assert_eq!(remarks(&export("pass:secret", more))[0].0, "SRE-TLS-051", "{more:?}");
    }
    // What lies in the clear is read all the same; without a seal openssl leaves certificates there.
    for more in [["-certpbe", "NONE"].as_slice(), &["-nomac"]] {
        let found = export("pass:secret", more);
        assert_eq!(certificates(&found).len(), 1);
        assert_eq!(found.key.as_ref().unwrap().key, KeyState::Encrypted);
        assert!(remarks(&found).is_empty());
    }
}

#[test]
fn an_archive_that_costs_too_much_or_is_damaged_is_refused() {
    let folder = Folder::new();
    let (pem, secret) = pair("www.example.com");
    let (certificate, key) = (folder.write("a.pem", &pem), folder.write("a.key", &secret));
    let to = folder.path("a.p12");
    let inputs = ["pkcs12", "-export", "-in", &text(&certificate), "-inkey", &text(&key), "-out", &text(&to)];
    openssl(&[&inputs[..], &["-passout", "pass:", "-iter", "10"]].concat());
    let plain = std::fs::read(&to).unwrap();
    // The rounds of the first derivation, which are a byte behind the salt.
    let rounds = [0x02, 0x01, 0x0a];
    let at = plain.windows(3).position(|three| three == rounds).unwrap();
    let mut negative = plain.clone();
    negative[at + 2] = 0xff;
    for spoilt in [&negative[..], &plain[..plain.len() / 2]] {
        let contents = items(spoilt);
        assert_eq!(contents.form, Form::Pkcs12);
        assert!(!contents.others.is_empty() || !contents.keys.is_empty(), "{contents:?}");
    }
    openssl(&[&inputs[..], &["-passout", "pass:", "-iter", "100000"]].concat());
    let mut dear = std::fs::read(&to).unwrap();
    let (few, many) = ([0x02, 0x03, 0x01, 0x86, 0xa0], [0x02, 0x03, 0x7f, 0xff, 0xff]);
    while let Some(at) = dear.windows(5).position(|five| five == few) {
        dear[at..at + 5].copy_from_slice(&many);
    }
    let began = std::time::Instant::now();
    let contents = items(&dear);
    assert!(matches!(contents.others[..], [Other::UnreadableArchive(_)]), "{contents:?}");
    assert!(began.elapsed().as_secs() < 2);
}

/// Where openssl says "Mac verify error", nothing here is in order.
#[test]
fn an_archive_whose_seal_does_not_fit_is_not_in_order() {
    let folder = Folder::new();
    let (pem, secret) = pair("www.example.com");
    let (certificate, key) = (folder.write("a.pem", &pem), folder.write("a.key", &secret));
    let to = folder.path("a.p12");
    let inputs = ["pkcs12", "-export", "-in", &text(&certificate), "-inkey", &text(&key), "-out", &text(&to)];
    for more in [&["-passout", "pass:"][..], &["-passout", "pass:", "-macalg", "sha1"]] {
        openssl(&[&inputs[..], more].concat());
        assert!(remarks(&material(&to)).is_empty(), "{more:?}");
        let mut bytes = std::fs::read(&to).unwrap();
        // Salt and rounds are at the end, the digest right before.
        let at = bytes.len() - 24;
        bytes[at] ^= 1;
        let spoilt = folder.write("spoilt.p12", &bytes);
        let found = material(&spoilt);
        assert_eq!(remarks(&found), [("SRE-TLS-052", model::Severity::Unknown)], "{more:?}: {found:?}");
        assert_eq!(certificates(&found).len(), 1);
    }
}
