//! Guides for the user pool and what lies in it.

use model::guide::Entry;
use model::plan::{Fields, StepId};

use super::{Guide, clicks, is_true, items, page, tag_entries, text};
use crate::steps::{Context, Want};

fn pools(cx: &Context<'_>) -> String {
    page(cx.region, &format!("cognito/v2/idp/user-pools?region={}", cx.region))
}

/// A page of the deployment's own pool.
fn of_pool(cx: &Context<'_>, place: &str) -> String {
    let pool = cx.known(StepId::UserPool, "id").unwrap_or_default();
    page(cx.region, &format!("cognito/v2/idp/user-pools/{pool}/{place}?region={}", cx.region))
}

/// The clicks from the list of pools.
fn in_pool<const N: usize>(cx: &Context<'_>, words: [&str; N]) -> Vec<String> {
    let pool = cx.known(StepId::UserPool, "id").unwrap_or_default();
    let mut path = vec!["Amazon Cognito".to_owned(), "User pools".to_owned(), pool];
    path.extend(words.map(str::to_owned));
    path
}

pub(crate) fn user_pool(cx: &Context<'_>, want: &Want) -> Guide {
    const PASSWORDS: &str = "Authentication > Authentication methods > Password policy > Edit";
    const MFA: &str = "Authentication > Sign-in > Multi-factor authentication > Edit > MFA enforcement";
    const SIGN_UP: &str = "Authentication > Sign-up > Self-service sign-up > Edit > Self-registration";
    const PROTECTION: &str = "Settings > Deletion protection";
    let mfa = match text(want, "mfa").as_str() {
        "required" => "Require MFA",
        "optional" => "Optional MFA",
        _ => "No MFA",
    };
    let classes = if is_true(want, "password_all_classes") {
        "numbers, special characters, uppercase letters, lowercase letters"
    } else {
        "(none)"
    };
    let self_registration = if is_true(want, "admin_create_user_only") { "off" } else { "on" };
    let protection = if is_true(want, "deletion_protection") { "Activate" } else { "Deactivate" };
    let mut values = vec![
        Entry::new("Application type", "Machine-to-machine application"),
        Entry::new("Name your application", "setup")
            .note("the Console makes a pool only together with an app client; that one goes again below"),
        Entry::new("Overview > Rename > User pool name", &want.name).note("after Create user directory"),
        Entry::new("Applications > App clients > setup", "Delete"),
        Entry::new("Branding > Domain > Actions", "Delete Cognito domain")
            .note("where the Console made one; a resource server that it made does no harm"),
        Entry::new(format!("{PASSWORDS} > Password minimum length"), text(want, "password_minimum_length"))
            .note("Password policy mode: Custom"),
        Entry::new(format!("{PASSWORDS} > Password requirements"), classes),
        Entry::new(MFA, mfa).note("MFA methods: Authenticator apps"),
        Entry::new(SIGN_UP, self_registration),
        Entry::new(PROTECTION, protection),
    ];
    values.extend(tag_entries(cx, StepId::UserPool));
    Guide {
        title: format!("Create user pool {}", want.name),
        console: pools(cx),
        path: clicks(["Amazon Cognito", "User pools", "Create user pool"]),
        values,
        finds: format!("by its name {}; where several have it, by the tags (Settings > Tags)", want.name),
        fixes: vec![
            ("deletion_protection", PROTECTION.to_owned()),
            ("admin_create_user_only", SIGN_UP.to_owned()),
            ("password_minimum_length", PASSWORDS.to_owned()),
            ("password_all_classes", PASSWORDS.to_owned()),
            ("mfa", MFA.to_owned()),
        ],
        more: Fields::new(),
    }
}

pub(crate) fn resource_server(cx: &Context<'_>, want: &Want) -> Guide {
    let identifier = text(want, "identifier");
    let mut values = vec![
        Entry::new("Resource server name", &identifier),
        Entry::new("Resource server identifier", &identifier),
    ];
    values.extend(items(want, "scopes").into_iter().map(|scope| {
        Entry::new("Custom scopes > Add custom scope > Scope name", scope)
            .note("Description: the same word; the Console wants one")
    }));
    Guide {
        title: format!("Create resource server {identifier}"),
        console: of_pool(cx, "branding/domain"),
        path: in_pool(cx, ["Branding", "Domain", "Resource servers", "Create resource server"]),
        values,
        finds: format!("by its identifier {identifier} in the pool"),
        fixes: vec![
            ("identifier", "it cannot be changed: delete the resource server and create it again".to_owned()),
            ("scopes", format!("Branding > Domain > Resource servers > {identifier} > Edit > Custom scopes")),
        ],
        more: Fields::new(),
    }
}

pub(crate) fn app_client(cx: &Context<'_>, want: &Want) -> Guide {
    let name = &want.name;
    let information = format!("Applications > App clients > {name} > Edit");
    let login = format!("Applications > App clients > {name} > Login pages > Edit");
    Guide {
        title: format!("Create app client {name}"),
        console: of_pool(cx, "applications/app-clients"),
        path: in_pool(cx, ["Applications", "App clients", "Create app client"]),
        values: vec![
            Entry::new("Application type", "Machine-to-machine application"),
            Entry::new("Name your application", name),
            Entry::new(
                format!("{information} > Access token expiration (minutes)"),
                text(want, "access_token_minutes"),
            )
            .note("after Create app client"),
            Entry::new(format!("{login} > OAuth 2.0 grant types"), "Client credentials").note("and no other"),
            Entry::new(format!("{login} > Custom scopes"), items(want, "scopes").join(", "))
                .note("and no other; the secret stays in Cognito and is never asked for"),
        ],
        finds: format!("by its name {name} in the pool"),
        fixes: vec![
            ("scopes", format!("{login} > Custom scopes")),
            ("access_token_minutes", format!("{information} > Access token expiration")),
            (
                "client_credentials_only",
                format!("{login} > OAuth 2.0 grant types: Client credentials and no other"),
            ),
        ],
        more: Fields::new(),
    }
}

pub(crate) fn domain(cx: &Context<'_>, want: &Want) -> Guide {
    let prefix = text(want, "prefix");
    Guide {
        title: format!("Create Cognito domain {prefix}"),
        console: of_pool(cx, "branding/domain"),
        path: in_pool(cx, ["Branding", "Domain", "Actions", "Create Cognito domain"]),
        values: vec![
            Entry::new("Cognito domain", &prefix).note("only the prefix; the Console adds the rest"),
            Entry::new("Branding version", "Hosted UI (classic)")
                .note("either will do: machines see no page"),
        ],
        finds: format!("as the domain {prefix} of the pool"),
        fixes: vec![(
            "prefix",
            "Branding > Domain > Actions > Delete Cognito domain, then create it with the right prefix"
                .to_owned(),
        )],
        more: Fields::new(),
    }
}
