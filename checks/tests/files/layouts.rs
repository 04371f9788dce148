//! Files as they lie on hosts: patterns, folders, certbot, Kubernetes.

use std::path::Path;

use checks::Status;
use checks::cert::facts::{KeyState, Source};
use checks::cert::read::{check_files, expand};
use model::Severity::Unknown;

use crate::support::{Folder, certificates, judge, openssl, pair, remarks, text};

/// A lineage as certbot makes it, the second of its certificates being current.
fn lineage(folder: &Folder, name: &str) {
    let (pem, key) = pair(name);
    for version in ["1", "2"] {
        for (file, content) in [("cert", &pem), ("chain", &pem), ("fullchain", &pem), ("privkey", &key)] {
            folder.write(&format!("letsencrypt/archive/{name}/{file}{version}.pem"), content);
        }
    }
    for file in ["cert", "chain", "fullchain", "privkey"] {
        folder.link(
            &format!("letsencrypt/live/{name}/{file}.pem"),
            &format!("../../archive/{name}/{file}2.pem"),
        );
    }
    folder.write(&format!("letsencrypt/live/{name}/README"), "This directory contains your keys");
}

fn certbot(folder: &Folder) {
    lineage(folder, "a.example.com");
    lineage(folder, "b.example.com");
    folder.write("letsencrypt/live/README", "This directory contains your keys");
    folder.write("letsencrypt/renewal/a.example.com.conf", "version = 2.1.0");
}

#[test]
fn a_tree_of_certbot_is_a_subject_a_lineage() {
    let folder = Folder::new();
    certbot(&folder);
    let wanted =
        ["letsencrypt/live/a.example.com/fullchain.pem", "letsencrypt/live/b.example.com/fullchain.pem"];
    for pattern in ["letsencrypt", "letsencrypt/live", "letsencrypt/live/", "letsencrypt/live/*"] {
        let found = folder.expand(&[pattern]);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, wanted, "{pattern}");
        let material = &found[0].1;
        assert_eq!(material.source, Source::Certbot { name: "a.example.com".to_owned() });
        assert_eq!(certificates(material)[0].dns_names, ["a.example.com"]);
        let key = material.key.as_ref().unwrap();
        assert_eq!(key.path, folder.path("letsencrypt/live/a.example.com/privkey.pem"));
        assert_eq!(key.key, KeyState::Public(certificates(material)[0].spki_der.clone()));
        assert!(material.remarks.is_empty());
    }
    assert_eq!(folder.names(&["letsencrypt/live/b.example.com"]), [wanted[1]]);
    // A server's own name for it.
    folder.link("site.pem", "letsencrypt/live/a.example.com/fullchain.pem");
    let found = folder.expand(&["site.pem"]);
    assert_eq!(found[0].1.source, Source::Certbot { name: "a.example.com".to_owned() });
}

#[test]
fn a_lineage_that_is_broken_is_not_left_out() {
    let folder = Folder::new();
    certbot(&folder);
    std::fs::remove_file(folder.path("letsencrypt/archive/a.example.com/fullchain2.pem")).unwrap();
    std::fs::remove_file(folder.path("letsencrypt/live/b.example.com/fullchain.pem")).unwrap();
    let found = folder.expand(&["letsencrypt/live"]);
    assert_eq!(found.len(), 2);
    assert_eq!(remarks(&found[0].1), [("SRE-TLS-041", Unknown)]);
    assert_eq!(remarks(&found[1].1), [("SRE-TLS-040", Unknown)]);
}

#[test]
fn a_secret_of_kubernetes_is_one_subject() {
    let folder = Folder::new();
    let (pem, key) = pair("www.example.com");
    folder.write("tls/..2026_11_21/tls.crt", pem);
    folder.write("tls/..2026_11_21/tls.key", key);
    folder.link("tls/..data", "..2026_11_21");
    folder.link("tls/tls.crt", "..data/tls.crt");
    folder.link("tls/tls.key", "..data/tls.key");
    for pattern in ["tls", "tls/*.crt", "**/tls.crt", "tls/**/*.crt"] {
        let found = folder.expand(&[pattern]);
        assert_eq!(found.len(), 1, "{pattern}: {found:?}");
        assert_eq!(found[0].0, "tls/tls.crt");
        assert!(matches!(found[0].1.key.as_ref().unwrap().key, KeyState::Public(_)));
    }
}

#[test]
fn a_folder_is_searched_for_what_is_called_or_begins_as_a_certificate() {
    let folder = Folder::new();
    let pem = pair("www.example.com").0;
    for name in ["b.pem", "a.CRT", "c.cer", "d.der", "e.cert", "f.chain", "g.ca-bundle", "h", "below/e.pem"] {
        folder.write(&format!("ssl/{name}"), &pem);
    }
    // What is put aside, what only speaks of certificates, and what is no file.
    for name in ["b.pem.bak", "b.pem~", "b.crt.old", "b.crt.dpkg-old"] {
        folder.write(&format!("ssl/{name}"), &pem);
    }
    folder.write("ssl/a.key", pair("www.example.com").1);
    folder.write("ssl/notes.txt", format!("such as {pem}"));
    folder.write("ssl/openssl.cnf", "[ca]");
    folder.link("ssl/device", "/dev/zero");
    let wanted = ["a.CRT", "b.pem", "below/e.pem", "c.cer", "d.der", "e.cert", "f.chain", "g.ca-bundle", "h"];
    assert_eq!(folder.names(&["ssl"]), wanted.map(|name| format!("ssl/{name}")));
    assert_eq!(folder.names(&["ssl/b.pem", "ssl", "ssl/./b.pem"]).len(), 9);
    assert_eq!(folder.names(&["ssl/*/*.pem"]), ["ssl/below/e.pem"]);
    folder.write("empty/notes.txt", "");
    let found = folder.expand(&["empty"]);
    assert_eq!(remarks(&found[0].1), [("SRE-TLS-053", Unknown)]);
}

#[test]
fn folders_in_a_folder_are_searched_and_none_is_left_out_silently() {
    let folder = Folder::new();
    let pem = pair("www.example.com").0;
    let deep = "ssl/1/2/3/4/5/6/7/8";
    folder.write("ssl/good.pem", &pem);
    folder.write("ssl/a/expired.pem", &pem);
    folder.write(&format!("{deep}/deep.pem"), &pem);
    folder.write(&format!("{deep}/9/deeper.pem"), &pem);
    folder.write("ssl/site/live/www/no-certbot.pem", &pem);
    folder.write("other/linked.pem", &pem);
    folder.link("ssl/link", "../other");
    folder.link("ssl/around", "..");
    folder.link("ssl/5273a94c.0", "good.pem");
    certbot(&folder);
    std::fs::rename(folder.path("letsencrypt"), folder.path("ssl/letsencrypt")).unwrap();
    let found = folder.expand(&["ssl"]);
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "ssl/a/expired.pem",
        "ssl/letsencrypt/live/a.example.com/fullchain.pem",
        "ssl/site/live/www/no-certbot.pem",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(names.contains(&format!("{deep}/deep.pem").as_str()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("link") || name.contains("around")), "{names:?}");
    assert!(names.contains(&"ssl/good.pem") && !names.contains(&"ssl/5273a94c.0"), "{names:?}");
    let (_, too_deep) = found.iter().find(|(name, _)| *name == format!("{deep}/9")).unwrap();
    assert_eq!(remarks(too_deep), [("SRE-TLS-053", Unknown)]);
}

#[test]
fn a_folder_with_nothing_but_keys_is_not_in_order() {
    let folder = Folder::new();
    let (pem, key) = pair("www.example.com");
    folder.write("ssl/site.pem", &key);
    for pattern in ["ssl", "ssl/*.pem"] {
        let results = check_files(&[text(&folder.path(pattern))], 8, &judge);
        let worst = results.iter().map(|result| result.status).max();
        assert_eq!(worst, Some(Status::Unknown), "{pattern}");
        let said = &results.last().unwrap().findings[0];
        assert_eq!(said.code, "SRE-TLS-053");
        assert!(said.message.starts_with("no certificate found in "), "{}", said.message);
    }
    folder.write("ssl/site.crt", &pem);
    assert_eq!(folder.names(&["ssl"]), ["ssl/site.crt", "ssl/site.pem"]);
}

#[test]
fn what_matches_nothing_is_said_and_loses_nothing_else() {
    let folder = Folder::new();
    folder.write("a.pem", pair("www.example.com").0);
    folder.write("a[1].pem", pair("www.example.com").0);
    folder.link("dangling.pem", "nowhere.pem");
    let found =
        folder.expand(&["none/*.pem", "a.pem", "[", "a**.pem", "none.pem", "a[1].pem", "dang*.pem", "a.pem"]);
    let codes: Vec<_> = found
        .iter()
        .map(|(_, material)| material.remarks.first().map(|remark| remark.code.as_str()))
        .collect();
    assert_eq!(
        codes,
        [
            Some("SRE-TLS-040"),
            None,
            Some("SRE-TLS-054"),
            Some("SRE-TLS-054"),
            Some("SRE-TLS-040"),
            None,
            Some("SRE-TLS-041")
        ]
    );
    let results = check_files(&[text(&folder.path("none/*.pem"))], 8, &judge);
    assert_eq!(results[0].status, Status::Unknown);
    assert_eq!(expand("").len(), 1);
}

#[test]
fn the_issuer_says_where_a_certificate_comes_from() {
    for (issuer, source) in [
        ("/C=US/O=Let's Encrypt/CN=E7", Source::Acme),
        ("/C=AT/O=ZeroSSL/CN=ZeroSSL ECC Domain Secure Site CA", Source::Acme),
        ("/C=US/O=Google Trust Services/CN=WE1", Source::Acme),
        ("/C=NO/O=Buypass AS-983163327/CN=Buypass Class 2 CA 5", Source::Acme),
        ("/C=US/O=DigiCert Inc/CN=DigiCert Global G2 TLS RSA SHA256 2020 CA1", Source::Commercial),
        ("/C=GB/O=Sectigo Limited/CN=Sectigo Public Server Authentication CA DV R36", Source::Commercial),
        ("/C=US/O=Amazon/CN=Amazon RSA 2048 M04", Source::AcmExportable),
        ("/O=Example/CN=Example CA", Source::Unknown),
    ] {
        let folder = Folder::new();
        let path = |name: &str| text(&folder.path(name));
        let ca = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            issuer,
        ];
        openssl(&[&ca[..], &["-keyout", &path("ca.key"), "-out", &path("ca.pem")]].concat());
        let (leaf_key, request) = (path("leaf.key"), path("leaf.csr"));
        openssl(&["genpkey", "-algorithm", "ed25519", "-out", &leaf_key]);
        openssl(&["req", "-new", "-key", &leaf_key, "-subj", "/CN=www.example.com", "-out", &request]);
        let signing = ["x509", "-req", "-in", &request, "-CA", &path("ca.pem"), "-CAkey", &path("ca.key")];
        openssl(&[&signing[..], &["-CAcreateserial", "-days", "30", "-out", &path("leaf.pem")]].concat());
        assert_eq!(checks::cert::read::material(Path::new(&path("leaf.pem"))).source, source, "{issuer}");
    }
    let folder = Folder::new();
    let own = folder.write("own.pem", pair("www.example.com").0);
    // rcgen names the issuer after itself, which is the subject of what is signed by itself.
    assert_eq!(checks::cert::read::material(&own).source, Source::Private);
}
