//! Which names may name a file, and which files answer a challenge.

use std::{fs, os::unix::fs::symlink};

use proptest::prelude::*;
use rcgen::CustomExtension;

use super::*;
use crate::tls::testing::{Authority, challenge, challenge_with};

const HOST: &str = "api.example.com";

/// What happens to a challenge about [`HOST`] with this text in its file.
fn answered(text: &[u8]) -> Result<ServerConfig, Unanswered> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("api.example.com.pem"), text).unwrap();
    ask(folder.path(), HOST)
}

fn ask(folder: &Path, name: &str) -> Result<ServerConfig, Unanswered> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    answer(folder, &Name::parse(name).unwrap(), provider)
}

#[test]
fn a_challenge_is_answered_with_its_own_protocol_and_no_other() {
    let config = answered(challenge(HOST).as_bytes()).unwrap();
    assert_eq!(config.alpn_protocols, [PROTOCOL.to_vec()]);
    // The key may stand first, and the name be written in any case.
    let text = challenge("API.Example.com");
    let at = text.find("-----BEGIN PRIVATE").unwrap();
    assert!(answered(format!("{}{}", &text[at..], &text[..at]).as_bytes()).is_ok());
}

#[test]
fn nothing_else_is_shown_to_an_authority() {
    let served = Authority::new().issue();
    let whole = challenge(HOST);
    let (first, second) = (challenge(HOST), challenge(HOST));
    let key_of = |text: &str| text[text.find("-----BEGIN PRIVATE").unwrap()..].to_owned();
    let swapped = format!("{}{}", first.replace(&key_of(&first), ""), key_of(&second));
    let not_critical = challenge_with(HOST, |params| {
        params.custom_extensions = vec![CustomExtension::from_oid_content(
            &[1, 3, 6, 1, 5, 5, 7, 1, 31],
            [&[4, 32][..], &[7; 32]].concat(),
        )];
    });
    let two_names = challenge_with(HOST, |params| {
        params.subject_alt_names.push(rcgen::SanType::DnsName("www.example.com".try_into().unwrap()));
    });
    for (what, text) in [
        ("no acmeIdentifier", format!("{}{}", served.certificate, served.key)),
        ("not critical", not_critical),
        ("not for this name", challenge("www.example.com")),
        ("not for this name", two_names),
        ("does not belong", swapped),
        ("no private key", first.replace(&key_of(&first), "")),
        ("no certificate", key_of(&first)),
        ("no certificate", String::new()),
        ("too large", format!("{whole}{}", "#".repeat(64 * 1024))),
    ] {
        let error = answered(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
        assert!(!error.contains("PRIVATE"), "{error}");
    }
    // Cut off anywhere.
    for end in (0..whole.len() - 2).step_by(29) {
        assert!(answered(&whole.as_bytes()[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn only_regular_files_of_the_folder_itself_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("elsewhere"), challenge(HOST)).unwrap();
    symlink(path("elsewhere"), path("api.example.com.pem")).unwrap();
    assert!(matches!(ask(folder.path(), HOST), Err(Unanswered::Unreadable(_))));
    fs::create_dir(path("folder.example.com.pem")).unwrap();
    assert!(matches!(ask(folder.path(), "folder.example.com"), Err(Unanswered::Unreadable(_))));
    // A pipe is not waited for.
    rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe.example.com.pem"), Mode::from_raw_mode(0o600)).unwrap();
    assert!(matches!(ask(folder.path(), "pipe.example.com"), Err(Unanswered::Unreadable(_))));
    assert!(matches!(ask(folder.path(), "absent.example.com"), Err(Unanswered::Absent)));
    assert!(matches!(ask(&path("no folder"), HOST), Err(Unanswered::Absent)));
}

#[test]
fn names_are_those_of_hosts() {
    let long = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(59));
    assert_eq!(long.len(), LONGEST_NAME);
    for good in
        ["localhost", "API.example.com", "xn--bcher-kva.example", "_acme.x", "1.2.0.192.in-addr.arpa", &long]
    {
        assert_eq!(Name::parse(good).map(|name| name.0), Some(good.to_ascii_lowercase()), "{good}");
    }
    let longer = format!("{long}d");
    for bad in [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-",
        "a b",
        "a\0b",
        "a\nb",
        "*.a",
        "bücher.example",
        "%2e%2e",
        "a:b",
        &"a".repeat(64),
        &longer,
    ] {
        assert_eq!(Name::parse(bad), None, "{bad:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever a client calls itself, the file is one of the folder, and never another name's.
    #[test]
    fn a_name_never_leaves_its_folder(text in r"[\PC./\\:%*\x00-\x20A-Za-z0-9_-]{0,80}|[a-cA-C.-]{0,12}|[^\x00]{0,300}") {
        if let Some(name) = Name::parse(&text) {
            let path = Path::new("/folder").join(name.file());
            prop_assert_eq!(path.parent(), Some(Path::new("/folder")));
            let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
            prop_assert_eq!(file, format!("{}.pem", text.to_ascii_lowercase()));
            prop_assert!(file.len() <= 255 && !file.starts_with('.') && file.is_ascii());
            prop_assert_eq!(Name::parse(name.as_str()), Some(name));
        }
    }
}
