//! What people name by mistake: each has a code, and never looks like a certificate that is well.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use checks::cert::facts::{Item, KeyState, Material};
use checks::cert::read::{LARGEST_FILE, check_files, items, material};
use checks::{CheckResult, Status};
use model::Severity::{Info, Unknown};

use crate::support::{Folder, certificates, der, judge, openssl, pair, remarks, text};

/// What is known of a file, or a failure if that takes longer than anything here may take.
fn quick(path: &Path) -> Material {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    std::thread::spawn(move || {
        let found = material(&path);
        // Nobody listens any more where it took too long.
        drop(sender.send(Box::new(found)));
    });
    *receiver.recv_timeout(Duration::from_secs(5)).expect("it is read at once")
}

/// Row 9 of the edge cases: all of these hold the certificate.
#[test]
fn noise_does_not_hide_a_certificate() {
    let (pem, key) = pair("www.example.com");
    let trusted = {
        let folder = Folder::new();
        let (from, to) = (folder.write("a.pem", &pem), folder.path("b.pem"));
        openssl(&["x509", "-in", &text(&from), "-trustout", "-addtrust", "serverAuth", "-out", &text(&to)]);
        std::fs::read_to_string(to).unwrap()
    };
    assert!(trusted.contains("TRUSTED"));
    let noisy = [
        format!("\u{feff}{pem}"),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\r"),
        format!("issuer=/CN=a\n{pem}\nand more\n"),
        pem.replace("CERTIFICATE", "X509 CERTIFICATE"),
        trusted,
        format!("{key}{pem}"),
        pem.trim_end().to_owned(),
    ];
    for text in noisy {
        let contents = items(text.as_bytes());
        let [Item::Certificate(certificate)] = contents.items.as_slice() else {
            panic!("{text}: {contents:?}")
        };
        assert_eq!(certificate.dns_names, ["www.example.com"]);
        assert_eq!((&*certificate.der, &certificate.oddities), (der(&pem).as_slice(), &Vec::new()));
    }
    let bytes = der(&pem);
    let contents = items(&bytes);
    assert!(matches!(contents.items.as_slice(), [Item::Certificate(_)]));
    let contents = items(&[bytes.as_slice(), b"\n"].concat());
    let [Item::Certificate(certificate)] = contents.items.as_slice() else { panic!("{contents:?}") };
    assert_eq!(certificate.oddities, ["1 bytes behind the certificate"]);
    let contents = items(&[bytes.as_slice(), &bytes].concat());
    assert!(matches!(contents.items.as_slice(), [Item::Certificate(_), Item::Certificate(_)]));
}

#[test]
fn a_chain_keeps_its_order_and_a_broken_part_hides_no_other() {
    let (one, two) = (pair("one.example.com").0, pair("two.example.com").0);
    let cut: String = one.chars().take(300).collect();
    let folder = Folder::new();
    let path = folder.write("chain.pem", format!("{two}{cut}\n{one}"));
    let material = material(&path);
    let names: Vec<_> = certificates(&material).iter().map(|found| found.dns_names[0].clone()).collect();
    assert_eq!(names, ["two.example.com", "one.example.com"]);
    let Item::Malformed { reason } = &material.items[1] else { panic!("{material:?}") };
    assert!(reason.ends_with("has no END line before the next BEGIN"), "{reason}");
    assert_eq!(remarks(&material), [("SRE-TLS-055", Unknown)]);
}

#[test]
fn what_is_no_certificate_says_what_it_is() {
    let (pem, key) = pair("www.example.com");
    let folder = Folder::new();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let request = {
        let (from, to) = (folder.write("r.key", &key), folder.path("r.csr"));
        openssl(&["req", "-new", "-key", &text(&from), "-subj", "/CN=a", "-out", &text(&to)]);
        std::fs::read(to).unwrap()
    };
    let pkcs7 = {
        let (from, to) = (folder.write("r.pem", &pem), folder.path("r.p7b"));
        openssl(&["crl2pkcs7", "-nocrl", "-certfile", &text(&from), "-outform", "DER", "-out", &text(&to)]);
        std::fs::read(to).unwrap()
    };
    let cut: String = pem.chars().take(300).collect();
    for (content, code) in [
        (Vec::new(), "SRE-TLS-046"),
        (b" \r\n\n".to_vec(), "SRE-TLS-046"),
        (b"hello".to_vec(), "SRE-TLS-047"),
        (vec![0x30, 0x82, 0xff], "SRE-TLS-055"),
        ((0..=255).cycle().take(5000).collect(), "SRE-TLS-047"),
        (vec![0; 4096], "SRE-TLS-047"),
        (key.clone().into_bytes(), "SRE-TLS-048"),
        (request, "SRE-TLS-049"),
        (b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n".to_vec(), "SRE-TLS-049"),
        (b"-----BEGIN SOMETHING-----\nMAA=\n-----END SOMETHING-----\n".to_vec(), "SRE-TLS-049"),
        (b"-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n".to_vec(), "SRE-TLS-047"),
        (pkcs7, "SRE-TLS-050"),
        (vec![0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2], "SRE-TLS-050"),
        (base64.into_bytes(), "SRE-TLS-050"),
        (cut.into_bytes(), "SRE-TLS-055"),
        (der(&pem)[..200].to_vec(), "SRE-TLS-055"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_vec(), "SRE-TLS-055"),
        (pem.replace("-----END", "----END").into_bytes(), "SRE-TLS-055"),
        (pem.replace("-----BEGIN", "----BEGIN").into_bytes(), "SRE-TLS-055"),
        (pem.replace('\n', " ").into_bytes(), "SRE-TLS-055"),
        (pem.replace('\n', "\\n").into_bytes(), "SRE-TLS-055"),
    ] {
        let path = folder.write("file.pem", &content);
        let found = quick(&path);
        assert_eq!(remarks(&found), [(code, Unknown)], "{}", content.escape_ascii());
        assert!(certificates(&found).is_empty());
        let remark = &found.remarks[0];
        assert!(remark.hint.is_some() && remark.subject == text(&path), "{remark:?}");
        assert_eq!(judge(&found).status, Status::Unknown);
    }
}

#[test]
fn an_encrypted_key_is_told_from_a_plain_one() {
    let (_, key) = pair("www.example.com");
    let folder = Folder::new();
    let plain = text(&folder.write("plain.pem", &key));
    for arguments in [["pkcs8", "-topk8"], ["ec", "-aes256"]] {
        let to = folder.path("encrypted.pem");
        openssl(&[&arguments[..], &["-in", &plain, "-passout", "pass:secret", "-out", &text(&to)]].concat());
        let found = quick(&to);
        assert_eq!(remarks(&found), [("SRE-TLS-048", Unknown)]);
        assert_eq!(found.remarks[0].message, "has an encrypted private key and no certificate");
    }
}

#[test]
fn what_is_no_file_is_never_waited_for_and_never_read() {
    let folder = Folder::new();
    let pipe = folder.path("pipe.pem");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .expect("mkfifo is there (Debian: apt-get install coreutils)")
            .success()
    );
    let socket = folder.path("socket.pem");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let large = folder.path("large.pem");
    File::create(&large).unwrap().set_len(100 * 1024 * 1024).unwrap();
    let limit = folder.path("limit.pem");
    File::create(&limit).unwrap().set_len(LARGEST_FILE).unwrap();
    let dangling = folder.link("dangling.pem", "nowhere.pem");
    let circle = folder.link("circle.pem", "circle.pem");
    for (path, code) in [
        (pipe.as_path(), "SRE-TLS-043"),
        (&socket, "SRE-TLS-043"),
        (Path::new("/dev/zero"), "SRE-TLS-043"),
        (&folder.path(""), "SRE-TLS-043"),
        (&large, "SRE-TLS-044"),
        (&limit, "SRE-TLS-047"),
        (&dangling, "SRE-TLS-041"),
        (&circle, "SRE-TLS-045"),
        (&folder.path("none.pem"), "SRE-TLS-040"),
        (&folder.path("limit.pem/below.pem"), "SRE-TLS-040"),
    ] {
        let found = quick(path);
        assert_eq!(remarks(&found), [(code, Unknown)], "{}: {found:?}", path.display());
        assert!(found.remarks[0].hint.is_some());
    }
}

/// One bad file has no say in what becomes of the others.
#[test]
fn bad_files_between_good_ones_lose_none() {
    let folder = Folder::new();
    let mut wanted = Vec::new();
    for number in 0..200 {
        let name = format!("{number:03}.pem");
        let path = match number % 4 {
            0 => folder.write(&name, pair(&name).0),
            1 => folder.write(&name, "garbage"),
            2 => folder.link(&name, "nowhere"),
            _ => folder.write(&name, ""),
        };
        wanted.push((text(&path), if number % 4 == 0 { Status::Ok } else { Status::Unknown }));
    }
    for threads in [1, 3, 64] {
        let results: Vec<CheckResult> = check_files(&[text(&folder.path("*.pem"))], threads, &judge);
        let found: Vec<_> = results.into_iter().map(|result| (result.subject.name, result.status)).collect();
        assert_eq!(found, wanted);
    }
}

/// The test runs as root in places, who may read everything; so a child that is nobody asks.
#[test]
fn what_this_user_must_not_read_is_said_with_mode_and_owner() {
    if let Some(asked) =
        std::env::args().find_map(|word| word.strip_prefix("--skip=ask:").map(ToOwned::to_owned))
    {
        return answer(&asked);
    }
    let folder = Folder::new();
    let closed = folder.write("closed/fullchain.pem", pair("www.example.com").0);
    let open = folder.write("open.pem", pair("www.example.com").0);
    let (key_pem, key) = pair("key.example.com");
    let beside = folder.write("beside.crt", key_pem);
    let shut = folder.write("beside.key", key);
    let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    set(&folder.path(""), 0o755);
    set(&open, 0o000);
    set(&shut, 0o600);
    set(closed.parent().unwrap(), 0o700);
    let asked: Vec<String> = [
        &closed,
        &open,
        &beside,
        &folder.path("closed"),
        &folder.path("closed/*.pem"),
        &folder.path("*.pem"),
    ]
    .iter()
    .map(|path| text(path))
    .collect();
    let said = as_nobody("bad_input::what_this_user_must_not_read_is_said_with_mode_and_owner", &asked);
    set(closed.parent().unwrap(), 0o755);
    let lines = said.as_slice();
    let denied = |line: &String| line.contains("SRE-TLS-042 Unknown");
    assert_eq!(lines.len(), 6, "{said:?}");
    assert!(denied(&lines[0]) && lines[0].contains("closed/fullchain.pem"), "{said:?}");
    assert!(denied(&lines[1]) && lines[1].contains("mode 0000, user "), "{said:?}");
    assert!(lines[2].contains("1 certificates") && lines[2].contains("permission denied 600"), "{said:?}");
    assert!(denied(&lines[3]) && denied(&lines[4]) && denied(&lines[5]), "{said:?}");
}

/// What the child prints.
fn answer(asked: &str) {
    for pattern in asked.split('|') {
        for target in checks::cert::read::expand(pattern) {
            let found = checks::cert::read::of_target(&target);
            let key = found.key.as_ref().map(|key| match &key.key {
                KeyState::Unreadable(why) => format!("{why} {:o}", key.access.unwrap().mode),
                other => format!("{other:?}"),
            });
            let evidence = found.remarks.first().and_then(|remark| remark.evidence.clone());
            let remarks: Vec<_> =
                found.remarks.iter().map(|remark| format!("{} {:?}", remark.code, remark.severity)).collect();
            println!(
                "said: {} {} {} certificates {} {}",
                found.subject.name,
                remarks.join(" "),
                certificates(&found).len(),
                key.unwrap_or_default(),
                evidence.unwrap_or_default(),
            );
        }
    }
}

/// Runs a test of this program as a user without rights, and gives what it said about these patterns.
fn as_nobody(test: &str, asked: &[String]) -> Vec<String> {
    let program = std::env::current_exe().unwrap();
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let folder = Folder::new();
    std::fs::set_permissions(folder.path(""), Permissions::from_mode(0o755)).unwrap();
    // Where programs are built others may not look.
    let copy = folder.path("test");
    std::fs::copy(program, &copy).unwrap();
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        command
    } else {
        Command::new(&copy)
    };
    command.args([
        test,
        "--exact",
        "--nocapture",
        "--test-threads=1",
        &format!("--skip=ask:{}", asked.join("|")),
    ]);
    let output = command.output().expect("setpriv is installed (Debian: apt-get install util-linux)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().filter_map(|line| Some(line.split_once("said: ")?.1.to_owned())).collect()
}

#[test]
fn a_key_is_only_a_note_where_a_pattern_brought_it_up() {
    let folder = Folder::new();
    let (pem, key) = pair("www.example.com");
    folder.write("site.pem", pem);
    folder.write("site-key.pem", key);
    let found = folder.expand(&["*.pem"]);
    assert_eq!(found[0].0, "site-key.pem");
    assert_eq!(remarks(&found[0].1), [("SRE-TLS-048", Info)]);
    assert!(remarks(&found[1].1).is_empty());
    assert!(matches!(found[1].1.key.as_ref().unwrap().key, KeyState::Public(_)));
    assert_eq!(remarks(&folder.expand(&["site-key.pem"])[0].1), [("SRE-TLS-048", Unknown)]);
}

#[test]
fn the_hint_for_a_bare_name_is_a_command() {
    let material = checks::cert::read::material(std::path::Path::new("there-is-none.pem"));
    assert_eq!(material.remarks[0].hint.as_deref(), Some("look for it: ls -la ."));
}
