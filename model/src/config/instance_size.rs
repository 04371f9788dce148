//! How large an instance type is, from its name: current general, compute and memory families follow a rule.

use crate::ids::InstanceType;

/// What matters of an instance type's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory, in GiB.
    pub memory_gib: u32,
}

/// The burstable types (t2, t3, t3a, t4g) from `large` up; smaller ones are all too small, whatever their size.
const BURSTABLE: &[(&str, Size)] = &[
    ("nano", Size { vcpus: 2, memory_gib: 0 }),
    ("micro", Size { vcpus: 2, memory_gib: 1 }),
    ("small", Size { vcpus: 2, memory_gib: 2 }),
    ("medium", Size { vcpus: 2, memory_gib: 4 }),
    ("large", Size { vcpus: 2, memory_gib: 8 }),
    ("xlarge", Size { vcpus: 4, memory_gib: 16 }),
    ("2xlarge", Size { vcpus: 8, memory_gib: 32 }),
];

/// The first generation whose sizes follow the rule of one memory-to-vCPU ratio for the family.
const FIRST_REGULAR_GENERATION: u32 = 5;

/// The size of a type, or nothing where its family is not known.
pub fn of(instance_type: &InstanceType) -> Option<Size> {
    let (family, size) = instance_type.as_str().split_once('.')?;
    if matches!(family, "t2" | "t3" | "t3a" | "t4g") {
        return BURSTABLE.iter().find(|(name, _)| *name == size).map(|(_, size)| *size);
    }
    let memory_per_vcpu = match family.chars().next()? {
        'c' => 2,
        'm' => 4,
        'r' => 8,
        _ => return None,
    };
    let digits: String = family.chars().skip(1).take_while(char::is_ascii_digit).collect();
    if digits.parse::<u32>().ok()? < FIRST_REGULAR_GENERATION {
        return None;
    }
    let vcpus = vcpus(size)?;
    Some(Size { vcpus, memory_gib: vcpus.checked_mul(memory_per_vcpu)? })
}

fn vcpus(size: &str) -> Option<u32> {
    match size {
        "medium" => Some(1),
        "large" => Some(2),
        "xlarge" => Some(4),
        // The smallest bare machine of these families.
        _ if size.starts_with("metal") => Some(48),
        _ => size.strip_suffix("xlarge")?.parse::<u32>().ok()?.checked_mul(4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_from_names() {
        for (name, wanted) in [
            ("t3.xlarge", Some((4, 16))),
            ("t4g.large", Some((2, 8))),
            ("m6i.xlarge", Some((4, 16))),
            ("m7g.2xlarge", Some((8, 32))),
            ("m7i-flex.large", Some((2, 8))),
            ("c7i.xlarge", Some((4, 8))),
            ("c6a.2xlarge", Some((8, 16))),
            ("r6g.large", Some((2, 16))),
            ("m5.metal", Some((48, 192))),
            ("m4.xlarge", None),
            ("mac2.metal", None),
            ("p5.48xlarge", None),
            ("m5.99999999999xlarge", None),
            ("t3.huge", None),
        ] {
            let size = of(&InstanceType::parse(name).unwrap()).map(|size| (size.vcpus, size.memory_gib));
            assert_eq!(size, wanted, "{name}");
        }
    }
}
