//! What keeps a machine from taking the services of the SRE agent. Facts in, findings out; pure.

use std::net::IpAddr;

use model::agent::Backend;
use model::{Finding, Severity};

/// The oldest Python that the sample runs on.
pub const PYTHON: (u32, u32) = (3, 12);
/// The Region that the sample's backends have written into them.
pub const FIXED_REGION: &str = "us-east-1";

/// What is known of a machine, of the sample on it, and of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendFacts {
    /// The user that this runs as.
    pub uid: u32,
    /// The sample's folder.
    pub dir: String,
    /// Files of the sample that the services' own user could not use, each with the reason.
    pub unusable: Vec<(String, String)>,
    /// The Python of the sample's environment, or why there is none.
    pub python: Result<(u32, u32), String>,
    /// Whether there is a certificate with its key.
    pub has_pair: bool,
    /// Whether the credential provider was deployed, or why that is not known.
    pub provider: Result<(), String>,
    /// The port that each backend's schema names, or why it names none.
    pub ports: Vec<(Backend, Result<u16, String>)>,
    /// Ports that somebody else has, and who.
    pub taken: Vec<(Backend, Vec<String>)>,
    /// Where the backends are to listen, or why nothing was found.
    pub address: Result<IpAddr, String>,
    /// Whether this machine has that address.
    pub is_here: bool,
    /// Whether the backends look for their key in [`FIXED_REGION`] only.
    pub is_region_fixed: bool,
    /// The deployment's Region.
    pub region: Option<String>,
    /// Why the owner of the folder cannot read the state file.
    pub hidden_state: Option<String>,
    /// Folders that have to be written to and cannot be, each with the reason.
    pub unwritable: Vec<(String, String)>,
    /// Units of ours that are masked.
    pub masked: Vec<String>,
    /// Whether an earlier run has not ended.
    pub is_unfinished: bool,
}

/// Everything that there is to say, errors first.
pub fn judge(facts: &BackendFacts, program: &str) -> Vec<Finding> {
    let mut findings = of_machine(facts, program);
    findings.extend(of_sample(facts));
    findings.extend(of_deployment(facts));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

fn error(code: &str, subject: &str, message: impl Into<String>) -> Finding {
    Finding::new(code, Severity::Error, subject, message)
}

fn of_machine(facts: &BackendFacts, program: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.uid != 0 {
        findings.push(
            error("SRE-HOST-010", "user", "only root can install a service")
                .hint(format!("run it with sudo: sudo {program} gateway install ...")),
        );
    }
    // A user who is not root can write nowhere: that says nothing of the machine.
    for (path, reason) in facts.unwritable.iter().filter(|_| facts.uid == 0) {
        findings.push(
            error("SRE-HOST-011", path, format!("{path} cannot be written"))
                .evidence(reason)
                .hint("see how it is mounted: findmnt -T /etc"),
        );
    }
    for unit in &facts.masked {
        findings.push(
            error("SRE-HOST-012", unit, format!("{unit} is masked by an administrator"))
                .hint(format!("if it may run: systemctl unmask {unit}")),
        );
    }
    for (backend, names) in &facts.taken {
        let who = if names.is_empty() { "another user's process".to_owned() } else { names.join(", ") };
        let message = format!("port {} of the backend {} is taken by {who}", backend.port(), backend.name());
        findings.push(error("SRE-AGENT-033", backend.name(), message).hint(format!(
            "if the sample's own script started it: backend/scripts/stop_demo_backend.sh; else look: sudo ss -ltnp \
             'sport = :{}'",
            backend.port()
        )));
    }
    match &facts.address {
        Err(reason) => findings.push(
            error("SRE-AGENT-034", "address", "no address was found for the backends to listen on")
                .evidence(reason)
                .hint("name the instance's private one: --address IP"),
        ),
        Ok(address) if !facts.is_here => findings.push(
            error("SRE-AGENT-034", "address", format!("this machine has no address {address}"))
                .hint("name the instance's private one (ip -brief address): --address IP"),
        ),
        Ok(address) if is_open(*address) => findings.push(
            Finding::new(
                "SRE-AGENT-034",
                Severity::Warning,
                "address",
                format!("the backends are going to listen on {address}, which others than the VPC may reach"),
            )
            .hint("name the instance's private one: --address IP"),
        ),
        Ok(_) => {}
    }
    if facts.is_unfinished {
        let message = "an earlier try did not end; this one goes on with it";
        findings.push(Finding::new("SRE-HOST-014", Severity::Info, "host", message));
    }
    findings
}

/// Whether it is no address of a private network.
fn is_open(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_private() && !address.is_loopback(),
        IpAddr::V6(address) => !address.is_unique_local() && !address.is_loopback(),
    }
}

fn of_sample(facts: &BackendFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &facts.python {
        Err(reason) => findings.push(
            error("SRE-AGENT-030", &facts.dir, "the sample has no Python environment of its own")
                .evidence(reason)
                .hint(format!("make it, as the owner of the folder: cd {} && uv sync", facts.dir)),
        ),
        Ok(found) if *found < PYTHON => {
            let message = format!("the sample's environment has Python {}.{}", found.0, found.1);
            let hint = format!("make it anew: cd {} && uv venv --python 3.12 && uv sync", facts.dir);
            findings.push(error("SRE-AGENT-015", &facts.dir, message).hint(hint));
        }
        Ok(_) => {}
    }
    for (path, reason) in &facts.unusable {
        findings.push(
            error("SRE-AGENT-031", path, format!("the backends could not use {path}: {reason}"))
                .hint("they run as a user of their own, which reads what everybody may read"),
        );
    }
    for (backend, port) in &facts.ports {
        let message = match port {
            Ok(port) if *port == backend.port() => continue,
            Ok(port) => format!("it names port {port}, and the gateway looks for {}", backend.port()),
            Err(reason) => reason.clone(),
        };
        let subject = format!("backend/openapi_specs/{}", backend.schema_file());
        findings.push(
            error("SRE-AGENT-032", &subject, format!("{subject}: {message}"))
                .hint("write it again: sre-agent-deploy gateway files --dir DIR --state-file FILE"),
        );
    }
    findings
}

fn of_deployment(facts: &BackendFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !facts.has_pair {
        findings.push(
            error(
                "SRE-AGENT-013",
                &facts.dir,
                "there is no certificate, and without one the backends would serve without TLS",
            )
            .evidence("neither /etc/sre-agent/tls/live nor /opt/ssl holds fullchain.pem and privkey.pem")
            .hint("`sre-agent-deploy host install` obtains one and renews it; or put one into /opt/ssl"),
        );
    }
    if let Err(reason) = &facts.provider {
        findings.push(
            error("SRE-AGENT-022", "gateway.credential-provider", format!("the backends find no key: {reason}"))
                .hint("deploy with a `gateway` section in the configuration, and name its state file: --state-file FILE"),
        );
    }
    if let Some(reason) = &facts.hidden_state {
        findings.push(
            error("SRE-AGENT-036", "state file", format!("who owns {} cannot read the state file", facts.dir))
                .evidence(reason)
                .hint("the token is fetched as that user: put the state file where they can read it, or give it to them"),
        );
    }
    if let Some(region) =
        facts.region.as_ref().filter(|region| facts.is_region_fixed && *region != FIXED_REGION)
    {
        let message = format!(
            "the backends look for their key in {FIXED_REGION} only, and the deployment is in {region}"
        );
        let finding =
            Finding::new("SRE-AGENT-014", Severity::Warning, "backend/servers/retrieve_api_key.py", message);
        findings.push(
            finding.hint("change Region and endpoint in that file; it is the sample's own and is left alone"),
        );
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> BackendFacts {
        BackendFacts {
            uid: 0,
            dir: "/home/ec2-user/SRE-agent".to_owned(),
            unusable: Vec::new(),
            python: Ok((3, 12)),
            has_pair: true,
            provider: Ok(()),
            ports: Backend::ALL.map(|one| (one, Ok(one.port()))).into(),
            taken: Vec::new(),
            address: Ok(IpAddr::from([10, 0, 0, 17])),
            is_here: true,
            is_region_fixed: true,
            region: Some(FIXED_REGION.to_owned()),
            hidden_state: None,
            unwritable: Vec::new(),
            masked: Vec::new(),
            is_unfinished: false,
        }
    }

    fn said(change: impl FnOnce(&mut BackendFacts)) -> Vec<(String, Severity)> {
        let mut facts = good();
        change(&mut facts);
        let findings = judge(&facts, "sre-agent-deploy");
        assert!(
            findings.iter().all(|one| one.severity == Severity::Info || one.hint.is_some()),
            "{findings:#?}"
        );
        findings.into_iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    #[test]
    fn each_fault_is_named_and_all_at_once() {
        let one = |code: &str, severity| vec![(code.to_owned(), severity)];
        let bad = |code: &str| one(code, Severity::Error);
        let text = || "x".to_owned();
        assert_eq!(said(|_| {}), []);
        assert_eq!(said(|facts| facts.uid = 1000), bad("SRE-HOST-010"));
        assert_eq!(said(|facts| facts.unwritable.push((text(), text()))), bad("SRE-HOST-011"));
        assert_eq!(said(|facts| facts.masked.push(text())), bad("SRE-HOST-012"));
        assert_eq!(said(|facts| facts.is_unfinished = true), one("SRE-HOST-014", Severity::Info));
        assert_eq!(said(|facts| facts.python = Err(text())), bad("SRE-AGENT-030"));
        assert_eq!(said(|facts| facts.python = Ok((3, 11))), bad("SRE-AGENT-015"));
        assert_eq!(said(|facts| facts.unusable.push((text(), text()))), bad("SRE-AGENT-031"));
        assert_eq!(said(|facts| facts.ports[1].1 = Ok(9012)), bad("SRE-AGENT-032"));
        assert_eq!(said(|facts| facts.ports[2].1 = Err(text())), bad("SRE-AGENT-032"));
        assert_eq!(said(|facts| facts.taken.push((Backend::Logs, Vec::new()))), bad("SRE-AGENT-033"));
        assert_eq!(said(|facts| facts.address = Err(text())), bad("SRE-AGENT-034"));
        assert_eq!(said(|facts| facts.is_here = false), bad("SRE-AGENT-034"));
        assert_eq!(said(|facts| facts.has_pair = false), bad("SRE-AGENT-013"));
        assert_eq!(said(|facts| facts.provider = Err(text())), bad("SRE-AGENT-022"));
        assert_eq!(said(|facts| facts.hidden_state = Some(text())), bad("SRE-AGENT-036"));
        let elsewhere = said(|facts| facts.region = Some("eu-west-1".to_owned()));
        assert_eq!(elsewhere, one("SRE-AGENT-014", Severity::Warning));
        let all = said(|facts| {
            facts.has_pair = false;
            facts.provider = Err(text());
            facts.address = Err(text());
            facts.taken = Backend::ALL.map(|one| (one, vec!["python".to_owned()])).into();
        });
        assert_eq!(all.len(), 7);
    }

    #[test]
    fn an_address_that_others_may_reach_is_warned_of() {
        for (address, is_warned) in [
            ("0.0.0.0", true),
            ("::", true),
            ("54.1.2.3", true),
            ("172.31.0.9", false),
            ("fd00::1", false),
            ("127.0.0.1", false),
        ] {
            let said = said(|facts| facts.address = Ok(address.parse().unwrap()));
            let expected =
                if is_warned { vec![("SRE-AGENT-034".to_owned(), Severity::Warning)] } else { Vec::new() };
            assert_eq!(said, expected, "{address}");
        }
    }
}
