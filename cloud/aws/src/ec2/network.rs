//! VPCs, subnets and route tables: read only.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self, RouteState, VpcCidrBlockStateCode};
use cloud::CallError;
use cloud::port::ec2::{RouteTable, Subnet, SubnetQuery, Vpc, VpcQuery};
use ipnet::IpNet;

use super::{SERVICE, filter, or_empty};
use crate::error::{absent, failed};

pub(super) async fn describe_vpcs(client: &Client, query: VpcQuery) -> Result<Vec<Vpc>, CallError> {
    const OPERATION: &str = "DescribeVpcs";
    let request = match query {
        VpcQuery::Default => client.describe_vpcs().filters(filter("is-default", "true")),
        VpcQuery::Id(id) => client.describe_vpcs().vpc_ids(id),
        VpcQuery::All => client.describe_vpcs(),
    };
    let found =
        request.into_paginator().items().send().try_collect().await.map_err(failed(SERVICE, OPERATION));
    or_empty(found)?.iter().map(|vpc| from_vpc(vpc, OPERATION)).collect()
}

pub(super) async fn describe_subnets(client: &Client, query: SubnetQuery) -> Result<Vec<Subnet>, CallError> {
    const OPERATION: &str = "DescribeSubnets";
    let request = match query {
        SubnetQuery::Id(id) => client.describe_subnets().subnet_ids(id),
        SubnetQuery::Vpc(id) => client.describe_subnets().filters(filter("vpc-id", id)),
    };
    let found =
        request.into_paginator().items().send().try_collect().await.map_err(failed(SERVICE, OPERATION));
    let subnets: Vec<types::Subnet> = or_empty(found)?;
    subnets
        .into_iter()
        .map(|subnet| {
            let free = subnet.available_ip_address_count.unwrap_or_default();
            Ok(Subnet {
                id: subnet.subnet_id.ok_or_else(|| absent(SERVICE, OPERATION, "subnetId"))?,
                vpc_id: subnet.vpc_id.ok_or_else(|| absent(SERVICE, OPERATION, "vpcId"))?,
                availability_zone: subnet.availability_zone.unwrap_or_default(),
                free_addresses: u32::try_from(free).unwrap_or_default(),
            })
        })
        .collect()
}

pub(super) async fn describe_route_tables(
    client: &Client,
    vpc_id: String,
) -> Result<Vec<RouteTable>, CallError> {
    const OPERATION: &str = "DescribeRouteTables";
    let tables: Vec<types::RouteTable> = client
        .describe_route_tables()
        .filters(filter("vpc-id", vpc_id))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    tables
        .iter()
        .map(|table| {
            let id = table.route_table_id().ok_or_else(|| absent(SERVICE, OPERATION, "routeTableId"))?;
            Ok(RouteTable {
                id: id.to_owned(),
                main: table.associations().iter().any(|association| association.main().unwrap_or_default()),
                subnet_ids: table
                    .associations()
                    .iter()
                    .filter_map(|association| association.subnet_id().map(str::to_owned))
                    .collect(),
                default_route_to_internet_gateway: table.routes().iter().any(leads_out),
            })
        })
        .collect()
}

/// A route whose gateway was deleted stays as a black hole.
fn leads_out(route: &types::Route) -> bool {
    route.destination_cidr_block() == Some("0.0.0.0/0")
        && route.gateway_id().is_some_and(|id| id.starts_with("igw-"))
        && route.state() != Some(&RouteState::Blackhole)
}

fn from_vpc(vpc: &types::Vpc, operation: &str) -> Result<Vpc, CallError> {
    let ipv4 = vpc.cidr_block_association_set().iter().filter_map(|block| {
        let state = block.cidr_block_state().and_then(|state| state.state());
        (state == Some(&VpcCidrBlockStateCode::Associated)).then_some(block.cidr_block()?)
    });
    let ipv6 = vpc.ipv6_cidr_block_association_set().iter().filter_map(|block| {
        let state = block.ipv6_cidr_block_state().and_then(|state| state.state());
        (state == Some(&VpcCidrBlockStateCode::Associated)).then_some(block.ipv6_cidr_block()?)
    });
    let mut cidrs: Vec<IpNet> = Vec::new();
    // The primary block comes first, and again among the associations.
    for text in vpc.cidr_block().into_iter().chain(ipv4).chain(ipv6) {
        if let Ok(cidr) = text.parse()
            && !cidrs.contains(&cidr)
        {
            cidrs.push(cidr);
        }
    }
    Ok(Vpc {
        id: vpc.vpc_id().ok_or_else(|| absent(SERVICE, operation, "vpcId"))?.to_owned(),
        cidrs,
        is_default: vpc.is_default().unwrap_or_default(),
    })
}
