//! The account at an authority: made once, kept in a file of mode 0600, and made anew where the authority lost it.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountCredentials, Error, ExternalAccountKey, NewAccount};
use jiff::Timestamp;
use model::host::ExternalAccount;
use model::{Finding, Secret, Severity};

use super::connection::{Connection, Memory};
use super::meaning::{self, Stage};
use super::{Authority, Client};
use crate::disk;
use crate::trouble::{Trouble, codes};

const MODE: u32 = 0o600;

/// The file of the account at this authority. Each has its own, so that trying things at a second one leaves the
/// account at the first.
pub(super) fn file(folder: &Path, directory: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let name: String = directory.trim_start_matches("https://").chars().map(plain).take(120).collect();
    folder.join(format!("acme-account-{name}.json"))
}

/// The account that is kept; none where there is none yet.
pub(super) async fn kept(
    client: &Client<'_>,
    memory: &Memory,
    now: Timestamp,
) -> Result<Option<Account>, Trouble> {
    let path = file(client.place.accounts, client.authority.directory);
    let text = match client.place.disk.read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Trouble::of_file("read", &path, &error)),
        Ok(bytes) => Secret::new(bytes),
    };
    // A key that was damaged on the disk is as good as none. What is in the file is not shown.
    let Ok(credentials) = serde_json::from_slice::<AccountCredentials>(text.expose()) else {
        return Ok(None);
    };
    let builder =
        Account::builder_with_http(Box::new(Connection::new(client.authority.ca_path, memory.clone())?));
    match builder.from_credentials(credentials).await {
        Ok(account) => Ok(Some(account)),
        Err(Error::KeyRejected) => Ok(None),
        Err(error) => {
            Err(meaning::trouble(&error, Stage::Account, &[], &client.authority, &memory.last(), now))
        }
    }
}

/// The account that is kept, or a new one.
pub(super) async fn kept_or_new(
    client: &mut Client<'_>,
    memory: &Memory,
    now: Timestamp,
) -> Result<Account, Trouble> {
    match kept(client, memory, now).await? {
        Some(account) => Ok(account),
        None => make(client, memory, now).await,
    }
}

/// Makes a new account, and keeps it before it is used.
pub(super) async fn make(
    client: &mut Client<'_>,
    memory: &Memory,
    now: Timestamp,
) -> Result<Account, Trouble> {
    let Authority { directory, email, external_account, ca_path, .. } = client.authority;
    let binding = external_account.map(|external| {
        super::external_key(external)
            .map(|key| ExternalAccountKey::new(external.key_id.clone(), key.expose()))
    });
    let binding = binding.transpose()?;
    let contact = email.map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let new = NewAccount { contact: &contact, terms_of_service_agreed: true, only_return_existing: false };
    let builder = Account::builder_with_http(Box::new(Connection::new(ca_path, memory.clone())?));
    let (account, credentials) =
        builder.create(&new, directory.to_owned(), binding.as_ref()).await.map_err(|error| {
            meaning::trouble(&error, Stage::Account, &[], &client.authority, &memory.last(), now)
        })?;
    let path = file(client.place.accounts, directory);
    let text = serde_json::to_vec(&credentials).map_err(|error| Trouble::of_file("write", &path, &error))?;
    disk::replace(client.place.disk, &path, &text, MODE, None)
        .map_err(|error| Trouble::of_file("write", &path, &error))?;
    Ok(account)
}

/// The authority does not know the account any more: another takes its place.
pub(super) async fn replace_lost(
    client: &mut Client<'_>,
    memory: &Memory,
    cause: &str,
    now: Timestamp,
) -> Result<Account, Trouble> {
    let account = make(client, memory, now).await?;
    client.findings.push(
        Finding::new(
            codes::ACCOUNT_ANEW,
            Severity::Info,
            client.authority.directory,
            "the authority did not know the account any more; a new one was made",
        )
        .evidence(cause.to_owned()),
    );
    Ok(account)
}

/// The key of an external account, from a file that nobody else can read.
pub(super) fn external_key(external: &ExternalAccount) -> Result<Secret<Vec<u8>>, Trouble> {
    let path = Path::new(&external.hmac_path);
    let refused = |why: String| {
        Trouble::new(
            codes::EXTERNAL_ACCOUNT,
            &external.hmac_path,
            format!("the key of the external account cannot be used: {why}"),
        )
        .hint(format!(
            "put the HMAC key that the authority gave you there, base64url, one line: install -m 600 /dev/stdin {}",
            external.hmac_path
        ))
    };
    let mode = std::fs::metadata(path).map_err(|error| refused(error.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(refused(format!("others can read it (mode {:04o})", mode & 0o7777)));
    }
    let text = Secret::new(disk::read(path).map_err(|error| refused(error.to_string()))?);
    let key = base64url(text.expose()).ok_or_else(|| refused("it is not base64url".to_owned()))?;
    if key.expose().is_empty() {
        return Err(refused("it is empty".to_owned()));
    }
    Ok(key)
}

/// Decodes base64url, with or without padding, as authorities show their keys; some show the other alphabet.
fn base64url(text: &[u8]) -> Option<Secret<Vec<u8>>> {
    use base64::Engine as _;
    use base64::alphabet::URL_SAFE;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let one = |byte: &u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        byte => *byte,
    };
    let text = Secret::new(text.trim_ascii().iter().map(one).collect::<Vec<u8>>());
    GeneralPurpose::new(&URL_SAFE, lenient).decode(text.expose()).ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_external_accounts_are_decoded() {
        let decode = |text: &str| base64url(text.as_bytes()).map(|key| key.expose().clone());
        assert_eq!(decode("aGk_LXg\n"), Some(b"hi?-x".to_vec()));
        assert_eq!(decode("aGk/LXg="), Some(b"hi?-x".to_vec()));
        assert_eq!(decode(""), Some(Vec::new()));
        assert_eq!(decode("a b"), None);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hmac");
        let external = ExternalAccount { key_id: "kid".to_owned(), hmac_path: path.display().to_string() };
        let code = |external: &ExternalAccount| external_key(external).unwrap_err().finding.code.clone();
        assert_eq!(code(&external), codes::EXTERNAL_ACCOUNT);
        std::fs::write(&path, "c2VjcmV0LWtleQ!").unwrap();
        assert_eq!(code(&external), codes::EXTERNAL_ACCOUNT);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let trouble = external_key(&external).unwrap_err();
        assert!(!format!("{trouble:?}").contains("c2VjcmV0"), "{trouble:?}");
        std::fs::write(&path, "c2VjcmV0LWtleQ").unwrap();
        assert_eq!(external_key(&external).unwrap().expose(), b"secret-key");
    }

    #[test]
    fn each_authority_has_its_file() {
        let name = |url| file(Path::new("/s"), url).display().to_string();
        assert_eq!(
            name("https://acme-v02.api.letsencrypt.org/directory"),
            "/s/acme-account-acme-v02.api.letsencrypt.org-directory.json"
        );
        assert_eq!(name("https://ca.example.com/../x"), "/s/acme-account-ca.example.com-..-x.json");
    }
}
