//! Security events: one vocabulary for both programs, and the forms in which an event leaves them.
//!
//! Names are those of OWASP's Logging Vocabulary where it has one, and of its style elsewhere. [`Kind`] is the table; the
//! page `docs/security-events.md` is made from it. [`Event`] is what happened, with what is known of it; [`journal`] and
//! [`rfc5424`] write it down. Nothing here sends anything.

mod event;
mod form;

use std::fmt::Write as _;

pub use event::Event;
pub use form::{Sender, journal, rfc5424};

/// How bad it is: the severities of RFC 5424, which are journald's priorities as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Priority {
    /// Something does not work.
    Error = 3,
    /// Somebody should look.
    Warning = 4,
    /// Normal, and worth knowing.
    Notice = 5,
    /// Frequent and harmless on its own.
    Info = 6,
}

/// Which part of a system speaks: facilities of RFC 5424.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Facility {
    /// A service about itself.
    Daemon = 3,
    /// Who may do what; readable by few.
    AuthPriv = 10,
}

macro_rules! kinds {
    ($($variant:ident = $name:literal $id:literal $priority:ident $facility:ident: $meaning:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $meaning] $variant,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name, also RFC 5424's MSGID.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// journald's `MESSAGE_ID`: made once by chance, never changed, never used for anything else.
            pub fn message_id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// How bad it is.
            pub fn priority(self) -> Priority {
                match self { $(Self::$variant => Priority::$priority,)* }
            }

            /// Which part of the system speaks.
            pub fn facility(self) -> Facility {
                match self { $(Self::$variant => Facility::$facility,)* }
            }

            /// What it means, as a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

kinds! {
    AuthnLoginFail = "authn_login_fail" "176a96c520944a15b7fa10e06ef2b55f" Warning AuthPriv:
        "A token or an API key was refused.";
    AuthzFail = "authz_fail" "2404770aaa5349469c9942bd904d765e" Warning AuthPriv:
        "A caller is known, and may not do what was asked for.";
    ExcessRateLimitExceeded = "excess_rate_limit_exceeded" "e131b0e179bd407d978c5a3659afe239" Warning AuthPriv:
        "A caller wanted more than its limit.";
    InputValidationFail = "input_validation_fail" "dd554d7a07a64ed9a888d1e927edc5ff" Warning AuthPriv:
        "A request was of a form that no client of good will sends.";
    TlsHandshakeFail = "tls_handshake_fail" "b0062a6cf576450ebaaa092cb7dac95d" Info Daemon:
        "A connection ended before TLS was settled.";
    SysStartup = "sys_startup" "9256139b950b4edd875f8c57df742fab" Notice Daemon:
        "The service serves from now on.";
    SysShutdown = "sys_shutdown" "9d1c19d8c38a4b36871038b47b50330a" Notice Daemon:
        "The service takes no more connections and ends.";
    SysRestart = "sys_restart" "14c6c836c9cb4b0c8472d012770f4d4f" Notice Daemon:
        "The service was restarted, such as for another version.";
    SysReload = "sys_reload" "cd7c9693575141449fcacb37a12eede1" Notice Daemon:
        "A changed configuration is in force.";
    SysReloadRejected = "sys_reload_rejected" "7dbbd09faa3f4cdbbf675fc27301ba65" Error Daemon:
        "A changed configuration is wrong, and the old one goes on.";
    SysInstall = "sys_install" "11247535bbbd43faab71fc5ccc1038e3" Notice AuthPriv:
        "Programs, units and users were put on this host.";
    SysUpgrade = "sys_upgrade" "26ccb33943c6461bab609d6d3c3cf98d" Notice AuthPriv:
        "The installed programs were exchanged for others.";
    SysUninstall = "sys_uninstall" "85e3522236894ec89eb6fc17f9d42def" Notice AuthPriv:
        "What was installed was taken from this host.";
    SensitiveCreate = "sensitive_create" "9b5d4f598b224414927e5e5fce748a35" Notice AuthPriv:
        "Resources of a deployment were made or changed in an account.";
    SensitiveDelete = "sensitive_delete" "51d6846202dc47eea8941e69267aecf6" Notice AuthPriv:
        "Resources of a deployment were removed from an account.";
    CertExpiring = "cert_expiring" "e54c38f751b4496e934bf018fc7d07af" Warning Daemon:
        "A certificate ends sooner than it should have been renewed.";
    CertExpired = "cert_expired" "d050ecf190e34438b7c6f94dc01c3cac" Error Daemon:
        "A certificate is past its end.";
    CertRenewed = "cert_renewed" "12da808ccf9f48b8a4c5a87b8b5b32b8" Notice Daemon:
        "A new certificate is in use.";
    CertRenewalFail = "cert_renewal_fail" "7db3ea85ae164bc9bc0e3162ea8cdd3c" Error Daemon:
        "A certificate was due and could not be renewed.";
    CertReloadRejected = "cert_reload_rejected" "9a3cfe14d2854880addb049570c748fa" Error Daemon:
        "A changed certificate or key cannot be used, and the old pair goes on.";
    KeyPermissionWeak = "key_permission_weak" "5f80dd38ea8a4baca91805ed2671d061" Warning AuthPriv:
        "A private key can be read by everybody or changed by its group.";
}

/// The table of all events, as Markdown, for `docs/security-events.md`.
pub fn reference() -> String {
    let mut out =
        String::from("| event | priority | facility | `MESSAGE_ID` | meaning |\n|---|---|---|---|---|\n");
    for kind in Kind::ALL {
        let priority = match kind.priority() {
            Priority::Error => "error (3)",
            Priority::Warning => "warning (4)",
            Priority::Notice => "notice (5)",
            Priority::Info => "info (6)",
        };
        let facility = match kind.facility() {
            Facility::Daemon => "daemon (3)",
            Facility::AuthPriv => "authpriv (10)",
        };
        // Writing into a string cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {priority} | {facility} | `{}` | {} |",
            kind.name(),
            kind.message_id(),
            kind.meaning()
        );
    }
    out
}

#[cfg(test)]
mod tests;
