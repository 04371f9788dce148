//! A pair that somebody else keeps fresh, such as certbot: taken over where it differs from the one that is served.

use std::path::Path;

use jiff::Timestamp;
use model::Secret;

use super::{Host, Outcome};
use crate::pair::{Pair, Unfit};
use crate::store::StoreError;
use crate::trouble::{Trouble, codes};

/// Takes the files over where there is anything new in them. What is torn or does not belong together is not taken,
/// and the pair that was there stays.
pub(super) fn attempt(
    host: &Host<'_>,
    live: Option<&Pair>,
    chain: &Path,
    key: &Path,
    now: Timestamp,
) -> Result<Outcome, Trouble> {
    let read = |path: &Path| {
        host.store.disk().read(path).map_err(|error| {
            Trouble::new(codes::FILES, path.display().to_string(), format!("cannot read `{}`", path.display()))
                .evidence(error.to_string())
                .hint("compare `tls.cert_path` and `tls.key_path` with what is there: ls -lL /etc/letsencrypt/live /opt/ssl")
        })
    };
    let new_chain = read(chain)?;
    let new_key = Secret::new(read(key)?);
    let refused = |unfit: &Unfit| {
        Trouble::new(
            codes::FILES,
            chain.display().to_string(),
            format!("the files are not taken over: {unfit}"),
        )
        .evidence(format!("{}, {}", chain.display(), key.display()))
        .hint(match unfit {
            Unfit::Expired(_) => "look at who renews them: systemctl list-timers; certbot renew --dry-run",
            _ => "the pair that was there is still served; the next run looks again",
        })
    };
    let pair = Pair::parse(&new_chain, &new_key).map_err(|unfit| refused(&unfit))?;
    if live.is_some_and(|live| live.chain() == pair.chain() && live.key() == pair.key()) {
        return Ok(Outcome::Fresh { due: None, is_suggested: false });
    }
    let names = host.names(live);
    pair.fits(&names, now).map_err(|unfit| refused(&unfit))?;
    if host.is_dry {
        return Ok(Outcome::Due(None));
    }
    match host.store.put(&new_chain, &new_key, &names, now) {
        Ok(pair) => Ok(Outcome::Renewed { reason: None, leaf: Box::new(pair.leaf().clone()) }),
        Err(StoreError::Unfit(unfit)) => Err(refused(&unfit)),
        Err(error) => Err(Trouble::of_store(&error)),
    }
}
