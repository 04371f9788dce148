//! AWS Systems Manager: public parameters, and our own.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterType, ResourceTypeForTagging, Tag};
use cloud::port::ssm::{NewParameter, Ssm};
use cloud::{CallError, ErrorKind};
use model::tags::Tags;

use crate::error::{absent, failed, found};
use crate::tags::from_pairs;

const SERVICE: &str = "ssm";

/// The port over `aws-sdk-ssm`.
pub(crate) struct AwsSsm(Client);

impl AwsSsm {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Ssm for AwsSsm {
    async fn get_parameter(&self, name: String) -> Result<Option<String>, CallError> {
        const OPERATION: &str = "GetParameter";
        let answer = self.0.get_parameter().name(name).send().await.map_err(failed(SERVICE, OPERATION));
        let Some(answer) = found(answer)? else { return Ok(None) };
        let value = answer.parameter().and_then(|parameter| parameter.value());
        Ok(Some(value.ok_or_else(|| absent(SERVICE, OPERATION, "Parameter.Value"))?.to_owned()))
    }

    async fn parameter_tags(&self, name: String) -> Result<Option<Tags>, CallError> {
        const OPERATION: &str = "ListTagsForResource";
        let answer = self
            .0
            .list_tags_for_resource()
            .resource_type(ResourceTypeForTagging::Parameter)
            .resource_id(name)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION));
        match answer {
            Ok(answer) => {
                let pairs = answer.tag_list().iter().map(|tag| (Some(tag.key()), Some(tag.value())));
                Ok(Some(from_pairs(pairs)))
            }
            // The service's word for a parameter that does not exist.
            Err(error) if error.code.as_deref() == Some("InvalidResourceId") => Ok(None),
            Err(error) => found(Err(error)),
        }
    }

    async fn put_parameter(&self, new: NewParameter) -> Result<(), CallError> {
        const OPERATION: &str = "PutParameter";
        let tag = |(key, value)| Tag::builder().key(key).value(value).build();
        let tags: Result<Vec<Tag>, _> = new.tags.into_iter().map(tag).collect();
        let tags =
            tags.map_err(|error| CallError::new(SERVICE, OPERATION, ErrorKind::Invalid, error.to_string()))?;
        self.0
            .put_parameter()
            .name(new.name)
            .value(new.value)
            .description(new.description)
            .r#type(ParameterType::String)
            .set_tags(Some(tags).filter(|tags| !tags.is_empty()))
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn delete_parameter(&self, name: String) -> Result<(), CallError> {
        self.0.delete_parameter().name(name).send().await.map_err(failed(SERVICE, "DeleteParameter"))?;
        Ok(())
    }
}
