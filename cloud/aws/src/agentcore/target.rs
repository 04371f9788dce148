//! A target's settings, to and from what AgentCore calls them.

use aws_sdk_bedrockagentcorecontrol::operation::get_gateway_target::GetGatewayTargetOutput;
use aws_sdk_bedrockagentcorecontrol::types::{
    ApiKeyCredentialLocation, ApiSchemaConfiguration, CredentialProvider, CredentialProviderConfiguration,
    CredentialProviderType, EndpointIpAddressType, GatewayApiKeyCredentialProvider, ManagedVpcResource,
    McpTargetConfiguration, PrivateEndpoint, S3Configuration, TargetConfiguration,
};
use aws_smithy_types::error::operation::BuildError;
use cloud::CallError;
use cloud::port::agentcore::{self as port, Condition, Target, TargetSettings};

use crate::error::unbuilt;

use super::{SERVICE, unless_empty};

/// What both the call that makes a target and the one that changes it are told.
pub(super) struct Request {
    pub(super) description: Option<String>,
    pub(super) configuration: TargetConfiguration,
    pub(super) credentials: CredentialProviderConfiguration,
    pub(super) private_endpoint: Option<PrivateEndpoint>,
}

pub(super) fn to_request(settings: TargetSettings, operation: &str) -> Result<Request, CallError> {
    let schema = S3Configuration::builder()
        .uri(settings.schema_uri)
        .bucket_owner_account_id(settings.schema_owner)
        .build();
    let schema = McpTargetConfiguration::OpenApiSchema(ApiSchemaConfiguration::S3(schema));
    let unbuilt = |error: BuildError| unbuilt(SERVICE, operation, &error);
    Ok(Request {
        description: unless_empty(settings.description),
        configuration: TargetConfiguration::Mcp(schema),
        credentials: to_credentials(settings.provider_arn, settings.header).map_err(unbuilt)?,
        private_endpoint: settings.private_endpoint.map(to_endpoint).transpose().map_err(unbuilt)?,
    })
}

fn to_credentials(
    provider_arn: String,
    header: String,
) -> Result<CredentialProviderConfiguration, BuildError> {
    let provider = GatewayApiKeyCredentialProvider::builder()
        .provider_arn(provider_arn)
        .credential_location(ApiKeyCredentialLocation::Header)
        .credential_parameter_name(header)
        .build()?;
    CredentialProviderConfiguration::builder()
        .credential_provider_type(CredentialProviderType::ApiKey)
        .credential_provider(CredentialProvider::ApiKeyCredentialProvider(provider))
        .build()
}

fn to_endpoint(endpoint: port::PrivateEndpoint) -> Result<PrivateEndpoint, BuildError> {
    let resource = ManagedVpcResource::builder()
        .vpc_identifier(endpoint.vpc_id)
        .set_subnet_ids(Some(endpoint.subnet_ids.into_iter().collect()))
        .set_security_group_ids(Some(endpoint.security_group_ids.into_iter().collect()))
        .endpoint_ip_address_type(EndpointIpAddressType::Ipv4)
        .set_routing_domain(endpoint.routing_domain)
        .build()?;
    Ok(PrivateEndpoint::ManagedVpcResource(resource))
}

pub(super) fn from_answer(answer: GetGatewayTargetOutput, gateway_id: String) -> Target {
    let settings = from_parts(
        answer.description,
        answer.target_configuration,
        &answer.credential_provider_configurations,
        answer.private_endpoint,
    );
    Target {
        id: answer.target_id,
        gateway_id,
        name: answer.name,
        condition: Condition {
            status: answer.status.as_str().to_owned(),
            reasons: answer.status_reasons.unwrap_or_default(),
        },
        settings,
    }
}

/// `None` for what our settings cannot say: changing such a target means replacing all of it.
fn from_parts(
    description: Option<String>,
    configuration: Option<TargetConfiguration>,
    credentials: &[CredentialProviderConfiguration],
    endpoint: Option<PrivateEndpoint>,
) -> Option<TargetSettings> {
    let Some(TargetConfiguration::Mcp(McpTargetConfiguration::OpenApiSchema(ApiSchemaConfiguration::S3(
        schema,
    )))) = configuration
    else {
        return None;
    };
    let [credentials] = credentials else { return None };
    let Some(CredentialProvider::ApiKeyCredentialProvider(provider)) = credentials.credential_provider()
    else {
        return None;
    };
    // A key in the query, or behind a word such as `Bearer`, is none that our backends find.
    let is_bare = provider.credential_location().is_none_or(|one| *one == ApiKeyCredentialLocation::Header)
        && provider.credential_prefix().is_none_or(str::is_empty);
    if !is_bare {
        return None;
    }
    Some(TargetSettings {
        description: description.unwrap_or_default(),
        schema_uri: schema.uri?,
        schema_owner: schema.bucket_owner_account_id.unwrap_or_default(),
        provider_arn: provider.provider_arn().to_owned(),
        header: provider.credential_parameter_name().unwrap_or_default().to_owned(),
        private_endpoint: match endpoint {
            None => None,
            Some(PrivateEndpoint::ManagedVpcResource(resource)) => Some(from_resource(resource)),
            Some(_) => return None,
        },
    })
}

fn from_resource(resource: ManagedVpcResource) -> port::PrivateEndpoint {
    port::PrivateEndpoint {
        vpc_id: resource.vpc_identifier,
        subnet_ids: resource.subnet_ids.into_iter().collect(),
        security_group_ids: resource.security_group_ids.into_iter().flatten().collect(),
        routing_domain: resource.routing_domain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> TargetSettings {
        let set = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        TargetSettings {
            description: "pods".to_owned(),
            schema_uri: "s3://bucket/sre/k8s_api.yaml".to_owned(),
            schema_owner: "123456789012".to_owned(),
            provider_arn: "arn:aws:bedrock-agentcore:us-east-1:123456789012:token-vault/default/x".to_owned(),
            header: "X-API-Key".to_owned(),
            private_endpoint: Some(port::PrivateEndpoint {
                vpc_id: "vpc-1".to_owned(),
                subnet_ids: set(&["subnet-1", "subnet-2"]),
                security_group_ids: set(&["sg-1"]),
                routing_domain: Some("public.example.com".to_owned()),
            }),
        }
    }

    fn back(request: Request) -> Option<TargetSettings> {
        let Request { description, configuration, credentials, private_endpoint } = request;
        from_parts(description, Some(configuration), &[credentials], private_endpoint)
    }

    #[test]
    fn what_is_asked_for_is_what_is_read() {
        let plain = TargetSettings { description: String::new(), private_endpoint: None, ..settings() };
        for settings in [settings(), plain] {
            assert_eq!(back(to_request(settings.clone(), "CreateGatewayTarget").unwrap()), Some(settings));
        }
    }

    #[test]
    fn a_target_of_another_kind_has_no_settings_of_ours() {
        let request = || to_request(settings(), "CreateGatewayTarget").unwrap();
        let inline = ApiSchemaConfiguration::InlinePayload("{}".to_owned());
        let inline = TargetConfiguration::Mcp(McpTargetConfiguration::OpenApiSchema(inline));
        assert_eq!(back(Request { configuration: inline, ..request() }), None);

        let role = CredentialProviderConfiguration::builder()
            .credential_provider_type(CredentialProviderType::GatewayIamRole)
            .build()
            .unwrap();
        assert_eq!(back(Request { credentials: role, ..request() }), None);

        for strange in [
            GatewayApiKeyCredentialProvider::builder().credential_prefix("Bearer"),
            GatewayApiKeyCredentialProvider::builder()
                .credential_location(ApiKeyCredentialLocation::QueryParameter),
        ] {
            let key =
                CredentialProvider::ApiKeyCredentialProvider(strange.provider_arn("a").build().unwrap());
            let credentials = CredentialProviderConfiguration::builder()
                .credential_provider_type(CredentialProviderType::ApiKey)
                .credential_provider(key)
                .build()
                .unwrap();
            assert_eq!(back(Request { credentials, ..request() }), None);
        }
    }
}
