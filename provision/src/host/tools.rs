//! The software that the SRE agent needs beside the proxy: how each is asked for its version, which package brings it, and
//! what to do where no package does. Commands are data here; somebody else runs them.

use model::{Finding, Severity};

/// A piece of software.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// Python 3.12.
    Python,
    /// The package manager of Python that the agent's projects use.
    Uv,
    /// Containers.
    Docker,
    /// Docker's Compose, version 2.
    Compose,
    /// AWS's command line, version 2.
    AwsCli,
}

/// The package managers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Of Amazon Linux 2023.
    Dnf,
    /// Of Ubuntu and Debian.
    Apt,
}

impl Tool {
    /// All.
    pub const ALL: [Self; 5] = [Self::Python, Self::Uv, Self::Docker, Self::Compose, Self::AwsCli];

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Python => "Python 3.12",
            Self::Uv => "uv",
            Self::Docker => "Docker",
            Self::Compose => "Docker Compose v2",
            Self::AwsCli => "AWS CLI v2",
        }
    }

    /// The command that says its version.
    pub fn ask(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["python3.12", "--version"],
            Self::Uv => &["uv", "--version"],
            Self::Docker => &["docker", "--version"],
            Self::Compose => &["docker", "compose", "version"],
            Self::AwsCli => &["aws", "--version"],
        }
    }

    /// Whether what it said is the version that is needed.
    pub fn is_right(self, said: &str) -> bool {
        match self {
            Self::Python => said.starts_with("Python 3.12"),
            Self::AwsCli => said.starts_with("aws-cli/2."),
            Self::Compose => ["v2.", "v3.", "v4.", "v5."].iter().any(|version| said.contains(version)),
            Self::Uv | Self::Docker => !said.is_empty(),
        }
    }

    /// The package, by the system's `ID` and `VERSION_ID`; none where no repository of the system has it.
    fn package(self, system: (&str, &str)) -> Option<&'static str> {
        match (system, self) {
            (("amzn", "2023") | ("ubuntu", "24.04"), Self::Python) => Some("python3.12"),
            (("amzn", "2023"), Self::Docker) => Some("docker"),
            (("amzn", "2023"), Self::AwsCli) => Some("awscli-2"),
            (("ubuntu" | "debian", _), Self::Docker) => Some("docker.io"),
            (("ubuntu", _), Self::Compose) => Some("docker-compose-v2"),
            // Ubuntu 22.04 has version 1.
            (("debian", "12"), Self::AwsCli) => Some("awscli"),
            _ => None,
        }
    }

    /// What its vendor says to do, for an operator who reads it first.
    pub fn by_hand(self) -> &'static str {
        match self {
            Self::Python => "uv python install 3.12",
            Self::Uv => {
                "see https://docs.astral.sh/uv/getting-started/installation/ (with pipx: pipx install uv)"
            }
            Self::Docker => "see https://docs.docker.com/engine/install/",
            Self::Compose => "see https://docs.docker.com/compose/install/linux/",
            Self::AwsCli => {
                "see https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
            }
        }
    }
}

/// The package manager of a system, by its `ID`.
pub fn manager(id: &str) -> Option<Manager> {
    match id {
        "amzn" | "fedora" | "rhel" => Some(Manager::Dnf),
        "ubuntu" | "debian" => Some(Manager::Apt),
        _ => None,
    }
}

/// What is to be done about what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolPlan {
    /// Commands in their order, each with its arguments.
    pub commands: Vec<Vec<String>>,
    /// What no package brings.
    pub by_hand: Vec<Tool>,
}

/// The plan for a system.
pub fn plan(id: &str, version: &str, missing: &[Tool]) -> ToolPlan {
    let mut packages = Vec::new();
    let mut plan = ToolPlan::default();
    for tool in missing {
        match tool.package((id, version)) {
            Some(package) => packages.push(package.to_owned()),
            None => plan.by_hand.push(*tool),
        }
    }
    let Some(manager) = manager(id) else {
        return ToolPlan { commands: Vec::new(), by_hand: missing.to_vec() };
    };
    if packages.is_empty() {
        return plan;
    }
    let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let mut install = match manager {
        Manager::Dnf => command(&["dnf", "install", "--assumeyes"]),
        Manager::Apt => {
            // A machine that has just booted installs updates by itself, and nobody else can meanwhile.
            let patient = ["apt-get", "--option", "DPkg::Lock::Timeout=300"];
            plan.commands.push(command(&[&patient[..], &["update"]].concat()));
            command(&[&patient[..], &["install", "--yes", "--no-install-recommends"]].concat())
        }
    };
    install.extend(packages);
    plan.commands.push(install);
    // Debian and Ubuntu start what they install.
    if manager == Manager::Dnf && missing.contains(&Tool::Docker) {
        plan.commands.push(command(&["systemctl", "enable", "--now", "docker.service"]));
    }
    plan
}

/// What there is to say of tools that no package brings.
pub fn findings(by_hand: &[Tool]) -> Vec<Finding> {
    by_hand
        .iter()
        .map(|tool| {
            let message = format!("{} is missing, and no package of this system brings it", tool.title());
            Finding::new("SRE-HOST-027", Severity::Warning, tool.title(), message).hint(tool.by_hand())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(plan: &ToolPlan) -> Vec<String> {
        plan.commands.iter().map(|words| words.join(" ")).collect()
    }

    #[test]
    fn each_system_has_its_packages() {
        let plan_of = |id: &str, version: &str| plan(id, version, &Tool::ALL);
        let amazon = plan_of("amzn", "2023");
        assert_eq!(
            lines(&amazon),
            ["dnf install --assumeyes python3.12 docker awscli-2", "systemctl enable --now docker.service"]
        );
        assert_eq!(amazon.by_hand, [Tool::Uv, Tool::Compose]);
        let apt = "apt-get --option DPkg::Lock::Timeout=300";
        let ubuntu = plan_of("ubuntu", "22.04");
        assert_eq!(
            lines(&ubuntu),
            [
                format!("{apt} update"),
                format!("{apt} install --yes --no-install-recommends docker.io docker-compose-v2")
            ]
        );
        assert_eq!(ubuntu.by_hand, [Tool::Python, Tool::Uv, Tool::AwsCli]);
        let debian = plan_of("debian", "12");
        assert_eq!(
            lines(&debian),
            [
                format!("{apt} update"),
                format!("{apt} install --yes --no-install-recommends docker.io awscli")
            ]
        );
        assert_eq!(debian.by_hand, [Tool::Python, Tool::Uv, Tool::Compose]);
        assert_eq!(plan_of("arch", "").by_hand, Tool::ALL);
        assert_eq!(plan("debian", "12", &[]), ToolPlan::default());
        assert!(lines(&plan("debian", "12", &[Tool::Uv])).is_empty());
    }

    #[test]
    fn nothing_is_piped_into_a_shell_and_versions_are_told_apart() {
        for tool in Tool::ALL {
            assert!(!tool.by_hand().contains('|'), "{tool:?}");
        }
        assert!(Tool::AwsCli.is_right("aws-cli/2.9.19 Python/3.11.2"));
        assert!(!Tool::AwsCli.is_right("aws-cli/1.22.34 Python/3.10.12"));
        assert!(Tool::Compose.is_right("Docker Compose version v2.27.0"));
        assert!(!Tool::Compose.is_right("docker-compose version 1.29.2"));
        assert!(Tool::Python.is_right("Python 3.12.4\n") && !Tool::Python.is_right("Python 3.11.2"));
    }
}
