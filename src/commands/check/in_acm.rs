//! Which account and Region a certificate in ACM is looked for in.

use std::collections::BTreeMap;

use checks::cert::facts::Material;
use model::Region;

use super::Target;
use super::acm::{self, Wanted};
use crate::app::App;
use crate::args::{CertsArgs, ConfigArgs};
use crate::failure::Failure;

/// What ACM says of these: ARNs, or `all` of the Region that flags, deployment or environment name.
pub(crate) fn materials(
    app: &App,
    args: &CertsArgs,
    target: &Target,
    names: &[String],
) -> Result<Vec<Material>, Box<Failure>> {
    let config = target.config.as_ref();
    let usual = args.config.region.clone().or_else(|| config.map(|config| config.aws.region.clone()));
    let mut found = Vec::new();
    for (region, wanted) in by_region(names, usual.as_ref()) {
        let place = ConfigArgs { region, ..args.config.clone() };
        found.extend(acm::of_account(app, &args.state, &place, target, &wanted)?);
    }
    Ok(found)
}

/// The names, by the Region that is in an ARN; `all` is of the usual one.
fn by_region(names: &[String], usual: Option<&Region>) -> Vec<(Option<Region>, Wanted)> {
    let (all, arns): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| name.eq_ignore_ascii_case("all"));
    let mut regions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for arn in arns {
        // arn:aws:acm:us-east-1:123456789012:certificate/ID
        let region = arn.split(':').nth(3).unwrap_or_default();
        let arns = regions.entry(region.to_owned()).or_default();
        if !arns.contains(arn) {
            arns.push(arn.clone());
        }
    }
    let mut wanted: Vec<(Option<Region>, Wanted)> = Vec::new();
    if !all.is_empty() {
        // What is among all need not be asked for again.
        regions.retain(|region, _| usual.is_none_or(|usual| usual.as_str() != region));
        wanted.push((usual.cloned(), Wanted::All));
    }
    wanted.extend(
        regions.into_iter().map(|(region, arns)| {
            (Region::parse(&region).ok().or_else(|| usual.cloned()), Wanted::of(&arns))
        }),
    );
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_looked_for_in_the_region_of_its_arn() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let usual = Region::parse("us-east-1").unwrap();
        let here = "arn:aws:acm:us-east-1:123456789012:certificate/a";
        let there = "arn:aws:acm:eu-west-1:123456789012:certificate/b";
        let all = names(&[here, "all", there, there]);
        assert_eq!(
            by_region(&all, Some(&usual)),
            [
                (Some(usual.clone()), Wanted::All),
                (Region::parse("eu-west-1").ok(), Wanted::Arns(names(&[there])))
            ]
        );
        assert_eq!(
            by_region(&names(&["what"]), Some(&usual)),
            [(Some(usual.clone()), Wanted::Arns(names(&["what"])))]
        );
    }
}
