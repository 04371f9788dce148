//! What is asked of the account for `check account`, question by question.

use checks::account::facts::{
    Availability, Comparison, ConverseError, DomainState, DryRun, Identity, InstanceFacts, Life, Model,
    ModelFacts, NotTold, PoolFacts, Profile, QuotaFacts, Simulated, StepFacts, Told,
};
use cloud::port::bedrock::{FoundationModel, ModelLife};
use cloud::port::cognito::AppClientRef;
use cloud::port::ec2::{DryRun as Tried, InstanceQuery, InstanceState, NewInstance, NewSecurityGroup};
use cloud::port::iam::Simulation;
use cloud::port::quotas::QuotaQuery;
use cloud::{Cloud, ErrorKind};
use model::bedrock::base_id;
use model::config::Config;
use model::plan::{Pins, StepId};
use model::tags::Tags;
use model::{AccountId, Region};
use provision::engine::Prepared;
use provision::error::{RunError, StepError};
use provision::journal::State;
use provision::survey::{Adoptions, Sight};

use super::ask::{Desk, not_told};
use crate::session::Session;

/// How many actions are simulated with one call.
const ACTIONS_AT_ONCE: usize = 40;

/// Everything that questions are asked with.
pub(super) struct Gather<'a> {
    pub(super) desk: &'a Desk,
    pub(super) session: &'a Session<'a>,
    pub(super) cloud: &'a Cloud,
    pub(super) config: &'a Config,
    pub(super) state: Option<&'a State>,
}

impl Gather<'_> {
    /// Who we are.
    pub(super) async fn identity(&self) -> Told<Identity> {
        let who = self.desk.told(async || self.cloud.sts.get_caller_identity(()).await).await?;
        Ok(Identity { account: who.account, arn: who.arn })
    }

    /// The user or role whose policies count for a caller.
    async fn principal(&self, caller: &Identity) -> Told<String> {
        let (prefix, resource) = caller.arn.rsplit_once(':').unwrap_or(("", &caller.arn));
        if resource.starts_with("user/") || resource.starts_with("role/") {
            return Ok(caller.arn.clone());
        }
        let Some(role) = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next())
        else {
            return Err(NotTold {
                action: "iam:SimulatePrincipalPolicy".to_owned(),
                reason: format!("{resource} is no user and no role whose policies could be simulated"),
                is_denied: false,
                is_unsupported: true,
            });
        };
        let partition = prefix.split(':').nth(1).unwrap_or("aws");
        // The ARN of a session does not tell the path of its role, which belongs to the role's own ARN.
        let found = self.desk.ask(async || self.cloud.iam.get_role(role.to_owned()).await).await;
        let known = found.ok().flatten().map(|role| role.arn);
        Ok(known.unwrap_or_else(|| format!("arn:{partition}:iam::{}:role/{role}", caller.account)))
    }

    /// What the policies of a caller say of these actions.
    pub(super) async fn simulated(
        &self,
        caller: &Identity,
        actions: impl Iterator<Item = &str>,
    ) -> Told<Vec<Simulated>> {
        let principal_arn = self.principal(caller).await?;
        let actions: Vec<String> = actions.map(str::to_owned).collect();
        let mut all = Vec::new();
        for actions in actions.chunks(ACTIONS_AT_ONCE) {
            let question = Simulation {
                principal_arn: principal_arn.clone(),
                actions: actions.to_vec(),
                resources: Vec::new(),
            };
            all.extend(self.desk.simulated(self.cloud, question).await?);
        }
        Ok(all)
    }

    /// What the policies of the instance's role say of the models, by the role's ARN.
    pub(super) async fn role_simulated(&self, role_arn: &str, account: &AccountId) -> Told<Vec<Simulated>> {
        let region = &self.config.aws.region;
        let mut all = Vec::new();
        for called in self.config.proxy.models_in(region).values() {
            let question = Simulation {
                principal_arn: role_arn.to_owned(),
                actions: ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
                    .map(str::to_owned)
                    .to_vec(),
                resources: vec![resource_of(called, region, account)],
            };
            all.extend(self.desk.simulated(self.cloud, question).await?);
        }
        Ok(all)
    }

    /// Tries the calls of EC2 that can be tried.
    pub(super) async fn dry_runs(&self, pins: Option<&Pins>) -> Vec<DryRun> {
        let mut tries = vec![("ec2:AllocateAddress", Tried::AllocateAddress(Tags::new()))];
        if let Some(pins) = pins.filter(|pins| !pins.vpc_id.is_empty() && !pins.image_id.is_empty()) {
            let group = NewSecurityGroup {
                name: format!("{}-dry-run", self.config.deployment.id),
                description: "sre-agent-deploy dry run".to_owned(),
                vpc_id: pins.vpc_id.clone(),
                tags: Tags::new(),
            };
            let instance = NewInstance {
                image_id: pins.image_id.clone(),
                instance_type: self.config.instance.instance_type.to_string(),
                subnet_id: pins.subnet_id.clone(),
                group_ids: Vec::new(),
                profile_name: String::new(),
                root_device_name: pins.root_device_name.clone(),
                volume_gb: self.config.instance.volume_gb,
                termination_protection: false,
                client_token: "dry-run".to_owned(),
                user_data: None,
                tags: Tags::new(),
            };
            tries.push(("ec2:CreateSecurityGroup", Tried::CreateSecurityGroup(group)));
            tries.push(("ec2:RunInstances", Tried::RunInstances(Box::new(instance))));
        }
        let mut answers = Vec::new();
        for (action, attempt) in tries {
            let answer = self.desk.ask(async || self.cloud.ec2.dry_run(attempt.clone()).await).await;
            let accepted = match answer {
                Ok(()) => Ok(true),
                Err(error) if error.kind == ErrorKind::Denied => Ok(false),
                Err(error) => Err(not_told(&error)),
            };
            answers.push(DryRun { action: action.to_owned(), accepted });
        }
        answers
    }

    async fn limit(&self, service: &str, quota: &str) -> Told<Option<f64>> {
        let query = QuotaQuery { service_code: service.to_owned(), quota_code: quota.to_owned() };
        self.desk.told(async || self.cloud.quotas.get_service_quota(query.clone()).await).await
    }

    /// vCPUs.
    pub(super) async fn vcpus(&self) -> QuotaFacts {
        let kind = self.config.instance.instance_type.to_string();
        let info = self.desk.told(async || self.cloud.ec2.describe_instance_type(kind.clone()).await).await;
        QuotaFacts {
            needed: info.map(|info| info.map(|info| info.vcpus)),
            limit: self.limit("ec2", "L-1216C47A").await,
            what: kind,
        }
    }

    /// Elastic IPs.
    pub(super) async fn addresses(&self) -> QuotaFacts {
        let limit = self.limit("ec2", "L-0263D0A3").await;
        QuotaFacts { needed: Ok(Some(1)), limit, what: "the deployment".to_owned() }
    }

    /// Rules of the security group, inbound: that direction has the most.
    pub(super) async fn rules(&self, pins: Option<&Pins>) -> QuotaFacts {
        let network = &self.config.network;
        let blocks = pins.map_or(1, |pins| pins.vpc_cidrs.len().max(1));
        let count = network.backend_ports.len().saturating_mul(blocks);
        let count = count.saturating_add(network.https_cidrs.len()).saturating_add(network.ssh_cidrs.len());
        let limit = self.limit("vpc", "L-0EA8095F").await;
        let needed = Ok(Some(u32::try_from(count).unwrap_or(u32::MAX)));
        QuotaFacts { needed, limit, what: "the configuration".to_owned() }
    }

    /// The models of the configuration.
    pub(super) async fn models(&self, converse: bool) -> Vec<ModelFacts> {
        let mut all = Vec::new();
        for (alias, called) in self.config.proxy.models_in(&self.config.aws.region) {
            all.push(self.model(alias, called.into_owned(), converse).await);
        }
        all
    }

    async fn model(&self, alias: &str, called: String, converse: bool) -> ModelFacts {
        let bedrock = &self.cloud.bedrock;
        let is_profile = called.contains("inference-profile/")
            || base_id(&called) != Some(&called) && !called.contains(":foundation-model/");
        let profile = if is_profile {
            let told = self.desk.told(async || bedrock.get_inference_profile(called.clone()).await).await;
            Some(told.map(|one| one.map(|one| Profile { active: one.active, model_arns: one.model_arns })))
        } else {
            None
        };
        // What an application profile stands for is only in its description.
        let behind = profile.as_ref().and_then(|told| told.as_ref().ok()?.as_ref()?.model_arns.first());
        let behind = behind.and_then(|arn| arn.split_once(":foundation-model/").map(|(_, id)| id));
        let model_id = base_id(&called).or(behind).map(str::to_owned);
        let (model, availability) = match &model_id {
            Some(id) => (
                self.desk.told(async || bedrock.get_foundation_model(id.clone()).await).await,
                self.desk.told(async || bedrock.get_model_availability(id.clone()).await).await,
            ),
            None => match &profile {
                Some(Err(why)) => (Err(why.clone()), Err(why.clone())),
                _ => (Ok(None), Ok(None)),
            },
        };
        let converse = if converse { Some(self.converse(&called).await) } else { None };
        ModelFacts {
            alias: alias.to_owned(),
            model: model.map(|model| model.map(from_model)),
            availability: availability.map(|open| {
                open.map(|open| Availability {
                    authorized: open.authorized,
                    entitled: open.entitled,
                    in_region: open.in_region,
                    agreement: open.agreement,
                    agreement_message: open.agreement_message,
                })
            }),
            profile,
            converse,
            called,
        }
    }

    async fn converse(&self, called: &str) -> Result<u32, ConverseError> {
        let runtime = &self.cloud.bedrock_runtime;
        match self.desk.ask(async || runtime.converse_once(called.to_owned()).await).await {
            Ok(spent) => Ok(spent.output_tokens),
            Err(error) => {
                let is_verdict =
                    matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Denied);
                Err(ConverseError { told: not_told(&error), is_verdict })
            }
        }
    }

    /// The instance that the state file names, if it names one.
    pub(super) async fn instance(&self) -> Option<(String, Told<Option<InstanceFacts>>)> {
        let id = self.state?.step(StepId::Instance).id?;
        let ec2 = &self.cloud.ec2;
        let told = self.desk.told(async || ec2.describe_instances(InstanceQuery::Id(id.clone())).await).await;
        let found = match told {
            Err(why) => return Some((id, Err(why))),
            Ok(found) => found.into_iter().find(|instance| instance.state != InstanceState::Terminated),
        };
        let Some(instance) = found else { return Some((id, Ok(None))) };
        let status = self.desk.told(async || ec2.describe_instance_status(id.clone()).await).await;
        let facts = status.map(|status| {
            let state = match instance.state {
                InstanceState::Pending => "pending",
                InstanceState::Running => "running",
                InstanceState::Stopping => "stopping",
                InstanceState::Stopped => "stopped",
                InstanceState::ShuttingDown => "shutting-down",
                InstanceState::Terminated => "terminated",
            };
            let checks_passed = status.map(|status| status.system_ok && status.instance_ok);
            Some(InstanceFacts { state: state.to_owned(), checks_passed })
        });
        Some((id, facts))
    }

    /// The user pool that the state file names, if it names one.
    pub(super) async fn pool(&self) -> Option<PoolFacts> {
        let state = self.state?;
        let cognito = &self.cloud.cognito;
        let pool_id = state.step(StepId::UserPool).id?;
        let pool = self.desk.told(async || cognito.describe_user_pool(pool_id.clone()).await).await;
        let client = match state.step(StepId::AppClient).id {
            Some(id) => {
                let named = AppClientRef { pool_id: pool_id.clone(), id: id.clone() };
                let told = self.desk.told(async || cognito.describe_app_client(named.clone()).await).await;
                Some((id, told.map(|client| client.map(|client| client.client_credentials_only))))
            }
            None => None,
        };
        let domain = match state.step(StepId::Domain).id {
            Some(prefix) => {
                let told = self.desk.told(async || cognito.describe_domain(prefix.clone()).await).await;
                let show = |one: cloud::port::cognito::Domain| DomainState {
                    pool_id: one.pool_id,
                    status: one.status,
                };
                Some((prefix, told.map(|domain| domain.map(show))))
            }
            None => None,
        };
        Some(PoolFacts { pool: pool.map(|pool| pool.is_some()), pool_id, client, domain })
    }

    /// The state file against the account: the planner looks, with the configuration that was approved.
    pub(super) async fn comparison(&self, account: &AccountId) -> Told<Comparison> {
        let Some(state) = self.state else { return Ok(Comparison::Steps(Vec::new())) };
        let approved = state.config.as_ref().and_then(|resolved| Config::from_resolved(resolved).ok());
        let config = approved.as_ref().unwrap_or(self.config);
        let engine = self.session.engine(self.cloud);
        let prepared = Box::pin(engine.prepare(config, account, Some(state), &Adoptions::new())).await;
        match prepared {
            Ok(prepared) => Ok(Comparison::Steps(steps(&prepared, state))),
            Err(RunError::Refused(findings)) => Ok(Comparison::Refused(findings)),
            Err(RunError::Look(StepError::Call(error))) => {
                self.desk.note(&error);
                Err(not_told(&error))
            }
            Err(other) => Err(NotTold {
                action: "the planner".to_owned(),
                reason: other.to_string(),
                is_denied: false,
                is_unsupported: false,
            }),
        }
    }
}

fn steps(prepared: &Prepared, state: &State) -> Vec<StepFacts> {
    prepared
        .plan
        .steps
        .iter()
        .map(|planned| {
            let recorded = state.step(planned.id);
            let found = match prepared.survey.get(&planned.id).map(|sighting| &sighting.sight) {
                Some(Sight::Ours(found) | Sight::Adopted(found)) => Some(found.outputs.clone()),
                _ => None,
            };
            StepFacts {
                step: planned.id,
                change: planned.change.clone(),
                recorded_id: recorded.id,
                recorded: recorded.outputs,
                found,
            }
        })
        .collect()
}

fn from_model(model: FoundationModel) -> Model {
    Model {
        life: match model.life {
            ModelLife::Active => Life::Active,
            ModelLife::Legacy => Life::Legacy,
            ModelLife::Other(status) => Life::Other(status),
        },
        id: model.id,
        end_of_life: model.end_of_life,
        on_demand: model.on_demand,
    }
}

/// The ARN that IAM knows a model by, as it is called.
fn resource_of(called: &str, region: &Region, account: &AccountId) -> String {
    let partition = region.partition();
    if called.starts_with("arn:") {
        called.to_owned()
    } else if base_id(called) == Some(called) {
        format!("arn:{partition}:bedrock:{region}::foundation-model/{called}")
    } else {
        format!("arn:{partition}:bedrock:{region}:{account}:inference-profile/{called}")
    }
}
