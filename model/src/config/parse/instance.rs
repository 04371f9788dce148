//! `instance:`

use crate::{
    config::{
        Instance, OperatingSystem, codes,
        fields::{Fields, Flaw},
        instance_size::{self, Size},
        problem::Problem,
    },
    ids::{AmiId, InstanceId, InstanceType},
};

/// Under this the agent, its backends and the proxy starve each other.
const MINIMUM: Size = Size { vcpus: 4, memory_gib: 16 };
/// Under this the container images fill the disk.
const MINIMUM_VOLUME_GB: u32 = 50;

const SYSTEMS: &[(&str, OperatingSystem)] =
    &[("al2023", OperatingSystem::AmazonLinux2023), ("ubuntu-22.04", OperatingSystem::Ubuntu2204)];

pub(super) fn instance(fields: &mut Fields) -> Option<Instance> {
    let instance_type = fields.text("instance.type", |text| InstanceType::parse(text).map_err(Flaw::from));
    let os = fields.choice("instance.os", SYSTEMS);
    let ami_id = fields.optional("instance.ami_id", |text| AmiId::parse(text).map_err(Flaw::from));
    let volume_gb = fields.number("instance.volume_gb").and_then(|number| u32::try_from(number).ok());
    let adopt_instance_id =
        fields.optional("instance.adopt_instance_id", |text| InstanceId::parse(text).map_err(Flaw::from));
    if let Some(instance_type) = &instance_type {
        judge_size(fields, instance_type);
    }
    if let Some(volume_gb) = volume_gb.filter(|gb| *gb < MINIMUM_VOLUME_GB) {
        let place = fields.place("instance.volume_gb");
        fields.judge(|fields| {
            let message =
                format!("{volume_gb} GB is less than the {MINIMUM_VOLUME_GB} GB that the agent needs");
            Problem::new(codes::VOLUME_TOO_SMALL, fields.risk(), &place, message).example("volume_gb: 50")
        });
    }
    Some(Instance {
        instance_type: instance_type?,
        os: os?,
        ami_id: ami_id?,
        volume_gb: volume_gb?,
        adopt_instance_id: adopt_instance_id?,
    })
}

fn judge_size(fields: &mut Fields, instance_type: &InstanceType) {
    let place = fields.place("instance.type");
    match instance_size::of(instance_type) {
        None => fields.judge(|_| {
            let message = format!("could not judge whether `{instance_type}` has 4 vCPU and 16 GiB");
            Problem::warning(codes::INSTANCE_NOT_JUDGED, &place, message).suggestion(format!(
                "`aws ec2 describe-instance-types --instance-types {instance_type}` shows its size"
            ))
        }),
        Some(size) if size.vcpus < MINIMUM.vcpus || size.memory_gib < MINIMUM.memory_gib => {
            fields.judge(|fields| {
                let Size { vcpus, memory_gib } = size;
                let message = format!(
                    "`{instance_type}` has {vcpus} vCPU and {memory_gib} GiB; 4 vCPU and 16 GiB are needed"
                );
                Problem::new(codes::INSTANCE_TOO_SMALL, fields.risk(), &place, message)
                    .example("type: t3.xlarge")
            });
        }
        Some(_) => {}
    }
}
