//! From the document to [`Config`]: one function for each section, in the order of the file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use model::{
    Region,
    document::{Flaw, Node, Place, Problem, Value, codes as common, shown},
};

use super::{
    ApiKey, Auth, ClientAuth, Config, Cors, Facts, Issuer, Listen, Requests, Thinking, Timeouts, Tls,
    TlsVersion, codes, grammar,
    models::models,
    reader::{Found, Reader, Section},
    stores,
    upstreams::upstreams,
};

/// Version of the format that this program reads.
const VERSION: u64 = 1;

/// Where the files are that the document names, for problems that only show when they are read.
pub(super) type Places = BTreeMap<String, Place>;

/// The whole document.
pub(super) fn config(reader: &mut Reader, root: Node, facts: &Facts<'_>) -> Option<(Config, Places)> {
    let mut file = reader.section(Found::document(root))?;
    let mut places = Places::new();
    let version = reader.value(&mut file, "version").and_then(|found| version(reader, found));
    let tls = match file.take("tls") {
        Some(found) => tls(reader, found, facts, &mut places).map(Some),
        None => Some(None),
    };
    let listen = listen(reader, &mut file, matches!(tls, Some(None)));
    let auth = auth(reader, &mut file);
    let upstreams = upstreams(reader, &mut file, facts);
    let models = models(reader, &mut file, upstreams.as_ref());
    let requests = requests(reader, &mut file);
    let limits = stores::limits(reader, &mut file, facts);
    let ledger = stores::ledger(reader, &mut file, facts, &mut places);
    let timeouts = timeouts(reader, &mut file);
    let cors = cors(reader, &mut file);
    let telemetry = super::telemetry::telemetry(reader, &mut file);
    version?;
    let upstreams =
        upstreams?.into_iter().map(|(name, upstream)| Some((name, upstream?))).collect::<Option<_>>()?;
    let config = Config {
        listen: listen?,
        tls: tls?,
        auth: auth?,
        upstreams,
        models: models?,
        requests: requests?,
        limits: limits?,
        ledger: ledger?,
        timeouts: timeouts?,
        cors: cors?,
        telemetry: telemetry?,
    };
    Some((config, places))
}

/// The only version there is. A newer one is named as such, since its other problems may be none.
fn version(reader: &mut Reader, found: Found) -> Option<u64> {
    if let Value::Scalar(scalar) = &found.node.value
        && scalar.text.parse().is_ok_and(|number: u64| number > VERSION)
    {
        let message = format!("this program reads version {VERSION}, not {}", shown(&scalar.text));
        let problem = Problem::error(common::NEWER_VERSION, &found.place, message);
        reader.report(problem.suggestion(format!("use a newer program, or write `version: {VERSION}`")));
        return None;
    }
    reader.integer(found)
}

fn listen(reader: &mut Reader, file: &mut Section, is_plain: bool) -> Option<Listen> {
    let mut section = reader.subsection(file, "listen")?;
    let found = reader.value(&mut section, "address");
    let place = found.as_ref().map(|found| found.place.clone());
    let address = found.and_then(|found| reader.parsed(found, grammar::address));
    if let (Some(address), Some(place)) = (address, place)
        && is_plain
        && !address.ip().is_loopback()
    {
        let message = format!("without `tls`, {address} would serve tokens and prompts in the clear");
        reader.report(
            Problem::error(codes::PLAIN_HTTP, &place, message)
                .suggestion("give `tls.cert_path` and `tls.key_path`, or listen on 127.0.0.1:8080"),
        );
    }
    let max_connections =
        reader.value(&mut section, "max_connections").and_then(|found| reader.integer(found));
    let drain = reader.value(&mut section, "drain").and_then(|found| reader.duration(found));
    Some(Listen { address: address?, max_connections: max_connections?, drain: drain? })
}

/// A path, from the folder of the file where it is not absolute.
pub(super) fn path(reader: &mut Reader, found: Found, facts: &Facts<'_>) -> Option<std::path::PathBuf> {
    reader.text(found).map(|text| facts.folder.join(Path::new(&text)))
}

fn tls(reader: &mut Reader, found: Found, facts: &Facts<'_>, places: &mut Places) -> Option<Tls> {
    let mut section = reader.section(found)?;
    let mut file = |reader: &mut Reader, section: &mut Section, name: &str| {
        let found = reader.value(section, name)?;
        places.insert(found.key.clone(), found.place.clone());
        path(reader, found, facts)
    };
    let cert_path = file(reader, &mut section, "cert_path");
    let key_path = file(reader, &mut section, "key_path");
    let ca_path =
        if section.has("client_ca_path") { Some(file(reader, &mut section, "client_ca_path")) } else { None };
    let required = section.take("client_auth").map(|found| {
        if ca_path.is_none() {
            return reader.missing(&section.absent("client_ca_path"), "tls.client_ca_path");
        }
        reader.choice(found, &[("required", true), ("optional", false)])
    });
    let acme_challenges = if section.has("acme_challenges") {
        Some(file(reader, &mut section, "acme_challenges"))
    } else {
        None
    };
    let names = reader.value(&mut section, "names").and_then(|found| texts(reader, found, grammar::host));
    let versions = [("1.2", TlsVersion::Tls12), ("1.3", TlsVersion::Tls13)];
    let min_version =
        reader.value(&mut section, "min_version").and_then(|found| reader.choice(found, &versions));
    let client_auth = match (ca_path, required) {
        (None, None) => None,
        (ca_path, required) => {
            Some(ClientAuth { ca_path: ca_path??, required: required.unwrap_or(Some(true))? })
        }
    };
    Some(Tls {
        cert_path: cert_path?,
        key_path: key_path?,
        names: names?,
        min_version: min_version?,
        client_auth,
        acme_challenges: acme_challenges.map_or(Some(None), |folder| folder.map(Some))?,
    })
}

/// A list of texts without repetition.
pub(super) fn texts(
    reader: &mut Reader,
    found: Found,
    parse: impl Fn(&str) -> Result<String, Flaw>,
) -> Option<Vec<String>> {
    let items = reader.list(found)?;
    let count = items.len();
    let mut texts = Vec::with_capacity(count);
    for item in items {
        let place = item.place.clone();
        let Some(text) = reader.parsed(item, &parse) else { continue };
        if texts.contains(&text) {
            given_twice(reader, &place, &text);
            continue;
        }
        texts.push(text);
    }
    (texts.len() == count).then_some(texts)
}

fn given_twice(reader: &mut Reader, place: &Place, text: &str) {
    let message = format!("{} is given twice", shown(text));
    reader.report(Problem::error(common::DUPLICATE_ITEM, place, message).suggestion("keep one of the two"));
}

/// Reads the items of a list of mappings, without two that have the same name.
pub(super) fn sections<T>(
    reader: &mut Reader,
    found: Found,
    name: impl Fn(&T) -> &str,
    parse: impl Fn(&mut Reader, &mut Section) -> Option<T>,
) -> Option<Vec<T>> {
    let items = reader.list(found)?;
    let count = items.len();
    let mut all: Vec<T> = Vec::with_capacity(count);
    for item in items {
        let place = item.place.clone();
        let Some(value) = reader.section(item).and_then(|mut section| parse(reader, &mut section)) else {
            continue;
        };
        if all.iter().any(|other| name(other) == name(&value)) {
            given_twice(reader, &place, name(&value));
            continue;
        }
        all.push(value);
    }
    (all.len() == count).then_some(all)
}

fn auth(reader: &mut Reader, file: &mut Section) -> Option<Auth> {
    let place = file.absent("auth");
    let found = file.take("auth");
    let place = found.as_ref().map_or(place, |found| found.place.clone());
    let nobody = |reader: &mut Reader| {
        reader.report(
            Problem::error(codes::NOBODY_MAY_CALL, &place, "there is neither an issuer nor an API key")
                .suggestion("`bedrock-nova-proxy api-key` makes a key and its digest")
                .example("auth: {issuers: [{issuer: \"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE\"}]}"),
        );
    };
    let Some(found) = found else {
        nobody(reader);
        return None;
    };
    let mut section = reader.section(found)?;
    let issuers = reader
        .value(&mut section, "issuers")
        .and_then(|found| sections(reader, found, |issuer: &Issuer| &issuer.issuer, issuer));
    let api_keys = reader
        .value(&mut section, "api_keys")
        .and_then(|found| sections(reader, found, |key: &ApiKey| &key.name, api_key));
    let leeway = reader.value(&mut section, "leeway").and_then(|found| reader.duration(found));
    if let Some(key) = api_keys.as_deref().and_then(shared_key) {
        let message =
            format!("{} has the key of another name, so that nobody can tell them apart", shown(&key.name));
        let problem =
            Problem::error(common::DUPLICATE_ITEM, &place.child("auth.api_keys".to_owned(), None), message);
        reader.report(problem.suggestion("`bedrock-nova-proxy api-key` makes another key and its digest"));
    }
    if issuers.as_ref().is_some_and(Vec::is_empty) && api_keys.as_ref().is_some_and(Vec::is_empty) {
        nobody(reader);
    }
    Some(Auth { issuers: issuers?, api_keys: api_keys?, leeway: leeway? })
}

/// A key that another one before it is, too.
fn shared_key(keys: &[ApiKey]) -> Option<&ApiKey> {
    let mut seen = BTreeSet::new();
    keys.iter().find(|key| !seen.insert(key.sha256))
}

fn issuer(reader: &mut Reader, section: &mut Section) -> Option<Issuer> {
    let issuer = reader.value(section, "issuer").and_then(|found| reader.parsed(found, grammar::url_text));
    let jwks_uri = optional(section, "jwks_uri", |found| reader.parsed(found, grammar::url_text));
    let mut names = |name: &str| match section.take(name) {
        Some(found) => texts(reader, found, grammar::name),
        None => Some(Vec::new()),
    };
    let (client_ids, audiences) = (names("client_ids"), names("audiences"));
    let required_scopes = names("required_scopes");
    let token_use = reader.value(section, "token_use").and_then(|found| reader.parsed(found, grammar::name));
    Some(Issuer {
        issuer: issuer?,
        jwks_uri: jwks_uri?,
        client_ids: client_ids?,
        audiences: audiences?,
        required_scopes: required_scopes?,
        token_use: token_use.map(|text| Some(text).filter(|text| text != "any"))?,
    })
}

fn api_key(reader: &mut Reader, section: &mut Section) -> Option<ApiKey> {
    let name = reader.value(section, "name").and_then(|found| reader.parsed(found, grammar::name));
    let sha256 = reader.value(section, "sha256").and_then(|found| digest(reader, &found));
    let groups = reader.value(section, "groups").and_then(|found| texts(reader, found, grammar::name));
    Some(ApiKey { name: name?, sha256: sha256?, groups: groups? })
}

/// The digest of a key, which by chance may be digits only and is text all the same.
fn digest(reader: &mut Reader, found: &Found) -> Option<[u8; 32]> {
    let Value::Scalar(scalar) = &found.node.value else {
        return reader.wrong_type(&found.node, &found.place, "text", "9f86d081...");
    };
    grammar::digest(&scalar.text).map_err(|flaw| reader.report(flaw.at(&found.place))).ok()
}

/// What an absent key stands for, apart from what a wrong one does.
#[expect(
    clippy::option_option,
    reason = "the outer says whether it is well-formed, the inner whether it is given"
)]
pub(super) fn optional<T>(
    section: &mut Section,
    name: &str,
    parse: impl FnOnce(Found) -> Option<T>,
) -> Option<Option<T>> {
    match section.take(name) {
        Some(found) => parse(found).map(Some),
        None => Some(None),
    }
}

/// A Region; where it is not given, the one of the environment.
pub(super) fn region(reader: &mut Reader, section: &mut Section, facts: &Facts<'_>) -> Option<Region> {
    let parse = |text: &str| Ok(Region::parse(text)?);
    if let Some(found) = section.take("region") {
        return reader.parsed(found, parse);
    }
    if let Some(region) = facts.region.and_then(|text| Region::parse(text).ok()) {
        return Some(region);
    }
    let problem = Problem::error(common::REQUIRED, &section.absent("region"), "this is required");
    reader.report(problem.suggestion("give it here or in `AWS_REGION`").example("region: us-east-1"));
    None
}

fn requests(reader: &mut Reader, file: &mut Section) -> Option<Requests> {
    let mut section = reader.subsection(file, "requests")?;
    let section = &mut section;
    let max_body_bytes = reader.value(section, "max_body_bytes").and_then(|found| reader.size(found));
    let max_messages = reader.value(section, "max_messages").and_then(|found| reader.integer(found));
    let max_tools = reader.value(section, "max_tools").and_then(|found| reader.integer(found));
    let default_max_tokens =
        reader.value(section, "default_max_tokens").and_then(|found| reader.integer(found));
    let strict_params = reader.value(section, "strict_params").and_then(|found| reader.boolean(found));
    let choices = [("keep", Thinking::Keep), ("split", Thinking::Split), ("drop", Thinking::Drop)];
    let thinking = reader.value(section, "thinking").and_then(|found| reader.choice(found, &choices));
    let allow_raw_models = reader.value(section, "allow_raw_models").and_then(|found| reader.boolean(found));
    Some(Requests {
        max_body_bytes: max_body_bytes?,
        max_messages: max_messages?,
        max_tools: max_tools?,
        default_max_tokens: default_max_tokens?,
        strict_params: strict_params?,
        thinking: thinking?,
        allow_raw_models: allow_raw_models?,
    })
}

fn timeouts(reader: &mut Reader, file: &mut Section) -> Option<Timeouts> {
    let mut section = reader.subsection(file, "timeouts")?;
    let mut time = |name: &str| reader.value(&mut section, name).and_then(|found| reader.duration(found));
    let (headers, body, connect) = (time("headers"), time("body"), time("connect"));
    let (first_byte, idle, heartbeat) = (time("first_byte"), time("idle"), time("heartbeat"));
    Some(Timeouts {
        headers: headers?,
        body: body?,
        connect: connect?,
        first_byte: first_byte?,
        idle: idle?,
        heartbeat: heartbeat?,
    })
}

fn cors(reader: &mut Reader, file: &mut Section) -> Option<Cors> {
    let mut section = reader.subsection(file, "cors")?;
    let allowed_origins = reader
        .value(&mut section, "allowed_origins")
        .and_then(|found| texts(reader, found, grammar::origin))?;
    Some(Cors { allowed_origins })
}
