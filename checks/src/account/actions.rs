//! The IAM actions that a deployment needs, step by step: to make, to look, to change and to take away.
//!
//! A test records the calls of a deployment and of its removal, and fails where one is missing here. Actions that stand
//! behind no call of their own (`iam:PassRole`, and the tags that are put on at creation) are from the Service
//! Authorization Reference.

use std::collections::{BTreeMap, BTreeSet};

use model::plan::StepId;

/// What a step needs.
pub fn of_step(step: StepId) -> &'static [&'static str] {
    match step {
        StepId::SecurityGroup => &[
            "ec2:DescribeVpcs",
            "ec2:DescribeSubnets",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:CreateSecurityGroup",
            "ec2:CreateTags",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:DeleteSecurityGroup",
        ],
        StepId::Role | StepId::GatewayRole | StepId::RuntimeRole => &[
            "iam:GetRole",
            "iam:ListRoles",
            "iam:CreateRole",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:GetRolePolicy",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
            "iam:DeleteRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:DetachRolePolicy",
            "iam:DeleteRole",
        ],
        StepId::InstanceProfile => &[
            "iam:GetInstanceProfile",
            "iam:ListInstanceProfiles",
            "iam:CreateInstanceProfile",
            "iam:TagInstanceProfile",
            "iam:AddRoleToInstanceProfile",
            "iam:RemoveRoleFromInstanceProfile",
            "iam:DeleteInstanceProfile",
        ],
        StepId::UserPool => &[
            "tag:GetResources",
            "cognito-idp:ListUserPools",
            "cognito-idp:DescribeUserPool",
            "cognito-idp:CreateUserPool",
            "cognito-idp:TagResource",
            "cognito-idp:UpdateUserPool",
            "cognito-idp:GetUserPoolMfaConfig",
            "cognito-idp:SetUserPoolMfaConfig",
            "cognito-idp:DeleteUserPool",
        ],
        StepId::ResourceServer => &[
            "cognito-idp:DescribeResourceServer",
            "cognito-idp:CreateResourceServer",
            "cognito-idp:UpdateResourceServer",
            "cognito-idp:DeleteResourceServer",
        ],
        StepId::AppClient => &[
            "cognito-idp:ListUserPoolClients",
            "cognito-idp:DescribeUserPoolClient",
            "cognito-idp:CreateUserPoolClient",
            "cognito-idp:UpdateUserPoolClient",
            "cognito-idp:DeleteUserPoolClient",
        ],
        StepId::Domain => &[
            "cognito-idp:DescribeUserPoolDomain",
            "cognito-idp:CreateUserPoolDomain",
            "cognito-idp:DeleteUserPoolDomain",
        ],
        StepId::Certificate => &[
            "acm:ListCertificates",
            "acm:DescribeCertificate",
            "acm:ListTagsForCertificate",
            "acm:RequestCertificate",
            "acm:AddTagsToCertificate",
            "acm:DeleteCertificate",
        ],
        StepId::Address => {
            &["ec2:DescribeAddresses", "ec2:AllocateAddress", "ec2:CreateTags", "ec2:ReleaseAddress"]
        }
        StepId::Instance => &[
            "ssm:GetParameter",
            "servicequotas:GetServiceQuota",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeInstances",
            "ec2:DescribeInstanceAttribute",
            "ec2:DescribeVolumes",
            "ec2:RunInstances",
            "ec2:CreateTags",
            "iam:PassRole",
            "ec2:ModifyInstanceAttribute",
            "ec2:ModifyInstanceMetadataOptions",
            "ec2:ModifyVolume",
            "ec2:TerminateInstances",
        ],
        StepId::AddressAssociation => &["ec2:AssociateAddress", "ec2:DisassociateAddress"],
        StepId::Readiness => &["ec2:DescribeInstanceStatus"],
        StepId::Bucket | StepId::SchemaBucket => &[
            "s3:ListBucket",
            "s3:CreateBucket",
            "s3:TagResource",
            "s3:GetBucketTagging",
            "s3:PutBucketTagging",
            "s3:GetEncryptionConfiguration",
            "s3:PutEncryptionConfiguration",
            "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketPublicAccessBlock",
            "s3:GetBucketPolicy",
            "s3:PutBucketPolicy",
            "s3:DeleteBucket",
        ],
        StepId::Bundle | StepId::Schemas => {
            &["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        }
        StepId::HostProgress => &[
            "ssm:GetParameter",
            "ssm:ListTagsForResource",
            "ssm:PutParameter",
            "ssm:AddTagsToResource",
            "ssm:DeleteParameter",
        ],
        StepId::CredentialProvider => &[
            "bedrock-agentcore:GetApiKeyCredentialProvider",
            "bedrock-agentcore:CreateApiKeyCredentialProvider",
            "bedrock-agentcore:TagResource",
            "bedrock-agentcore:ListTagsForResource",
            "bedrock-agentcore:DeleteApiKeyCredentialProvider",
            "secretsmanager:CreateSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecret",
            "secretsmanager:TagResource",
            "secretsmanager:DescribeSecret",
            "secretsmanager:DeleteSecret",
        ],
        StepId::Gateway => &[
            "bedrock-agentcore:ListGateways",
            "bedrock-agentcore:GetGateway",
            "bedrock-agentcore:ListTagsForResource",
            "bedrock-agentcore:CreateGateway",
            "bedrock-agentcore:CreateWorkloadIdentity",
            "bedrock-agentcore:TagResource",
            "iam:PassRole",
            "bedrock-agentcore:UpdateGateway",
            "bedrock-agentcore:DeleteGateway",
        ],
        StepId::TargetK8s | StepId::TargetLogs | StepId::TargetMetrics | StepId::TargetRunbooks => &[
            "bedrock-agentcore:ListGatewayTargets",
            "bedrock-agentcore:GetGatewayTarget",
            "bedrock-agentcore:CreateGatewayTarget",
            "bedrock-agentcore:UpdateGatewayTarget",
            "bedrock-agentcore:DeleteGatewayTarget",
            "s3:GetObject",
        ],
        StepId::Memory => &[
            "bedrock-agentcore:ListMemories",
            "bedrock-agentcore:GetMemory",
            "bedrock-agentcore:ListTagsForResource",
            "bedrock-agentcore:CreateMemory",
            "bedrock-agentcore:TagResource",
            "bedrock-agentcore:UpdateMemory",
            "bedrock-agentcore:DeleteMemory",
        ],
        StepId::Runtime => &[
            "bedrock-agentcore:ListAgentRuntimes",
            "bedrock-agentcore:GetAgentRuntime",
            "bedrock-agentcore:ListTagsForResource",
            "bedrock-agentcore:CreateAgentRuntime",
            "bedrock-agentcore:CreateWorkloadIdentity",
            "bedrock-agentcore:TagResource",
            "iam:PassRole",
            "bedrock-agentcore:UpdateAgentRuntime",
            "bedrock-agentcore:DeleteAgentRuntime",
        ],
        StepId::HostInstalled => &["ssm:GetParameter", "ec2:GetConsoleOutput"],
    }
}

/// What these steps need, each action with the steps that need it.
pub fn of_steps(steps: impl IntoIterator<Item = StepId>) -> BTreeMap<&'static str, BTreeSet<StepId>> {
    let mut needed: BTreeMap<&'static str, BTreeSet<StepId>> = BTreeMap::new();
    for step in steps {
        for action in of_step(step) {
            needed.entry(action).or_default().insert(step);
        }
    }
    needed
}
