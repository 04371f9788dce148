//! The guide for the instance.

use model::guide::Entry;
use model::plan::{Fields, StepId};
use serde_json::json;

use super::{Guide, by_tag, clicks, ec2, is_true, items, tag, tag_entries, text};
use crate::steps::{Context, Want};

/// What a launch needs beside the wanted properties.
pub(crate) struct Launch {
    /// The script of the first boot, where the instance installs itself.
    pub(crate) user_data: Option<String>,
    /// The tag that says which bundle it installs, where it does.
    pub(crate) bundle: Option<(&'static str, String)>,
}

pub(crate) fn instance(cx: &Context<'_>, want: &Want, launch: Launch) -> Guide {
    let image = &cx.pins.image_id;
    let mut values = vec![Entry::new("Name", &want.name)];
    values.extend(tag_entries(cx, StepId::Instance));
    values.extend(launch.bundle.map(|(key, digest)| {
        tag(key, &digest).note("Name and tags > Add additional tags; resource types Instances and Volumes")
    }));
    values.extend(machine(cx, want));
    values.extend(launch.user_data.map(|script| {
        Entry::new("Advanced details > User data", script)
            .note("exactly so, from its first character; it is run at the first boot and never again")
    }));
    let settings = "EC2 > Instances > (the instance) > Actions > Instance settings";
    let anew = |what: &str| format!("{what} is chosen at launch: terminate the instance and launch it again");
    Guide {
        title: format!("Launch instance {}", want.name),
        console: ec2(cx.region, &format!("LaunchInstances:ami={image}")),
        path: clicks(["EC2", "Instances", "Launch instances"]),
        values,
        finds: by_tag(cx, "; without it, by the instance id that you give"),
        fixes: vec![
            ("type", anew("the instance type")),
            ("subnet", anew("the subnet")),
            ("image", anew("the image")),
            ("volume_encrypted", anew("encryption")),
            ("bundle", anew("what is installed at the first boot")),
            (
                "security_groups",
                "EC2 > Instances > (the instance) > Actions > Security > Change security groups".to_owned(),
            ),
            (
                "instance_profile",
                "EC2 > Instances > (the instance) > Actions > Security > Modify IAM role".to_owned(),
            ),
            ("volume_gb", "EC2 > Volumes > (its root volume) > Actions > Modify volume".to_owned()),
            ("termination_protection", format!("{settings} > Change termination protection")),
            (
                "imds_tokens_required",
                format!("{settings} > Modify instance metadata options > IMDSv2: Required"),
            ),
            (
                "imds_hop_limit",
                format!("{settings} > Modify instance metadata options > Metadata response hop limit"),
            ),
        ],
        more: Fields::from([
            ("image".to_owned(), json!(image)),
            ("volume_encrypted".to_owned(), json!(true)),
        ]),
    }
}

/// The machine itself, in the order of the page.
fn machine(cx: &Context<'_>, want: &Want) -> Vec<Entry> {
    let protected = if is_true(want, "termination_protection") { "Enable" } else { "Disable" };
    let version =
        if is_true(want, "imds_tokens_required") { "V2 only (token required)" } else { "V1 and V2" };
    vec![
        Entry::new("Application and OS Images (Amazon Machine Image)", &cx.pins.image_id)
            .note("the link has chosen it; else paste it into the search, under Community AMIs"),
        Entry::new("Instance type", text(want, "type")),
        Entry::new("Key pair (login)", "Proceed without a key pair").note("Session Manager needs none"),
        Entry::new("Network settings > Edit > VPC", &cx.pins.vpc_id),
        Entry::new("Network settings > Edit > Subnet", text(want, "subnet")),
        Entry::new(
            "Network settings > Edit > Firewall > Select existing security group",
            items(want, "security_groups").join(", "),
        ),
        Entry::new("Configure storage > Advanced > Root volume > Size (GiB)", text(want, "volume_gb")),
        Entry::new("Configure storage > Advanced > Root volume > Volume type", "gp3"),
        Entry::new("Configure storage > Advanced > Root volume > Encrypted", "Encrypted"),
        Entry::new("Configure storage > Advanced > Root volume > Delete on termination", "Yes"),
        Entry::new("Advanced details > IAM instance profile", text(want, "instance_profile")),
        Entry::new("Advanced details > Termination protection", protected),
        Entry::new("Advanced details > Metadata accessible", "Enabled"),
        Entry::new("Advanced details > Metadata version", version),
        Entry::new("Advanced details > Metadata response hop limit", text(want, "imds_hop_limit")),
    ]
}
