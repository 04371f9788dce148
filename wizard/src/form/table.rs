//! The table of questions: every key of the configuration that a person is asked for, in the order of the walk.

use super::{Field, Page};

const fn ask(page: Page, path: &'static str, title: &'static str, help: &'static str) -> Field {
    Field { path, page, title, help, link: None, is_advanced: false }
}

impl Field {
    const fn link(self, link: &'static str) -> Self {
        Self { link: Some(link), ..self }
    }

    const fn advanced(self) -> Self {
        Self { is_advanced: true, ..self }
    }
}

/// Every question, in the order of the walk.
pub const FIELDS: &[Field] = &[
    ask(
        Page::Welcome,
        "mode",
        "Mode",
        "`production` refuses what is risky and protects what it makes from deletion; `staging` only warns. \
         `rehearsal` does everything in an embedded practice account: no AWS account is needed and nothing costs anything.",
    ),
    ask(
        Page::Welcome,
        "aws.profile",
        "AWS profile",
        "Whose credentials are used, by their name in ~/.aws/config. Nothing means the usual search: variables, the \
         default profile, the role of this instance.",
    )
    .link("https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html"),
    ask(
        Page::Welcome,
        "aws.region",
        "Region",
        "Where everything is made. Prices and the models that answer differ by Region, and moving later means deploying anew.",
    )
    .link("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-regions-availability-zones.html"),
    ask(
        Page::Welcome,
        "aws.account_id",
        "AWS account",
        "Pins the account: with credentials of another one nothing is done. Without it, whichever account the \
         credentials happen to be of is changed.",
    )
    .link("https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html"),
    ask(
        Page::Environment,
        "deployment.environment",
        "Environment",
        "Who it is for. With `prod` the mode is `production` unless you choose another, and what is risky is refused.",
    ),
    ask(
        Page::Environment,
        "deployment.id",
        "Deployment id",
        "Names, tags and cleanup hang on it, so it must be unique in the account. It cannot be changed later without \
         deploying anew.",
    )
    .link("https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"),
    ask(
        Page::Network,
        "network.vpc_id",
        "VPC",
        "The network that the instance stands in. Nothing means the default VPC of the Region, which not every account still has.",
    )
    .link("https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html"),
    ask(
        Page::Network,
        "network.subnet_id",
        "Subnet",
        "It must be public, with a route to an internet gateway: clients come in that way and Bedrock is reached \
         that way. Nothing means a public subnet of the VPC.",
    )
    .link("https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html"),
    ask(
        Page::Instance,
        "instance.adopt_instance_id",
        "Existing instance",
        "Uses an instance that you have instead of making one. It keeps its network, security groups, image, role and \
         disks; it is never owned and never deleted, and nothing is installed on it from outside.",
    ),
    ask(
        Page::Instance,
        "instance.type",
        "Instance type",
        "The largest part of the bill: t3.xlarge is about 120 USD a month in us-east-1. The SRE agent needs 4 vCPU and \
         16 GiB, and less is an error in production.",
    )
    .link("https://aws.amazon.com/ec2/instance-types/"),
    ask(
        Page::Instance,
        "instance.os",
        "Operating system",
        "Amazon Linux 2023 brings the Systems Manager agent and is maintained by AWS. Choose Ubuntu 22.04 where your \
         tools need it; its standard support ends in 2027.",
    )
    .link("https://docs.aws.amazon.com/linux/al2023/ug/what-is-amazon-linux.html"),
    ask(
        Page::Instance,
        "instance.volume_gb",
        "Disk (GiB)",
        "Size of the encrypted gp3 root volume, billed by the GiB whether it is used or not. The agent's container \
         images need 50; a volume can grow later but never shrink.",
    )
    .link("https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"),
    ask(
        Page::Instance,
        "instance.ami_id",
        "Machine image",
        "An image of your own, hardened for example; it must be of the chosen operating system. Nothing means the \
         newest one of AWS or Canonical, looked up once and kept, so that a new release never replaces the instance.",
    )
    .link("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIs.html")
    .advanced(),
    ask(
        Page::Instance,
        "host.install",
        "Installation",
        "`user-data`: the instance installs the proxy by itself at its first boot. `here`: on the machine this runs \
         on, which must be the instance. `none`: only the cloud side is made, and nothing serves yet.",
    )
    .link("https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"),
    ask(
        Page::SecurityGroup,
        "network.https_cidrs",
        "Who reaches 443",
        "The addresses of your clients. 0.0.0.0/0 is everybody: requests still need a token, but strangers can knock. \
         With tls-alpn-01 the certificate authority must be among them, and its addresses are not published.",
    )
    .link("https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"),
    ask(
        Page::SecurityGroup,
        "network.ssh_cidrs",
        "Who reaches 22",
        "An empty list keeps port 22 closed: Session Manager gives a shell without any open port or key. If you need SSH, \
         name your own network; the whole internet is an error in production.",
    )
    .link("https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager.html"),
    ask(
        Page::SecurityGroup,
        "network.backend_ports",
        "Backend ports",
        "The ports of the SRE agent's backends. They are open to addresses inside the VPC only, never to the internet.",
    )
    .link("https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html"),
    ask(
        Page::Cognito,
        "cognito.adopt_user_pool_id",
        "Existing user pool",
        "Uses a user pool that you have instead of making one. Client, scopes and address are added to it; the pool \
         itself is not changed and never deleted.",
    )
    .link("https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools.html")
    .advanced(),
    ask(
        Page::Cognito,
        "cognito.domain_prefix",
        "Token address prefix",
        "Clients fetch tokens from PREFIX.auth.REGION.amazoncognito.com, so it must be free among all AWS customers in \
         the Region. The words aws, amazon and cognito are not accepted.",
    )
    .link("https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain.html"),
    ask(
        Page::Cognito,
        "cognito.resource_server",
        "Resource server",
        "Stands in front of every scope, as in sre-agent-api/read. Clients send it, so changing it later means changing them.",
    )
    .link("https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html")
    .advanced(),
    ask(
        Page::Cognito,
        "cognito.scopes",
        "Scopes",
        "What a client may ask for, without the resource server in front. Giving different clients different scopes \
         lets you take one away without touching the others.",
    )
    .link("https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html")
    .advanced(),
    ask(
        Page::Cognito,
        "cognito.access_token_minutes",
        "Token lifetime (minutes)",
        "How long a token works, also one that leaked: it cannot be called back. Each new token for a machine is \
         billed by Cognito, so very short lives cost money.",
    )
    .link("https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html"),
    ask(
        Page::Cognito,
        "cognito.mfa",
        "Second factor",
        "For people who sign in to the user pool. Machines use client credentials and have no second factor.",
    )
    .link("https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa.html"),
    ask(
        Page::Tls,
        "tls.source",
        "Certificate from",
        "`acme`: free and renewed by the instance itself. `acm-exportable`: a public certificate of AWS that may leave \
         ACM, charged at issue and at each renewal. `files`: yours, and you keep them fresh.",
    )
    .link("https://docs.aws.amazon.com/acm/latest/userguide/acm-exportable-certificates.html"),
    ask(
        Page::Tls,
        "tls.domain",
        "Domain name",
        "The name that clients use, in a zone where you can make records. You point it at the instance's address once \
         that is allocated; certificates are issued for it.",
    )
    .link("https://letsencrypt.org/docs/challenge-types/"),
    ask(
        Page::Tls,
        "tls.acme.email",
        "Contact",
        "The contact of the account at the certificate authority. Let's Encrypt has sent no mail about expiry since \
         June 2025, other authorities do.",
    )
    .link("https://www.rfc-editor.org/rfc/rfc8555#section-7.3"),
    ask(
        Page::Tls,
        "tls.acme.challenge",
        "Proof of control",
        "`tls-alpn-01` is answered on port 443 and needs nothing else. `http-01` needs port 80 from everywhere; `dns-01` \
         needs write access to the zone, and is the one for an endpoint that the internet cannot reach.",
    )
    .link("https://letsencrypt.org/docs/challenge-types/"),
    ask(
        Page::Tls,
        "tls.acme.directory",
        "Certificate authority",
        "Write letsencrypt-staging while you try things out: clients do not trust its certificates, but its limits are \
         wide. Let's Encrypt itself issues only a few certificates for the same name in a week.",
    )
    .link("https://letsencrypt.org/docs/staging-environment/")
    .advanced(),
    ask(
        Page::Tls,
        "tls.acme.profile",
        "Certificate profile",
        "The authority's kind of certificate, such as `shortlived` for one of about six days. Nothing means its usual one.",
    )
    .link("https://letsencrypt.org/docs/profiles/")
    .advanced(),
    ask(
        Page::Tls,
        "tls.acme.eab_key_id",
        "External account key",
        "For authorities that want to know whose account it is; they give you this id and a key. Let's Encrypt has nothing of the kind.",
    )
    .link("https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4")
    .advanced(),
    ask(
        Page::Tls,
        "tls.acme.eab_hmac_path",
        "External key file",
        "The file on the instance that holds that key, readable by its owner only. The key itself never goes into the configuration.",
    )
    .link("https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4")
    .advanced(),
    ask(
        Page::Tls,
        "tls.acme.ca_path",
        "Authority's roots",
        "For an authority of your own, whose server the system does not trust: a PEM file on the instance with its roots.",
    )
    .link("https://www.rfc-editor.org/rfc/rfc8555")
    .advanced(),
    ask(
        Page::Tls,
        "tls.cert_path",
        "Certificate file",
        "The PEM file on the instance with the chain, leaf first. It is read where the proxy runs and read again when \
         it changes, so whoever renews it only has to replace the file.",
    ),
    ask(
        Page::Tls,
        "tls.key_path",
        "Key file",
        "The PEM file on the instance with the private key of that certificate. Keep it readable by its owner only.",
    ),
    ask(
        Page::Proxy,
        "proxy.models",
        "Models",
        "Names that clients send, and the Bedrock model that answers each, as name=model,name=model. You pay Bedrock by \
         the token, and the larger the model the more.",
    )
    .link("https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html"),
    ask(
        Page::Proxy,
        "proxy.limits.requests_per_minute",
        "Requests per minute",
        "What one caller may ask for. Beyond it a request is refused with status 429, and Bedrock is not called.",
    ),
    ask(
        Page::Proxy,
        "proxy.limits.tokens_per_hour",
        "Tokens per hour",
        "What one caller may use, questions and answers together. It bounds what a token that leaked can cost.",
    ),
    ask(
        Page::Gateway,
        "gateway",
        "AgentCore gateway",
        "Whether to make the gateway through which the SRE agent reaches its tools: MCP for holders of a token of the user \
         pool. It reaches the backends of the agent on the instance, so it is of use only with them.",
    )
    .link("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway.html"),
    ask(Page::Gateway, "gateway.name", "Gateway name", "Unique in the account and Region.")
        .link("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway.html"),
    ask(
        Page::Gateway,
        "gateway.role_name",
        "Gateway role",
        "An existing role that the gateway assumes. Nothing means one is made.",
    )
    .link("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html")
    .advanced(),
    ask(
        Page::Gateway,
        "gateway.endpoint_url",
        "Control plane",
        "Another address of the AgentCore control plane than the Region's own. Only for private endpoints and tests.",
    )
    .advanced(),
    ask(
        Page::Gateway,
        "gateway.s3_bucket",
        "Schema bucket",
        "The bucket that holds the OpenAPI schemas of the backends. Nothing means one is made.",
    )
    .link("https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"),
    ask(
        Page::Gateway,
        "gateway.s3_path_prefix",
        "Path in bucket",
        "Where in that bucket the schemas are, without a slash at either end.",
    )
    .advanced(),
    ask(
        Page::Gateway,
        "gateway.provider_arn",
        "Credential provider",
        "An API key credential provider that exists already. The key stays there; it never goes into the configuration.",
    )
    .link("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway.html"),
    ask(
        Page::Gateway,
        "gateway.routing_domain",
        "Private name",
        "The gateway reaches the backends from inside the VPC. Where the domain leads to the public address, give a public \
         name here that leads to the instance's private one.",
    )
    .link("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-vpc-egress.html")
    .advanced(),
    ask(
        Page::Gateway,
        "gateway.memory_days",
        "Memory, in days",
        "Has a memory made for the SRE agent, which keeps what it is told for so long. It takes ten minutes to make. \
         Nothing means none is made.",
    )
    .link("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/memory.html"),
    ask(
        Page::Gateway,
        "gateway.runtime",
        "Runtime",
        "Has AgentCore run the SRE agent: a container image for arm64 in ECR, or a zip file s3://BUCKET/KEY. Nothing means \
         you run it yourself.",
    )
    .link("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agents-tools-runtime.html"),
];
