//! The contract of the ports against an emulated account over real HTTP.

mod common;

use cloud::contract;

macro_rules! areas {
    ($($area:ident),+ $(,)?) => {
        $(
            #[test]
            fn $area() {
                common::on_moto(stringify!($area), async |cloud| {
                    contract::$area(&cloud, &common::fixture(stringify!($area))).await;
                });
            }
        )+
    };
}

areas!(
    identity,
    parameters,
    networks,
    security_groups,
    roles,
    instance_profiles,
    instances,
    addresses,
    dry_runs,
    user_pools,
    app_clients,
    domains,
    certificates,
    tagging,
    not_found_answers,
);

/// What moto lacks, on an emulator that has it: changing and deleting resource servers.
#[test]
fn resource_servers_on_ministack() {
    common::on_ministack("resource_servers_on_ministack", async |cloud| {
        contract::app_clients(&cloud, &common::whole_fixture("resource-servers")).await;
    });
}
