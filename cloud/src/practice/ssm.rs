//! Parameter Store: the public parameters of AWS, and the account's own.

use async_trait::async_trait;
use model::tags::Tags;

use crate::CallError;
use crate::hook::Access::{Read, Write};
use crate::port::ssm::{NewParameter, Ssm};

use super::desk::Desk;
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{Parameter, State};

impl State {
    fn get_parameter(&mut self, name: &str) -> Option<String> {
        if let Some(value) = self.parameters.get(name) {
            return Some(value.clone());
        }
        self.boot_instances(name);
        let own = self.own_parameters.get_mut(name)?;
        own.unseen.look().then(|| own.value.clone())
    }

    fn put_parameter(&mut self, new: NewParameter) -> Answer<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
        let reserved = ["/aws", "aws", "/ssm", "ssm"].iter().any(|start| new.name.starts_with(start));
        let fine = new.name.starts_with('/') && new.name.len() <= 1011 && new.name.chars().all(plain);
        demand(fine && !reserved, "ValidationException", || {
            "Parameter name must be a fully qualified name, and must not begin with aws or ssm.".to_owned()
        })?;
        demand((1..=4096).contains(&new.value.len()), "ValidationException", || {
            "Standard tier parameters support a maximum parameter value of 4096 characters.".to_owned()
        })?;
        demand_tags(&new.tags, "ValidationException")?;
        demand(!self.own_parameters.contains_key(&new.name), "ParameterAlreadyExists", || {
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
                .to_owned()
        })?;
        let parameter = Parameter { unseen: self.unseen(), value: new.value, tags: new.tags };
        self.own_parameters.insert(new.name, parameter);
        Ok(())
    }
}

#[async_trait]
impl Ssm for Desk {
    async fn get_parameter(&self, name: String) -> Result<Option<String>, CallError> {
        let resource = self.look(|state| state.arn("ssm", &format!("parameter{name}")));
        self.call("ssm", "GetParameter", Read, &resource, |state| Ok(state.get_parameter(&name)))
    }

    async fn parameter_tags(&self, name: String) -> Result<Option<Tags>, CallError> {
        let resource = self.look(|state| state.arn("ssm", &format!("parameter{name}")));
        self.call("ssm", "ListTagsForResource", Read, &resource, |state| {
            Ok(state.own_parameters.get(&name).map(|own| own.tags.clone()))
        })
    }

    async fn put_parameter(&self, new: NewParameter) -> Result<(), CallError> {
        let resource = self.look(|state| state.arn("ssm", &format!("parameter{}", new.name)));
        self.call("ssm", "PutParameter", Write, &resource, |state| state.put_parameter(new))
    }

    async fn delete_parameter(&self, name: String) -> Result<(), CallError> {
        let resource = self.look(|state| state.arn("ssm", &format!("parameter{name}")));
        self.call("ssm", "DeleteParameter", Write, &resource, |state| {
            let gone = || Refusal::new("ParameterNotFound", format!("Parameter {name} not found."));
            state.own_parameters.remove(&name).map(|_| ()).ok_or_else(gone)
        })
    }
}
