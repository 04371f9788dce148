//! An order, from the names to the chain.

use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, Error, Identifier, NewOrder, Order, OrderStatus,
    RetryPolicy,
};
use jiff::{SignedDuration, Timestamp};
use model::Secret;
use model::config::AcmeChallenge;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls_pki_types::CertificateDer;

use super::challenge::{self, Answers};
use super::connection::Memory;
use super::meaning::{self, Stage, list};
use super::{Client, account};
use crate::pair::Leaf;
use crate::schedule::Window;
use crate::trouble::{Trouble, codes};

/// All of it. An authority that is alive needs seconds.
const WHOLE: Duration = Duration::from_mins(5);
/// The same where a DNS has to learn the answer first. Together with taking it back, this is less than the unit allows.
const WHOLE_WITH_DNS: Duration = Duration::from_mins(10);
/// Until the authority has looked at the answers; and until it has signed.
const WAIT: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(90));

/// What was obtained.
#[derive(Debug, Clone)]
pub struct Issued {
    /// PEM, leaf first.
    pub chain: Vec<u8>,
    /// PEM.
    pub key: Secret<Vec<u8>>,
    /// The URL of the account.
    pub account: String,
}

/// What is going on, for explaining a failure.
struct Doing<'d> {
    names: &'d [String],
    memory: Memory,
    now: Timestamp,
}

impl Doing<'_> {
    fn trouble(&self, client: &Client<'_>, stage: Stage, error: &Error) -> Trouble {
        meaning::trouble(error, stage, self.names, &client.authority, &self.memory.last(), self.now)
    }
}

pub(super) async fn suggestion(
    client: &Client<'_>,
    leaf: &Leaf,
) -> Result<Option<(Window, SignedDuration)>, Trouble> {
    let refused = |why: String| {
        Trouble::new(
            codes::SUGGESTION,
            client.authority.directory,
            "the authority could not be asked when to renew; the usual rule holds",
        )
        .evidence(why)
    };
    let ask = async {
        let memory = Memory::default();
        let kept = account::kept(client, &memory, Timestamp::UNIX_EPOCH).await;
        let kept = kept.map_err(|trouble| {
            refused(trouble.finding.evidence.clone().unwrap_or_else(|| trouble.finding.message.clone()))
        })?;
        let Some(account) = kept else { return Ok(None) };
        let der = CertificateDer::from(leaf.der.as_slice());
        let id = CertificateIdentifier::try_from(&der).map_err(refused)?;
        match account.renewal_info(&id).await {
            Ok((info, again)) => {
                let moment =
                    |time: i64| Timestamp::from_second(time).map_err(|error| refused(error.to_string()));
                let window = Window {
                    start: moment(info.suggested_window.start.unix_timestamp())?,
                    end: moment(info.suggested_window.end.unix_timestamp())?,
                };
                Ok(Some((window, SignedDuration::try_from(again).unwrap_or(SignedDuration::MAX))))
            }
            Err(Error::Unsupported(_)) => Ok(None),
            Err(Error::Api(problem)) => Err(refused(meaning::words(&problem))),
            Err(error) => Err(refused(error.to_string())),
        }
    };
    // One question must not hold up a renewal that is due anyway.
    match tokio::time::timeout(Duration::from_mins(1), ask).await {
        Ok(answer) => answer,
        Err(_) => Err(refused("no answer within 60 s".to_owned())),
    }
}

pub(super) async fn obtain(
    client: &mut Client<'_>,
    names: &[String],
    replaces: Option<&Leaf>,
    now: Timestamp,
) -> Result<Issued, Trouble> {
    let directory = client.authority.directory.to_owned();
    let bound = match client.authority.challenge {
        AcmeChallenge::Dns01 => WHOLE_WITH_DNS,
        AcmeChallenge::Http01 | AcmeChallenge::TlsAlpn01 => WHOLE,
    };
    let mut answers = Answers::new(client.place);
    let result = tokio::time::timeout(bound, whole(client, &mut answers, names, replaces, now)).await;
    answers.close();
    client.findings.extend(answers.take_back().await);
    match result {
        Ok(result) => result,
        Err(_) => Err(Trouble::new(
            codes::TOO_LONG,
            directory,
            format!("the authority had not come to an end after {} min", bound.as_secs() / 60),
        )
        .hint("nothing is lost; the next run tries again")),
    }
}

async fn whole(
    client: &mut Client<'_>,
    answers: &mut Answers<'_>,
    names: &[String],
    replaces: Option<&Leaf>,
    now: Timestamp,
) -> Result<Issued, Trouble> {
    let doing = Doing { names, memory: Memory::default(), now };
    // Before anybody is asked for anything: what cannot be answered need not be asked.
    answers.open(client.authority.challenge, names).await?;
    let mut account = account::kept_or_new(client, &doing.memory, now).await?;
    let identifiers: Vec<Identifier> = names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = match new_order(client, &account, &identifiers, replaces).await {
        Err(Error::Api(problem)) if meaning::kind(&problem) == "accountDoesNotExist" => {
            let cause = meaning::words(&problem);
            account = account::replace_lost(client, &doing.memory, &cause, now).await?;
            new_order(client, &account, &identifiers, None).await
        }
        order => order,
    }
    .map_err(|error| doing.trouble(client, Stage::Order, &error))?;
    show_control(client, &mut order, answers, &doing).await?;
    answers.close();
    let (request, key) = request(names).map_err(|error| {
        Trouble::new(codes::ORDER, list(names), "no request can be made for these names")
            .evidence(error.to_string())
    })?;
    let failed = |error: &Error| doing.trouble(client, Stage::Order, error);
    order.finalize_csr(&request).await.map_err(|error| failed(&error))?;
    let chain = order.poll_certificate(&WAIT).await.map_err(|error| failed(&error))?;
    Ok(Issued { chain: chain.into_bytes(), key, account: account.id().to_owned() })
}

/// Places an order. That it takes the place of another is a courtesy (RFC 9773, section 5): an authority that does
/// not understand it, or does not want it, gets an order without.
async fn new_order(
    client: &Client<'_>,
    account: &Account,
    identifiers: &[Identifier],
    replaces: Option<&Leaf>,
) -> Result<Order, Error> {
    let mut plain = NewOrder::new(identifiers);
    if let Some(profile) = client.authority.profile {
        plain = plain.profile(profile);
    }
    let der = replaces.map(|leaf| CertificateDer::from(leaf.der.as_slice()));
    let id = der.as_ref().and_then(|der| CertificateIdentifier::try_from(der).ok());
    let Some(id) = id else { return account.new_order(&plain).await };
    let mut courteous = NewOrder::new(identifiers).replaces(id);
    if let Some(profile) = client.authority.profile {
        courteous = courteous.profile(profile);
    }
    match account.new_order(&courteous).await {
        Err(Error::Unsupported(_) | Error::Other(_) | Error::Json(_)) => account.new_order(&plain).await,
        Err(Error::Api(problem))
            if matches!(meaning::kind(&problem), "alreadyReplaced" | "malformed" | "conflict") =>
        {
            account.new_order(&plain).await
        }
        order => order,
    }
}

/// Shows the answers, tells the authority, and waits until it has looked. The answers are served meanwhile.
async fn show_control(
    client: &Client<'_>,
    order: &mut Order,
    answers: &mut Answers<'_>,
    doing: &Doing<'_>,
) -> Result<(), Trouble> {
    let kind = challenge::kind(client.authority.challenge);
    let failed = |error: &Error| doing.trouble(client, Stage::Challenge, error);
    let mut open = 0_usize;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(|error| failed(&error))?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            // What was refused before is asked about below.
            _ => {
                open = open.saturating_add(1);
                continue;
            }
        }
        let name = authorization.identifier().to_string();
        let offered: Vec<String> =
            authorization.challenges.iter().map(|challenge| format!("{:?}", challenge.r#type)).collect();
        let Some(mut challenge) = authorization.challenge(kind.clone()) else {
            let word = challenge::word(client.authority.challenge);
            return Err(Trouble::new(
                codes::NOT_OFFERED,
                &name,
                format!("the authority does not offer {word} for {name}"),
            )
            .evidence(format!("it offers {}", offered.join(", ")))
            .hint("set `tls.acme.challenge` to one that it offers"));
        };
        let key = challenge.key_authorization();
        answers.show(client.authority.challenge, &name, &challenge.token, &key).await?;
        // Whoever asks in the meantime waits to be answered below: an answer that is begun here would be broken off by the
        // authority's word that it begins to ask.
        challenge.set_ready().await.map_err(|error| failed(&error))?;
        open = open.saturating_add(1);
    }
    if open == 0 {
        return Ok(());
    }
    let ended = tokio::select! {
        ended = order.poll_ready(&WAIT) => ended,
        () = answers.serve() => Ok(OrderStatus::Invalid),
    };
    match ended {
        Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
        Err(error @ Error::Timeout(_)) => Err(failed(&error)),
        ended => Err(match why(order).await {
            Some((name, problem)) => {
                meaning::of_problem(&problem, Stage::Challenge, &name, &client.authority)
            }
            None => match ended {
                Err(error) => failed(&error),
                Ok(_) => Trouble::new(
                    codes::ORDER,
                    list(doing.names),
                    "the authority gave the order up and does not say why",
                )
                .hint("the next run places a new one"),
            },
        }),
    }
}

/// Which name was refused, and why.
async fn why(order: &mut Order) -> Option<(String, instant_acme::Problem)> {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let name = authorization.identifier().to_string();
        if let Some(problem) = authorization.challenges.iter().find_map(|challenge| challenge.error.clone()) {
            return Some((name, problem));
        }
    }
    None
}

/// A request for these names, DER, with a new key, PEM: ECDSA P-256, which every client takes.
fn request(names: &[String]) -> Result<(Vec<u8>, Secret<Vec<u8>>), rcgen::Error> {
    let mut params = CertificateParams::new(names.to_vec())?;
    // Authorities take the names from the extension and ignore the rest.
    params.distinguished_name = DistinguishedName::new();
    let key = KeyPair::generate()?;
    let request = params.serialize_request(&key)?;
    Ok((request.der().to_vec(), Secret::new(key.serialize_pem().into_bytes())))
}
