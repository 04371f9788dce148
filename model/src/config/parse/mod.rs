//! From layers to a [`Config`]: one file for each section of the configuration.

mod cognito;
mod deployment;
mod gateway;
mod instance;
mod network;
mod proxy;
mod tls;

use super::{Config, Host, HostInstall, fields::Fields, keys};

/// Reads every section, so that every problem is found, and only then asks whether all of them were there.
pub(crate) fn config(fields: &mut Fields) -> Option<Config> {
    let version = deployment::version(fields);
    let deployment = deployment::deployment(fields);
    let mode = deployment::mode(fields);
    let aws = deployment::aws(fields);
    let region = aws.as_ref().map(|aws| &aws.region);
    let network = network::network(fields);
    let instance = instance::instance(fields);
    let cognito = cognito::cognito(fields, deployment.as_ref().map(|deployment| &deployment.id), region);
    let install = fields.choice("host.install", INSTALLS);
    let tls = tls::tls(fields, install);
    let proxy = proxy::proxy(fields);
    let gateway = gateway::gateway(fields, tls.as_ref());
    let order = |path: &str| keys::KEYS.iter().position(|key| key.path == path);
    fields.settings.sort_by_key(|setting| order(setting.path));
    version?;
    Some(Config {
        deployment: deployment?,
        mode: mode?,
        aws: aws?,
        network: network?,
        instance: instance?,
        cognito: cognito?,
        tls: tls?,
        host: Host { install: install? },
        proxy: proxy?,
        gateway: gateway?,
    })
}

const INSTALLS: &[(&str, HostInstall)] =
    &[("user-data", HostInstall::UserData), ("here", HostInstall::Here), ("none", HostInstall::None)];
