//! Everything that is known of one file of certificates, and of many.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use model::{Finding, Severity};
use zeroize::Zeroize as _;

use super::contents::{Contents, Form, Other, items};
use super::expand::{Target, expand_all};
use super::file::{self, Obstacle, quoted};
use super::parse::is_incomplete;
use super::{algorithm, codes, source};
use crate::cert::facts::{Certificate, FileAccess, Item, KeyFacts, KeyState, Material};
use crate::{CheckResult, Subject, SubjectKind};

/// What is known of a file that was named.
pub fn material(path: &Path) -> Material {
    of_target(&Target::named(path))
}

/// What is known of a file. What stands in the way is among the remarks.
pub fn of_target(target: &Target) -> Material {
    let path = target.path.as_path();
    let mut material = Material::new(Subject::new(SubjectKind::File, path.display().to_string()));
    if let Some(problem) = &target.problem {
        material.remarks.push(problem.clone());
        return material;
    }
    let read = if target.is_regular { file::read_regular(path) } else { file::read(path) };
    let mut read = match read {
        Ok(read) => read,
        Err(obstacle) => {
            material.remarks.push(obstacle.finding(path));
            return material;
        }
    };
    let mut contents = items(&read.bytes);
    if !contents.keys.is_empty() {
        read.bytes.zeroize();
    }
    remark(&mut material.remarks, target, &contents);
    material.items = std::mem::take(&mut contents.items);
    material.key = own_key(path, read.access, contents, &material)
        .or_else(|| if target.is_keyless { None } else { key_beside(path, &material) });
    let link = if target.is_regular { None } else { std::fs::read_link(path).ok() };
    material.source = source::guess(path, link.as_deref(), leaf(&material));
    material
}

/// Reads all files that these paths, patterns and folders stand for, and judges each, with this many threads. The
/// order is that of [`expand_all`]; one file has no say in what becomes of the others.
pub fn check_files(
    patterns: &[String],
    threads: usize,
    judge: &(dyn Fn(&Material) -> CheckResult + Sync),
) -> Vec<CheckResult> {
    let targets = expand_all(patterns);
    // A thread costs more than a few files.
    let threads = threads.min(targets.len().div_ceil(16)).clamp(1, 64);
    if threads == 1 {
        return targets.iter().map(|target| judge(&of_target(target))).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(target) = targets.get(index) else { return done };
            done.push((index, judge(&of_target(target))));
        }
    };
    let mut done: Vec<(usize, CheckResult)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part),
                // A bug of a judge stays one.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The certificate that the others of a file stand behind.
fn leaf(material: &Material) -> Option<&Certificate> {
    let mut certificates = material.certificates().map(|(_, certificate)| certificate);
    let first = certificates.next()?;
    if !first.is_ca {
        return Some(first);
    }
    certificates.find(|certificate| !certificate.is_ca).or(Some(first))
}

/// The key in the same file.
fn own_key(path: &Path, access: FileAccess, contents: Contents, material: &Material) -> Option<KeyFacts> {
    if material.items.is_empty() {
        return None;
    }
    let access = (contents.form != Form::Pkcs12).then_some(access);
    let key = pick(contents.keys, material)?;
    Some(KeyFacts { path: path.to_owned(), key, access })
}

/// Of several keys, the one that one of the certificates has.
fn pick(keys: Vec<KeyState>, material: &Material) -> Option<KeyState> {
    let mut keys: Vec<KeyState> = keys.into_iter().map(|key| as_certified(key, material)).collect();
    let own = keys.iter().position(|key| match key {
        KeyState::Public(spki) => {
            material.certificates().any(|(_, certificate)| certificate.spki_der == *spki)
        }
        _ => false,
    });
    let place = own.unwrap_or_default();
    (place < keys.len()).then(|| keys.swap_remove(place))
}

/// The public half as a certificate writes it, if it is the same: a key may be restricted to RSASSA-PSS there, or its
/// curve written out.
fn as_certified(key: KeyState, material: &Material) -> KeyState {
    let KeyState::Public(spki) = &key else { return key };
    let Some(bits) = algorithm::key_bits(spki) else { return key };
    let same = material
        .certificates()
        .map(|(_, certificate)| &certificate.spki_der)
        .find(|certified| algorithm::key_bits(certified) == Some(bits));
    same.map_or_else(|| key.clone(), |certified| KeyState::Public(certified.clone()))
}

/// The same certificate with the key that is said to belong to it, whatever lies beside it.
#[must_use]
pub fn with_key(material: Material, path: &Path) -> Material {
    let key = key_at(path, &material).unwrap_or_else(|| KeyFacts {
        path: path.to_owned(),
        key: KeyState::Missing,
        access: None,
    });
    Material { key: Some(key), ..material }
}

/// The key in a file, if there is such a file.
fn key_at(path: &Path, material: &Material) -> Option<KeyFacts> {
    let (key, access) = match file::read(path) {
        Ok(mut read) => {
            let contents = items(&read.bytes);
            read.bytes.zeroize();
            let key = pick(contents.keys, material)
                .unwrap_or_else(|| KeyState::Unreadable("there is no private key in it".to_owned()));
            (key, Some(read.access))
        }
        Err(Obstacle::Missing) => return None,
        Err(obstacle) => {
            let access = match &obstacle {
                Obstacle::Denied(access) => *access,
                _ => None,
            };
            (KeyState::Unreadable(obstacle.short()), access)
        }
    };
    Some(KeyFacts { path: path.to_owned(), key, access })
}

/// The key in a file beside it: where certbot, acme.sh, lego, Kubernetes and people put it.
fn key_beside(path: &Path, material: &Material) -> Option<KeyFacts> {
    material.certificates().next()?;
    let is_lineage = source::lineage(path).is_some();
    for candidate in beside(path)? {
        // Most candidates are not there, and one question is enough to see that.
        if std::fs::symlink_metadata(&candidate).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            continue;
        }
        if let Some(key) = key_at(&candidate, material) {
            return Some(key);
        }
    }
    // certbot never writes a certificate without its key.
    is_lineage.then(|| path.with_file_name("privkey.pem")).map(|path| KeyFacts {
        path,
        key: KeyState::Missing,
        access: None,
    })
}

/// Where the key of this file may lie, likeliest first.
fn beside(path: &Path) -> Option<Vec<PathBuf>> {
    let name = path.file_name()?.to_str()?;
    let stem = path.file_stem()?.to_str()?;
    let mut names = Vec::new();
    match name {
        // The issuers' certificates have keys, but not here.
        "chain.pem" | "ca.pem" | "ca.crt" => return None,
        "fullchain.pem" | "cert.pem" => names.push("privkey.pem".to_owned()),
        _ => {}
    }
    if name == "cert.pem" {
        names.push("key.pem".to_owned());
    }
    if path.extension().is_none_or(|extension| extension != "key") {
        names.push(format!("{stem}.key"));
    }
    // `fullchain.cer` of acme.sh lies in a folder that is called as the certificate is.
    if name == "fullchain.cer" {
        let folder = path.parent()?.file_name()?.to_str()?;
        names.push(format!("{}.key", folder.strip_suffix("_ecc").unwrap_or(folder)));
    }
    names.push(format!("{stem}-key.pem"));
    Some(names.into_iter().map(|name| path.with_file_name(name)).collect())
}

/// What there is to say of the contents beyond the certificates themselves.
fn remark(remarks: &mut Vec<Finding>, target: &Target, contents: &Contents) {
    let path = target.path.as_path();
    let shell = quoted(path);
    let finding = |code: &str, severity: Severity, message: &str| {
        Finding::new(code, severity, path.display().to_string(), message)
    };
    for item in &contents.items {
        match item {
            Item::Certificate(certificate) if is_incomplete(certificate) => {
                remarks.push(
                    finding(codes::INCOMPLETE, Severity::Unknown, "has a certificate that is only partly readable")
                        .evidence(certificate.oddities.join("; "))
                        .hint(format!(
                            "have it issued again; another reader's view of it: openssl x509 -noout -text -in {shell}"
                        )),
                );
            }
            Item::Certificate(_) => {}
            Item::Malformed { reason } => remarks.push(
                finding(codes::MALFORMED, Severity::Unknown, "has something that should be a certificate and cannot be read")
                    .evidence(reason.clone())
                    .hint(format!(
                        "copy it again from where it comes from, whole and unchanged, then try: openssl x509 -noout -dates -in {shell}"
                    )),
            ),
        }
    }
    if !contents.items.is_empty() {
        if contents.others.contains(&Other::BrokenSeal) {
            remarks.push(of_other(&Other::BrokenSeal, target));
        }
        return;
    }
    for other in &contents.others {
        remarks.push(of_other(other, target));
    }
    if !contents.keys.is_empty() {
        // A key that a pattern brought up is where keys are, beside its certificate.
        let severity = if target.is_named { Severity::Unknown } else { Severity::Info };
        let is_encrypted = contents.keys.contains(&KeyState::Encrypted);
        let what = if is_encrypted { "an encrypted private key" } else { "a private key" };
        remarks.push(
            finding(codes::ONLY_A_KEY, severity, &format!("has {what} and no certificate"))
                .hint("name the file of the certificate; its key is found beside it"),
        );
    }
    if contents.form == Form::Empty {
        remarks.push(finding(codes::EMPTY, Severity::Unknown, "is empty").hint(
            "restore it, or have the certificate issued again; then see whether the disk was full: df -h",
        ));
    } else if remarks.is_empty() {
        remarks.push(
            finding(codes::NO_CERTIFICATE, Severity::Unknown, "has no certificate in it")
                .evidence(match contents.form {
                    Form::Pkcs12 => "an archive (PKCS#12) with nothing in it",
                    Form::Pem => "PEM with other things in it",
                    _ => "neither PEM, DER nor PKCS#12",
                })
                .hint(format!("see what it is: file {shell}")),
        );
    }
}

fn of_other(other: &Other, target: &Target) -> Finding {
    let path = target.path.as_path();
    let shell = quoted(path);
    let name = path.display().to_string();
    let finding = |code: &str, message: &str| Finding::new(code, Severity::Unknown, name.clone(), message);
    match other {
        Other::Request => finding(codes::SOMETHING_ELSE, "has a request for a certificate (CSR) and no certificate")
            .hint("name the file of the certificate that the CA made of it"),
        Other::RevocationList => finding(codes::SOMETHING_ELSE, "has a revocation list and no certificate")
            .hint("name the file of the certificate"),
        Other::PublicKey => finding(codes::SOMETHING_ELSE, "has a public key and no certificate")
            .hint("name the file of the certificate"),
        Other::Section(label) => finding(codes::SOMETHING_ELSE, "has no certificate, but another section of PEM")
            .evidence(label.clone())
            .hint("name the file of the certificate"),
        Other::Pkcs7 => finding(codes::UNSUPPORTED, "is PKCS#7, which servers do not read")
            .hint(format!("unpack it: openssl pkcs7 -print_certs -in {shell} -out certificates.pem (with -inform DER if it is no text)")),
        Other::JavaKeystore => finding(codes::UNSUPPORTED, "is a Java keystore, which is not read here")
            .hint(format!("convert it: keytool -importkeystore -srckeystore {shell} -destkeystore keystore.p12 -deststoretype PKCS12")),
        Other::BareBase64 => finding(codes::UNSUPPORTED, "is base64 without the lines that make it PEM")
            .hint(format!("put them around it: {{ echo '-----BEGIN CERTIFICATE-----'; cat {shell}; echo '-----END CERTIFICATE-----'; }} > certificate.pem")),
        Other::EncryptedArchive => finding(codes::ENCRYPTED_ARCHIVE, "is an archive (PKCS#12) with a password, which is not asked for here")
            .hint(format!("write its certificates to a file that needs none, and check that: openssl pkcs12 -in {shell} -nokeys -out certificates.pem (with -legacy if it is old)")),
        Other::BrokenSeal => finding(codes::UNREADABLE_ARCHIVE, "is an archive (PKCS#12) whose seal (MAC) does not fit: it was altered, or has a password, which is not asked for here")
            .hint(format!("see whether it opens with its password: openssl pkcs12 -in {shell} -noout; if it says `Mac verify error`, have it exported again")),
        Other::UnreadableArchive(why) => finding(codes::UNREADABLE_ARCHIVE, "is an archive (PKCS#12) that cannot be read")
            .evidence(why.clone())
            .hint(format!("let openssl read it, and check what it writes: openssl pkcs12 -in {shell} -nokeys -out certificates.pem (with -legacy if it is old)")),
    }
}
