//! Who made a certificate, told from where it lies and from who signed it. Decides the advice, and nothing else.

use std::path::Path;

use crate::cert::facts::{Certificate, Source};

/// Parts of the issuer's name of CAs that issue by ACME only, or nearly so.
const ACME: [&str; 6] = [
    "Let's Encrypt",
    "(STAGING) Let",
    "ZeroSSL",
    "Google Trust Services",
    "Buypass",
    "O=Internet Security Research Group",
];

/// Parts of the issuer's name of CAs that sell certificates.
const COMMERCIAL: [&str; 20] = [
    "DigiCert",
    "GeoTrust",
    "Thawte",
    "RapidSSL",
    "Sectigo",
    "COMODO",
    "USERTRUST",
    "GlobalSign",
    "Entrust",
    "GoDaddy",
    "Go Daddy",
    "Starfield",
    "SSL.com",
    "SSL Corp",
    "Certum",
    "Asseco",
    "QuoVadis",
    "SwissSign",
    "IdenTrust",
    "Actalis",
];

/// Where the certificate comes from, as far as can be told. `path` is where it lies; `target` what it is a symbolic
/// link to, if it is one.
pub(crate) fn guess(path: &Path, target: Option<&Path>, leaf: Option<&Certificate>) -> Source {
    let lineage = lineage(path).or_else(|| lineage(target?));
    if let Some(name) = lineage {
        return Source::Certbot { name };
    }
    let Some(leaf) = leaf else { return Source::Unknown };
    let issuer = leaf.issuer.as_str();
    if ACME.iter().any(|part| issuer.contains(part)) {
        Source::Acme
    } else if issuer.contains("O=Amazon") || issuer.contains("Amazon Trust Services") {
        // What Amazon issues is in a file only if it was exported there.
        Source::AcmExportable
    } else if COMMERCIAL.iter().any(|part| issuer.contains(part)) {
        Source::Commercial
    } else if leaf.is_self_issued() {
        Source::Private
    } else {
        Source::Unknown
    }
}

/// The lineage of a path `…/live/NAME/FILE.pem` or `…/archive/NAME/FILE1.pem`.
pub(super) fn lineage(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let stem = file.strip_suffix(".pem")?.trim_end_matches(|c: char| c.is_ascii_digit());
    let folder = path.parent()?;
    let above = folder.parent()?.file_name()?.to_str()?;
    let is_certbot =
        matches!(above, "live" | "archive") && matches!(stem, "fullchain" | "cert" | "chain" | "privkey");
    is_certbot.then(|| folder.file_name().map(|name| name.to_string_lossy().into_owned())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lineage_is_told_by_its_layout() {
        let of = |path: &str| lineage(Path::new(path));
        assert_eq!(of("/etc/letsencrypt/live/a.example.com/fullchain.pem").as_deref(), Some("a.example.com"));
        assert_eq!(of("../../archive/a.example.com/fullchain12.pem").as_deref(), Some("a.example.com"));
        assert_eq!(of("/etc/letsencrypt/live/README"), None);
        assert_eq!(of("/srv/live/www/site.pem"), None);
        assert_eq!(of("fullchain.pem"), None);
    }
}
