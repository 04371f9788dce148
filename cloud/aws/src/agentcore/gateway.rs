//! A gateway's settings, to and from what AgentCore calls them.

use aws_sdk_bedrockagentcorecontrol::operation::get_gateway::GetGatewayOutput;
use aws_sdk_bedrockagentcorecontrol::types::{
    AuthorizerConfiguration, AuthorizerType, CustomJwtAuthorizerConfiguration, ExceptionLevel,
    GatewayProtocolConfiguration, GatewayProtocolType, McpGatewayConfiguration, SearchType,
};
use cloud::CallError;
use cloud::port::agentcore::{Condition, Gateway, GatewaySettings};
use model::tags::Tags;

use crate::error::unbuilt;

use super::{SERVICE, unless_empty};

/// What both the call that makes a gateway and the one that changes it are told.
pub(super) struct Request {
    pub(super) role_arn: String,
    pub(super) description: Option<String>,
    pub(super) protocol_type: GatewayProtocolType,
    pub(super) protocol: GatewayProtocolConfiguration,
    pub(super) authorizer_type: AuthorizerType,
    pub(super) authorizer: AuthorizerConfiguration,
    pub(super) exception_level: Option<ExceptionLevel>,
}

pub(super) fn to_request(settings: GatewaySettings, operation: &str) -> Result<Request, CallError> {
    let list = |texts: std::collections::BTreeSet<String>| {
        (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>())
    };
    let tokens = CustomJwtAuthorizerConfiguration::builder()
        .discovery_url(settings.discovery_url)
        .set_allowed_clients(list(settings.allowed_clients))
        .set_allowed_scopes(list(settings.allowed_scopes))
        .build()
        .map_err(|error| unbuilt(SERVICE, operation, &error))?;
    let mcp = McpGatewayConfiguration::builder().search_type(SearchType::Semantic).build();
    Ok(Request {
        role_arn: settings.role_arn,
        description: unless_empty(settings.description),
        protocol_type: GatewayProtocolType::Mcp,
        protocol: GatewayProtocolConfiguration::Mcp(mcp),
        authorizer_type: AuthorizerType::CustomJwt,
        authorizer: AuthorizerConfiguration::CustomJwtAuthorizer(tokens),
        exception_level: settings.explains_errors.then_some(ExceptionLevel::Debug),
    })
}

pub(super) fn from_answer(answer: GetGatewayOutput, tags: Tags) -> Gateway {
    let tokens = match answer.authorizer_configuration {
        Some(AuthorizerConfiguration::CustomJwtAuthorizer(tokens)) => Some(tokens),
        _ => None,
    };
    let (discovery_url, clients, scopes) = tokens
        .map(|tokens| (tokens.discovery_url, tokens.allowed_clients, tokens.allowed_scopes))
        .unwrap_or_default();
    Gateway {
        id: answer.gateway_id,
        arn: answer.gateway_arn,
        name: answer.name,
        url: answer.gateway_url,
        condition: Condition {
            status: answer.status.as_str().to_owned(),
            reasons: answer.status_reasons.unwrap_or_default(),
        },
        authorizer: answer.authorizer_type.as_str().to_owned(),
        settings: GatewaySettings {
            role_arn: answer.role_arn.unwrap_or_default(),
            discovery_url,
            allowed_clients: clients.into_iter().flatten().collect(),
            allowed_scopes: scopes.into_iter().flatten().collect(),
            description: answer.description.unwrap_or_default(),
            explains_errors: answer.exception_level == Some(ExceptionLevel::Debug),
        },
        tags,
    }
}
